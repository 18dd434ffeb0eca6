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


def read_place(text: str, variable: str = RECEIPTS_VARIABLE) -> ObjectPlace:
    """Read `namespace/name`. Raises InvalidSettings, which names the variable that usually holds it."""
    namespace, _, name = text.partition("/")
    if not namespace or not name or "/" in name:
        cause = f"{text!r} is no namespace/name" if text else "it is not set"
        raise InvalidSettings(f"read {variable}", cause, f"Set {variable}, as in {_USUAL_RECEIPTS}.")
    return ObjectPlace(namespace, name)


def records_place(text: str) -> RecordPlace:
    """Read where an operator's records are, as `namespace/name`. Raises InvalidSettings."""
    namespace, _, name = text.partition("/")
    try:
        return RecordPlace(namespace=namespace, name=name)
    except ValidationError:
        remedy = f"Write --records, or {RECORDS_VARIABLE}, as in {USUAL_RECORDS}."
        raise InvalidSettings("read where the records are", f"{text!r} is no namespace/name", remedy) from None
