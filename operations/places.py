"""Where a job finds the objects that it works with: `namespace/name`, by an option or by the environment."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from rotation.errors import InvalidSettings
from rotation.operator_tokens.record import RecordPlace

RECEIPTS_VARIABLE = "TOKEN_ROTATION_RECEIPTS"
RECORDS_VARIABLE = "TOKEN_ROTATION_RECORDS"
USUAL_RECORDS = f"{RecordPlace().namespace}/{RecordPlace().name}"
_USUAL_RECEIPTS = "token-rotation/token-receipts"


@dataclass(frozen=True)
class ObjectPlace:
    """A namespace and a name in it."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def read_place(text: str, variable: str = RECEIPTS_VARIABLE, usual: str = _USUAL_RECEIPTS) -> ObjectPlace:
    """Read `namespace/name`. Raises InvalidSettings, which names the variable that usually holds it."""
    namespace, _, name = text.partition("/")
    if not namespace or not name or "/" in name:
        cause = f"{text!r} is no namespace/name" if text else "it is not set"
        raise InvalidSettings(f"read {variable}", cause, f"Set {variable}, as in {usual}.")
    return ObjectPlace(namespace, name)


def records_place(text: str) -> RecordPlace:
    """Read where an operator's records are, as `namespace/name`. Raises InvalidSettings."""
    place = read_place(text, RECORDS_VARIABLE, USUAL_RECORDS)
    try:
        return RecordPlace(namespace=place.namespace, name=place.name)
    except ValidationError:
        remedy = f"Set {RECORDS_VARIABLE}, as in {USUAL_RECORDS}."
        raise InvalidSettings(f"read {RECORDS_VARIABLE}", f"{text!r} cannot be a place in a cluster", remedy) from None
