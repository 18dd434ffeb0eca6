"""An item as a program gives it, as Connect takes it, and as it comes back."""

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.plugins.values import JsonObject

_NAMED = ("hostname", "database", "port", "type")
"""Properties of the category database that are fields without a purpose, known by their label."""
_SETS = {"letters": "LETTERS", "digits": "DIGITS", "symbols": "SYMBOLS"}


def body(inputs: Mapping[str, Any], before: Mapping[str, Any], item_id: str = "") -> JsonObject:
    """What is sent: the whole item. `before` are earlier outputs, which keep ids and a generated password."""
    category = inputs["category"]
    sections = [_identified(section, before) for section in inputs.get("sections") or []]
    fields = [*_own_fields(inputs, before, category), *(field for each in sections for field in _fields(each))]
    url = [{"primary": True, "href": inputs["url"]}] if inputs.get("url") else []
    return {
        **({"id": item_id} if item_id else {}),
        "vault": {"id": inputs["vault"]},
        "title": inputs.get("title", ""),
        "category": category.upper(),
        "tags": inputs.get("tags") or [],
        "urls": url,
        "sections": [{key: section[key] for key in ("id", "label") if key in section} for section in sections],
        "fields": [{key: value for key, value in field.items() if value is not None} for field in fields],
    }


def _own_fields(inputs: Mapping[str, Any], before: Mapping[str, Any], category: str) -> Iterator[JsonObject]:
    if category != "secure_note":
        if category != "password":
            yield _purposed("username", "STRING", "USERNAME" if category == "login" else "", inputs.get("username"))
        yield _password(inputs, before, "PASSWORD" if category != "database" else "")
    if category == "database":
        yield from ({"id": name, "label": name, "type": "STRING", "value": inputs.get(name)} for name in _NAMED)
    yield _purposed("notesPlain", "STRING", "NOTES", inputs.get("noteValue"))


def _purposed(name: str, kind: str, purpose: str, value: Any) -> JsonObject:
    return {"id": name, "label": name, "type": kind, "purpose": purpose, "value": value}


def _password(inputs: Mapping[str, Any], before: Mapping[str, Any], purpose: str) -> JsonObject:
    """The given value, or the one that the server made earlier, or the wish that it makes one."""
    value = inputs.get("password") or before.get("password")
    wish = {} if value else {"generate": True, "recipe": _recipe(inputs.get("passwordRecipe") or {})}
    return {**_purposed("password", "CONCEALED", purpose, value), **wish}


def _recipe(wish: Mapping[str, Any]) -> JsonObject:
    sets = [name for key, name in _SETS.items() if wish.get(key, True)]
    return {"length": wish.get("length", 32), "characterSets": sets}


def _identified(section: JsonObject, before: Mapping[str, Any]) -> JsonObject:
    """A section with an id, which ties its fields to it: its own, the earlier one of its label, or its label."""
    known = {each["label"]: each.get("id") for each in before.get("sections") or []}
    return {**section, "id": section.get("id") or known.get(section["label"]) or section["label"]}


def _fields(section: JsonObject) -> Iterator[JsonObject]:
    for field in section.get("fields") or []:
        recipe = field.get("passwordRecipe")
        wish = {"generate": True, "recipe": _recipe(recipe)} if recipe and not field.get("value") else {}
        kept = {key: field.get(key) for key in ("id", "label", "type", "purpose", "value")}
        yield {**kept, "section": {"id": section["id"]}, **wish}


def outputs(item: Mapping[str, Any], recipe: Any = None) -> JsonObject:
    """The outputs of the SDK for an item as Connect tells it."""
    own = {field.get("label", ""): field.get("value") for field in item.get("fields") or [] if not field.get("section")}
    told = {
        "uuid": item["id"],
        "vault": item["vault"]["id"],
        "category": item["category"].lower(),
        "title": item.get("title"),
        "tags": item.get("tags") or None,
        "url": next((url["href"] for url in item.get("urls") or [] if url.get("primary")), None),
        "username": own.get("username"),
        "password": own.get("password"),
        "noteValue": own.get("notesPlain"),
        "passwordRecipe": recipe,
        "sections": [_section(section, item.get("fields") or []) for section in item.get("sections") or []] or None,
        **{name: own.get(name) for name in _NAMED},
    }
    return {key: value for key, value in told.items() if value is not None}


def _section(section: Mapping[str, Any], fields: list[JsonObject]) -> JsonObject:
    mine = [field for field in fields if (field.get("section") or {}).get("id") == section["id"]]
    shown = ("id", "label", "type", "purpose", "value")
    kept = [{key: field[key] for key in shown if field.get(key) not in (None, "")} for field in mine]
    return {"id": section["id"], "label": section.get("label", ""), "fields": kept}


def inputs_of(told: JsonObject, old: Mapping[str, Any]) -> JsonObject:
    """What outputs say about the properties that old inputs set; all that a person sets, where there are none.

    Ids are the server's unless a program chose them.
    """
    names = set(old) or {name for name in told if name != "uuid"}
    kept = {name: told[name] for name in told if name in names}
    if "sections" in kept:
        chosen = {section.get("label"): "id" in section for section in old.get("sections") or []}
        kept["sections"] = [_without_ids(section, chosen.get(section["label"], False)) for section in kept["sections"]]
    return kept


def _without_ids(section: JsonObject, chosen: bool) -> JsonObject:
    fields = [{key: value for key, value in field.items() if key != "id"} for field in section["fields"]]
    return {key: value for key, value in {**section, "fields": fields}.items() if key != "id" or chosen}
