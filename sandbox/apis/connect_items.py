"""What Connect accepts as an item, and what it makes of it: ids, generated values, the notes that every item has."""

from __future__ import annotations

import re
import string
from typing import Any

from sandbox.apis.connect_records import CATEGORIES, Store
from sandbox.apis.routing import Refusal

FIELD_TYPES = frozenset({"STRING", "EMAIL", "CONCEALED", "URL", "TOTP", "OTP", "DATE", "MONTH_YEAR", "MENU"})
_PURPOSES = frozenset({"", "USERNAME", "PASSWORD", "NOTES"})
_NEEDED_PURPOSES = {"LOGIN": ("USERNAME", "PASSWORD"), "PASSWORD": ("PASSWORD",)}
_FORMS = {"DATE": re.compile(r"\d{4}-\d{2}-\d{2}"), "MONTH_YEAR": re.compile(r"\d{4}(0[1-9]|1[0-2])")}
_CHARACTERS = {"LETTERS": string.ascii_letters, "DIGITS": string.digits, "SYMBOLS": "!@.-_*"}
_LONGEST_GENERATED, _DEFAULT_GENERATED = 64, 32


def refused(status: int, message: str) -> Refusal:
    """A refusal in Connect's own form."""
    return Refusal(status, {"status": status, "message": message})


def accepted(body: Any, vault: str, store: Store) -> dict[str, Any]:
    """The content that is kept of a body: exactly what it names, with ids. Raises Refusal 400."""
    if not isinstance(body, dict) or not isinstance(body.get("vault"), dict) or body["vault"].get("id") != vault:
        raise refused(400, "Invalid item: vault id must be the one of the path")
    category = body.get("category")
    if category not in CATEGORIES:
        raise refused(400, "Invalid item category")
    sections = [{"id": section.get("id") or store.new_id(), **section} for section in body.get("sections") or []]
    fields = [_field(field, store) for field in body.get("fields") or []]
    for purpose in _NEEDED_PURPOSES.get(category, ()):
        if not any(field.get("purpose") == purpose for field in fields):
            raise refused(400, f"Invalid item: {category} needs a field with the purpose {purpose}")
    if not any(field.get("purpose") == "NOTES" for field in fields):
        fields.append({"id": "notesPlain", "type": "STRING", "purpose": "NOTES", "label": "notesPlain"})
    return {
        "title": str(body.get("title") or ""),
        "category": category,
        "favorite": bool(body.get("favorite")),
        "tags": list(body.get("tags") or []),
        "urls": list(body.get("urls") or []),
        "sections": sections,
        "fields": fields,
    }


def _field(field: Any, store: Store) -> dict[str, Any]:
    if not isinstance(field, dict) or field.get("type", "STRING") not in FIELD_TYPES:
        raise refused(400, "Invalid item: unknown field type")
    if field.get("purpose", "") not in _PURPOSES:
        raise refused(400, "Invalid item: unknown field purpose")
    kept = {key: value for key, value in field.items() if key not in ("generate", "recipe")}
    kept = {"type": "STRING", **kept, "id": field.get("id") or store.new_id()}
    if field.get("generate"):
        kept["value"] = _generated(field.get("recipe") or {}, store)
    form = _FORMS.get(kept["type"])
    if form and kept.get("value") and not form.fullmatch(str(kept["value"])):
        raise refused(400, f"Invalid item: the value is no {kept['type']}")
    return kept


def _generated(recipe: dict[str, Any], store: Store) -> str:
    length = recipe.get("length", _DEFAULT_GENERATED)
    if not 1 <= length <= _LONGEST_GENERATED:
        raise refused(400, f"Invalid item: the length of a recipe is from 1 to {_LONGEST_GENERATED}")
    sets = recipe.get("characterSets") or list(_CHARACTERS)
    return store.new_value(length, "".join(_CHARACTERS[name] for name in sets))


def summary(full: dict[str, Any]) -> dict[str, Any]:
    """As a search answers it: without fields and sections."""
    return {key: value for key, value in full.items() if key not in ("fields", "sections")}
