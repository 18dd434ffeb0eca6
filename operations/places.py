"""Where a job finds the objects that it works with: `namespace/name`, by an option or by the environment."""

from __future__ import annotations

from dataclasses import dataclass

from rotation.errors import InvalidSettings

RECEIPTS_VARIABLE = "TOKEN_ROTATION_RECEIPTS"


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
        raise InvalidSettings(f"read {variable}", cause, f"Set {variable}, as in token-rotation/token-receipts.")
    return ObjectPlace(namespace, name)
