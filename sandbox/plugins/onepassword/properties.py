"""The properties of an item, as the installed SDK has them: which there are, their defaults, and what replaces it."""

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.plugins.errors import PluginError
from sandbox.plugins.values import UNKNOWN, JsonObject, Path

TYPE = "onepassword:index/item:Item"
CATEGORIES = ("login", "password", "database", "secure_note")
TEXTS = ("title", "username", "password", "noteValue", "url", "hostname", "database", "port", "type")
ITEM = frozenset({"vault", "category", *TEXTS, "passwordRecipe", "tags", "sections"})
SECTION = frozenset({"label", "id", "fields"})
FIELD = frozenset({"label", "id", "type", "purpose", "value", "passwordRecipe"})
REPLACING = frozenset({"vault", "category"})
_SECRET: tuple[Path, ...] = (("password",), ("noteValue",))


def refuse_other_types(token: str) -> None:
    """Raises PluginError for any type but the item, also behind its parents' types."""
    if token.rpartition("$")[2] != TYPE:
        raise PluginError(f"{token}: the stand-in onepassword plugin knows only {TYPE}; install the real plugin")


def problems(inputs: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the inputs of an item, by path."""
    found = {path: f"{path}: an Item has no such property" for path in _strangers(inputs)}
    if not inputs.get("vault"):
        found["vault"] = "vault: it is needed, the id of a vault"
    if inputs.get("category", "login") not in (*CATEGORIES, UNKNOWN):
        found["category"] = f"category: it must be one of {', '.join(CATEGORIES)}"
    return found


def _strangers(inputs: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name in inputs if name not in ITEM)
    for number, section in _numbered(inputs.get("sections")):
        yield from (f"sections[{number}].{name}" for name in section if name not in SECTION)
        for index, field in _numbered(section.get("fields")):
            yield from (f"sections[{number}].fields[{index}].{name}" for name in field if name not in FIELD)


def with_defaults(inputs: JsonObject) -> JsonObject:
    """The inputs with the category and the type of each field."""
    sections = inputs.get("sections")
    if not isinstance(sections, list):
        return {"category": "login", **inputs}
    typed = [_with_types(section) for section in sections]
    return {"category": "login", **inputs, "sections": typed}


def _with_types(section: Any) -> Any:
    if not isinstance(section, dict) or not isinstance(section.get("fields"), list):
        return section
    fields = [{"type": "STRING", **field} if isinstance(field, dict) else field for field in section["fields"]]
    return {**section, "fields": fields}


def always_secret(values: Mapping[str, Any]) -> frozenset[Path]:
    """The paths that are secret whatever the program says: the password, the note, and every field's value."""
    fields = (
        ("sections", number, "fields", index, "value")
        for number, section in _numbered(values.get("sections"))
        for index, _ in _numbered(section.get("fields"))
    )
    return frozenset((*_SECRET, *fields))


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The names of the properties that differ."""
    return sorted(name for name in {*old, *new} if name in ITEM and old.get(name) != new.get(name))


def _numbered(values: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a list that is known already."""
    if isinstance(values, list):
        yield from ((number, value) for number, value in enumerate(values) if isinstance(value, dict))
