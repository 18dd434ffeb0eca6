"""What stands in 1Password is looked at before anything is declared."""

from __future__ import annotations

import pytest

from components.one_password import KnownItem, look_up, section_fields
from components.publications.places import ItemPlace
from rotation.copies.connect import Connect
from rotation.errors import InvalidSettings
from sandbox.faults import Faults
from tests.sandbox.connect_world import ConnectWorld

MARK = "homelab-12345678"
TITLE = "Authentik Admin Token"
PLACE = ItemPlace(vault="homelab", item=TITLE)


class Look:
    """A look-up in one vault, with the lines that it told."""

    def __init__(self) -> None:
        self.world = ConnectWorld()
        self.faults = Faults(self.world.server.handle)
        self.told: list[str] = []

    def up(self, *places: ItemPlace, **remembered: str) -> dict[str, KnownItem]:
        connect = Connect(self.faults, self.world.token, self.world.clock)
        return look_up(connect, places or (PLACE,), remembered, MARK, self.told.append)

    def refused(self, *places: ItemPlace) -> str:
        with pytest.raises(InvalidSettings) as refusal:
            self.up(*places)
        assert refusal.value.remedy
        return str(refusal.value)


@pytest.fixture
def look() -> Look:
    return Look()


def test_a_free_title_is_free(look: Look) -> None:
    """Where nothing bears the title the vault's id is known and nothing is to be taken over."""
    (known,) = look.up().values()
    assert known == KnownItem(look.world.vault, TITLE, "", MARK)
    assert known.import_id is None


def test_our_own_item_is_named_by_its_id(look: Look) -> None:
    """An item with our tags is found, so that a lost answer is never followed by a second item."""
    made = look.world.create(TITLE, tags=["token-rotation", MARK, "theirs"])
    look.world.settle()
    (known,) = look.up().values()
    assert known.import_id == f"vaults/{look.world.vault}/items/{made['id']}"


@pytest.mark.parametrize("tags", [[], ["token-rotation"], ["token-rotation", "other-87654321"]])
def test_an_item_that_is_not_ours_is_refused(look: Look, tags: list[str]) -> None:
    """An item of the title without this stack's mark is refused, with its id and what to do."""
    made = look.world.create(TITLE, tags=tags)
    look.world.settle()
    told = look.refused()
    assert f"an item of this title is there ({made['id']}) and is not ours" in told
    assert f"give it the tags token-rotation and {MARK}" in told


def test_two_of_one_title_are_refused(look: Look) -> None:
    """Consumers could not tell which of two is meant, even when one is ours."""
    made = [look.world.create(TITLE, tags=tags)["id"] for tags in ([], ["token-rotation", MARK])]
    look.world.settle()
    told = look.refused()
    assert "2 items bear this title" in told
    assert all(each in told for each in made)


def test_two_places_that_are_one_are_refused(look: Look) -> None:
    """A vault by name and the same by id are one place."""
    told = look.refused(PLACE, ItemPlace(vault=look.world.vault, item=TITLE))
    assert "are the same item. Give each token its own item." in told


def test_an_unknown_vault_is_refused(look: Look) -> None:
    """Nothing may be minted that could not be published."""
    assert "find the vault 'nowhere' of 1Password" in look.refused(ItemPlace(vault="nowhere", item=TITLE))


def test_with_connect_down_the_ids_of_before_count(look: Look) -> None:
    """Without Connect a run goes on with the vault's id that it had: another would replace every item."""
    look.faults.down = True
    (known,) = look.up(homelab=look.world.vault).values()
    assert known == KnownItem(look.world.vault, TITLE, "", MARK)
    assert len(look.told) == 2
    (silent,) = look_up(None, (PLACE,), {"homelab": look.world.vault}, MARK, look.told.append).values()
    assert silent == known
    with pytest.raises(InvalidSettings):
        look_up(None, (PLACE,), {}, MARK, look.told.append)
    by_id = ItemPlace(vault=look.world.vault, item=TITLE)
    assert look_up(None, (by_id,), {}, MARK, look.told.append)[str(by_id)] == known


def test_the_fields_are_those_of_the_seed() -> None:
    """Values are concealed, facts are text; the previous value has a field only in the overlap."""
    facts = {"generation": "g2", "created": "c", "expires": "e", "description": "d"}
    facts |= {"last_rotation": "c", "rotation_status": "active"}
    single = section_fields({"token": "v2"}, facts)
    double = section_fields({"token": "v2", "token-previous": "v1"}, facts)

    labels = {field["label"] for field in single}
    assert labels == {"token", "generation", *("created", "expires", "description", "last_rotation", "rotation_status")}
    assert [field["label"] for field in double if field["type"] == "CONCEALED"] == ["token", "token-previous"]
    assert {field["type"] for field in single if field["label"] != "token"} == {"STRING"}
