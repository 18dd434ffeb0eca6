"""Reading an item as its consumers do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rotation.backends.transport import Request, Response
from rotation.copies.connect import Connect, read_item
from rotation.copies.found import Found
from rotation.errors import BackendError, NotFound, Refused, Unauthorised, Unavailable
from sandbox.faults import Faults
from tests.sandbox.connect_world import ConnectWorld

TITLE = "Authentik Admin Token"
FIELDS = {"token": "planted-value", "generation": "g1"}


@pytest.fixture
def world() -> ConnectWorld:
    made = ConnectWorld()
    made.server.write_by_hand(made.vault, TITLE, FIELDS)
    made.settle()
    return made


def _read(
    world: ConnectWorld, vault: str = "homelab", item: str = TITLE, field: str = "token", token: str = ""
) -> Found:
    return read_item(world.server.handle, token or world.token, vault, item, field, clock=world.clock)


def test_value_and_generation_are_found_by_names(world: ConnectWorld) -> None:
    """Vault by name, item by title and field by label lead to the value and the generation beside it."""
    assert _read(world) == Found("planted-value", "g1")


def test_ids_need_no_search(world: ConnectWorld) -> None:
    """With ids there is one request, so a second item of the title does not matter."""
    (item,) = world.server.items(world.vault)
    world.create(TITLE)
    world.settle()
    world.server.calls.clear()

    assert _read(world, world.vault, item["id"]).value == "planted-value"
    assert list(world.server.calls.values()) == [1]


def test_a_copy_without_a_generation_is_a_copy(world: ConnectWorld) -> None:
    """An item that names no generation has an empty one."""
    world.server.write_by_hand(world.vault, TITLE, {"token": "planted-value"})
    world.settle()
    assert _read(world).generation == ""


def _no_vault(world: ConnectWorld) -> Found:
    return _read(world, vault="nowhere")


def _no_item(world: ConnectWorld) -> Found:
    return _read(world, item="nothing")


def _no_field(world: ConnectWorld) -> Found:
    return _read(world, field="nothing")


def _item_is_gone(world: ConnectWorld) -> Found:
    (item,) = world.server.items(world.vault)
    world.server.remove_by_hand(item["id"])
    world.settle()
    return _read(world, item=item["id"])


def _two_of_one_title(world: ConnectWorld) -> Found:
    world.create(TITLE)
    world.settle()
    return _read(world)


def _two_of_one_label(world: ConnectWorld) -> Found:
    world.create("other", *({"label": "token", "value": "planted-value"},) * 2)
    world.settle()
    return _read(world, item="other")


def _dead_token(world: ConnectWorld) -> Found:
    return _read(world, token="planted-dead-credential")


def _vault_out_of_scope(world: ConnectWorld) -> Found:
    return _read(world, vault=world.server.add_vault("private"))


def _down(world: ConnectWorld) -> Found:
    faults = Faults(world.server.handle)
    faults.down = True
    return read_item(faults, world.token, "homelab", TITLE, "token", clock=world.clock)


def _a_proxy_answers(world: ConnectWorld) -> Found:
    faults = Faults(world.server.handle)
    faults.refuse(404, times=9)
    return read_item(faults, world.token, world.vault, "a" * 26, "token", clock=world.clock)


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (_no_vault, NotFound),
        (_no_item, NotFound),
        (_no_field, NotFound),
        (_item_is_gone, NotFound),
        (_two_of_one_title, Refused),
        (_two_of_one_label, Refused),
        (_dead_token, Unauthorised),
        (_vault_out_of_scope, Unauthorised),
        (_down, Unavailable),
        (_a_proxy_answers, Unavailable),
    ],
)
def test_what_cannot_be_read_is_a_typed_error(
    world: ConnectWorld, read: Callable[[ConnectWorld], Found], kind: type[BackendError]
) -> None:
    """Each cause has its type, names 1password, and shows neither value nor credential; away is never gone."""
    with pytest.raises(BackendError) as failed:
        read(world)
    assert type(failed.value) is kind
    assert failed.value.backend == "1password"
    assert "planted" not in repr(failed.value)


def test_a_spurious_403_is_asked_again(world: ConnectWorld) -> None:
    """Two refusals that mean nothing do not hide an item; one that stays is believed after three."""
    world.server.deny_next(2)
    assert _read(world).value == "planted-value"
    world.server.deny_next(99)
    world.server.calls.clear()
    with pytest.raises(Unauthorised):
        _read(world)
    assert sum(world.server.calls.values()) == 3


def test_titles_are_compared_exactly(world: ConnectWorld) -> None:
    """A server that is generous in its search leads nobody to another item."""
    world.create("authentik admin token", {"label": "token", "value": "another"})
    world.settle()

    def generous(request: Request) -> Response:
        return world.server.handle(replace(request, query={}))

    found = Connect(generous, world.token, world.clock).find(world.vault, TITLE)
    assert [each.title for each in found] == [TITLE]


def test_no_repr_shows_a_value(world: ConnectWorld) -> None:
    """Neither what was found nor the item in whole shows its values."""
    item = Connect(world.server.handle, world.token, world.clock).item(world.vault, TITLE)
    assert item.values("token") == ["planted-value"]
    assert "planted" not in repr(item) + repr(_read(world))
