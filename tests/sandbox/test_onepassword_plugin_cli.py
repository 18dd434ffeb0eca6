"""The stand-in onepassword plugin under the real CLI, against a simulated Connect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.onepassword_stack import VALUE, ItemStack, new_item_stack

pytestmark = pytest.mark.deep  # other tests use the stand-in for what it is for


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[ItemStack]:
    with new_item_stack(tmp_path / "program") as made:
        yield made


def test_an_item_is_made_changed_in_place_and_deleted(stack: ItemStack) -> None:
    """A change is a PUT of the whole item under the same id, secret in the preview; a second run changes nothing."""
    stack.declare("one", tags=["token-rotation"])
    stack.up()
    before = stack.item("one")
    stack.connect.write_by_hand(stack.vault, "one", {"token": VALUE, "theirs": "x"})
    stack.declare("one", value=f"{VALUE}-2", tags=["token-rotation"])
    preview = stack.run("preview", "--diff")
    stack.up()

    assert "~ onepassword:index/item:Item: (update)" in preview
    assert "[secret]" in preview
    assert stack.item("one")["id"] == before["id"]
    assert stack.values("one") == {"token": f"{VALUE}-2"}  # the field that somebody added is gone, as it really is
    assert stack.item("one")["tags"] == ["token-rotation"]
    outputs = stack.pulumi.outputs()["one"]
    assert outputs["id"] == f"vaults/{stack.vault}/items/{before['id']}"
    assert outputs["uuid"] == before["id"]
    stack.up("--expect-no-changes")
    stack.run("destroy", "--yes", "--skip-preview")
    assert stack.connect.items(stack.vault) == []


def test_another_vault_or_category_is_a_replacement(stack: ItemStack) -> None:
    """Vault and category replace the item, new one first: for a while there are two of one title."""
    other = stack.connect.add_vault("other")
    stack.token = stack.connect.grant("both", stack.vault, other)
    stack.declare("one")
    stack.up()
    before = stack.item("one")["id"]

    stack.declare("one", category="password", password=VALUE)
    assert "+-onepassword:index/item:Item: (replace)" in stack.run("preview", "--diff")
    stack.up()
    assert stack.item("one")["category"] == "PASSWORD"
    assert stack.item("one")["id"] != before
    stack.declare("one", category="password", password=VALUE, vault=other)
    stack.up()
    assert stack.connect.items(stack.vault) == []
    assert [item["title"] for item in stack.connect.items(other)] == ["one"]


def test_a_password_that_is_left_out_is_made_by_the_server(stack: ItemStack) -> None:
    """The trap of the categories login and password: a value that nobody asked for, kept by later changes."""
    stack.declare("one", category="password", sections=None, password_recipe={"length": 12, "symbols": False})
    stack.up()
    made = stack.values("one")["password"]
    stack.declare("one", category="password", sections=None, tags=["a"], password_recipe={"length": 12})
    stack.up()

    assert re.fullmatch(r"[A-Za-z0-9]{12}", made)
    assert stack.values("one") == {"password": made}
    assert made not in stack.stored()


def test_a_refresh_tells_drift_and_fails_for_a_lost_item(stack: ItemStack) -> None:
    """A value changed by hand is put back after a refresh; an item that is gone fails the refresh."""
    stack.declare("one")
    stack.up()
    stack.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    stack.connect.write_by_hand(stack.vault, "one", {"token": f"{VALUE}-theirs"})
    stack.up("--expect-no-changes")
    stack.run("refresh", "--yes", "--skip-preview")
    stack.up()
    assert stack.values("one") == {"token": VALUE}

    stack.connect.remove_by_hand(stack.item("one")["id"])
    failed = stack.run("refresh", "--yes", "--skip-preview", fails=True)
    assert "could not be read: HTTP 404: item " in failed
    assert "pulumi state delete" in failed


def test_nothing_is_repeated(stack: ItemStack) -> None:
    """A 409 fails an update, a 500 a deletion, a broken answer leaves an item that the state does not know."""
    stack.declare("one")
    stack.up()
    stack.declare("one", value=f"{VALUE}-2")
    stack.faults.refuse(409, method="PUT")
    assert "item 'one' could not be updated: HTTP 409" in stack.up(fails=True)
    stack.up()
    stack.faults.refuse(500, method="DELETE")
    assert "could not be deleted: HTTP 500" in stack.run("destroy", "--yes", "--skip-preview", fails=True)
    stack.run("destroy", "--yes", "--skip-preview")

    stack.faults.lose_answer(method="POST")
    assert "Connect gave no answer (RemoteProtocolError)" in stack.up(fails=True)
    stack.up()
    assert [item["title"] for item in stack.connect.items(stack.vault)] == ["one", "one"]


def test_what_a_lost_answer_left_is_imported(stack: ItemStack) -> None:
    """An item that the state does not know is imported by its id and then made as declared; there is no second one."""
    stack.declare("one", tags=["mine"])
    stack.faults.lose_answer(method="POST")
    stack.up(fails=True)
    known = f"vaults/{stack.vault}/items/{stack.item('one')['id']}"

    stack.declare("one", value=f"{VALUE}-2", tags=["mine"], **{"import": known})
    stack.up()
    assert stack.values("one") == {"token": f"{VALUE}-2"}
    stack.declare("one", value=f"{VALUE}-3", tags=["mine"], **{"import": known})
    stack.up()
    stack.up("--expect-no-changes")
    assert len(stack.connect.items(stack.vault)) == 1
    assert stack.values("one") == {"token": f"{VALUE}-3"}


def test_what_it_does_not_know_is_refused(stack: ItemStack) -> None:
    """Unknown categories, other ways than Connect and a missing credential are errors that name the remedy."""
    stack.declare("one", category="api_credential")
    assert "category: it must be one of login, password, database, secure_note" in stack.run("preview", fails=True)
    stack.declare("one")
    stack.provider = {"account": "example"}
    assert "a Connect server only" in stack.run("preview", fails=True)
    stack.provider = {}
    token, stack.token = stack.token, ""
    assert "the onepassword provider has no token: set OP_CONNECT_TOKEN" in stack.up(fails=True)
    stack.token = token
    stack.up()
