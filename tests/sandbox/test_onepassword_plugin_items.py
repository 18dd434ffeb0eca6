"""The stand-in onepassword plugin knows what the installed SDK has, and items survive the way there and back."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pulumi_onepassword as onepassword
import pytest

from sandbox.plugins.onepassword import items, properties
from tests.sandbox.connect_world import ConnectWorld

FIELDS = [{"label": "token", "type": "CONCEALED", "value": "v"}, {"label": "expires", "type": "STRING", "value": "t"}]
NOTE = {"title": "one", "category": "secure_note", "tags": ["a"], "sections": [{"label": "s", "fields": FIELDS}]}


def _wire_names(kind: type[Any]) -> set[str]:
    """The properties of an input class by the names that travel."""
    words = [name for name in inspect.signature(kind.__init__).parameters if name not in ("self", "__self__")]
    return {re.sub(r"_(\w)", lambda match: match[1].upper(), word) for word in words}


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        (onepassword.ItemArgs, properties.ITEM),
        (onepassword.ItemSectionArgs, properties.SECTION),
        (onepassword.ItemSectionFieldArgs, properties.FIELD),
    ],
)
def test_it_knows_the_properties_of_the_sdk(kind: type[Any], known: frozenset[str]) -> None:
    """Every property that the installed SDK has, and no other; so a misspelt one is refused as the real plugin does."""
    assert _wire_names(kind) == known


@pytest.mark.parametrize(
    "wish",
    [
        NOTE,
        {**NOTE, "noteValue": "words", "url": "https://example.com"},
        {"title": "one", "category": "login", "username": "u", "password": "p"},
        {
            "title": "one",
            "category": "database",
            "hostname": "h",
            "port": "5432",
            "type": "postgresql",
            "password": "p",
        },
        {"title": "", "category": "password", "password": "p", "sections": [{"label": "s", "id": "own", "fields": []}]},
    ],
)
def test_an_item_comes_back_as_it_was_given(wish: dict[str, Any]) -> None:
    """What Connect answers for a body says the same inputs again: a refresh of what nobody touched finds no change."""
    world = ConnectWorld()
    given = properties.with_defaults({"vault": world.vault, **wish})
    answer = world.call("POST", f"/vaults/{world.vault}/items", items.body(given, {}))
    assert answer.status == 200, answer.body

    told = items.outputs(answer.json())
    assert items.inputs_of(told, given) == given
    assert told["uuid"] == answer.json()["id"]


def test_ids_are_kept_by_a_change() -> None:
    """A section keeps its id when its fields change, so fields stay tied to it."""
    world = ConnectWorld()
    given = {"vault": world.vault, **NOTE}
    made = items.outputs(world.call("POST", f"/vaults/{world.vault}/items", items.body(given, {})).json())
    made["sections"][0]["id"] = "an-id-of-the-server"
    sent = items.body(given, made, made["uuid"])

    assert sent["sections"] == [{"id": "an-id-of-the-server", "label": "s"}]
    assert {field["section"]["id"] for field in sent["fields"] if "section" in field} == {"an-id-of-the-server"}


def test_every_value_is_secret() -> None:
    """Password, note and each field's value are marked, whatever the program says."""
    marks = properties.always_secret(NOTE)
    assert ("sections", 0, "fields", 1, "value") in marks
    assert {("password",), ("noteValue",)} <= marks


def test_misspelt_properties_are_named() -> None:
    """An unknown property is named by its path, at every depth; section_map is not in this version."""
    section = {"label": "s", "feilds": [], "fields": [{"label": "f", "valeu": "x"}]}
    problems = properties.problems({"vault": "v", "sectionMap": {}, "sections": [section]})
    assert set(problems) == {"sectionMap", "sections[0].feilds", "sections[0].fields[0].valeu"}
    assert set(properties.problems({})) == {"vault"}
