"""Everything is read and judged before anything is declared."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from components.preferences import ITEM_TITLE
from components.preparation import Prepared, prepare
from rotation.errors import InvalidSettings
from rotation.model import owner_mark
from tests.components.people_world import PeopleWorld
from tests.components.stack_config import AUTHENTIK, PROJECT, as_text

TITLE = "Authentik Admin Token"


def prepared(world: PeopleWorld, **config: Any) -> Prepared:
    """Of a stack with one token that goes to the item of the settings."""
    token = {"backend": "authentik", "publish": [{"onePassword": {}}]}
    structured = {"tokens": {"admin": token}, "backends": {"authentik": AUTHENTIK}, "onePassword": {}, **config}
    structured["cluster"] = {"kubeconfig": world.kubeconfig}
    stack_config = {f"{PROJECT}:{key}": as_text(value) for key, value in structured.items()}
    seams: dict[str, Any] = {"clock": world.connect.clock, "tell": world.told.append}
    return prepare(stack_config, PROJECT, "homelab", world.environ, **seams, transport=lambda _url: world.faults)


@pytest.fixture
def world() -> PeopleWorld:
    made = PeopleWorld()
    made.write_item(overlap_days="45", rotation_enabled="false")
    return made


def test_what_people_set_reaches_policy_and_places(world: PeopleWorld) -> None:
    """The item's fields change policy and pause, and a publication without names goes to the item that they name."""
    found = prepared(world)
    assert found.settings.policy("admin").overlap == timedelta(days=45)
    assert found.settings.tokens["admin"].paused
    assert list(found.items) == [f"homelab/{TITLE}"]
    assert found.vaults == {"homelab": world.connect.vault}
    assert (found.connect_url, found.settings_item, world.told) == (None, None, [])


def test_an_item_with_this_stacks_mark_is_ours(world: PeopleWorld) -> None:
    """Only the mark of project and stack makes an item ours; another's is refused before anything is declared."""
    made = world.connect.create(TITLE, tags=["token-rotation", owner_mark(PROJECT, "homelab")])
    world.connect.settle()
    (item,) = prepared(world).items.values()
    assert item.id == made["id"]
    world.connect.server.write_by_hand(world.connect.vault, TITLE, {}, tags=("token-rotation", "other-12345678"))
    world.connect.settle()
    with pytest.raises(InvalidSettings, match="is not ours"):
        prepared(world)


def test_the_settings_item_is_among_the_items(world: PeopleWorld) -> None:
    """Where the stack makes it, it has a place, so that its provider is made."""
    (settings,) = world.connect.server.items(world.connect.vault)
    world.connect.server.remove_by_hand(settings["id"])
    world.connect.settle()
    found = prepared(world, onePassword={"url": "https://connect.example.com", "create_settings_item": True})
    assert found.settings_item in found.items.values()
    assert f"{world.connect.vault}/{ITEM_TITLE}" in found.items
    assert found.connect_url == "https://connect.example.com"


def test_a_first_run_without_connect_mints_nothing(world: PeopleWorld) -> None:
    """A vault that was never resolved is refused: what is minted could not be published."""
    world.faults.down = True
    with pytest.raises(InvalidSettings, match="find the vault 'homelab' of 1Password"):
        prepared(world)
