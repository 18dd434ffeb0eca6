"""What changed between old and new inputs, and whether that is an update or a replacement. Pure: no I/O."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sandbox.plugins.kubernetes.inputs import is_autonamed
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.values import JsonObject, Path

_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$]*")
_ABSENT = object()
_PLACE = frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace"})


class Act(Enum):
    """What happened to one value."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Change:
    """One value that differs, under its path as Pulumi writes it, and whether it replaces the object."""

    path: str
    act: Act
    replaces: bool


@dataclass(frozen=True)
class Decision:
    """All changes, and whether a replacement deletes the old object before it makes the new one."""

    changes: tuple[Change, ...]
    delete_first: bool


def decide(kind: Kind, old: JsonObject, new: JsonObject, enabled: frozenset[str]) -> Decision:
    """Compare inputs. `enabled` are the switches of the provider that are on.

    A replacement under the same given name deletes first, else the new object could never be made. The exception is the
    trap of a provider without the mutable setting: there changed contents alone replace with the new object first.
    """
    found = [(path, act, _replaces(kind, old, path, enabled)) for path, act in differences(old, new, ())]
    changes = tuple(Change(written(path), act, replaces) for path, act, replaces in found)
    forced = any(_must_replace(kind, old, path) for path, _, _ in found)
    return Decision(changes, delete_first=forced and _same_given_name(old, new))


def differences(old: Any, new: Any, here: Path) -> Iterator[tuple[Path, Act]]:
    """The innermost paths that differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key, _ABSENT), new.get(key, _ABSENT), (*here, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from differences(_item(old, index), _item(new, index), (*here, index))
    elif old is _ABSENT:
        yield here, Act.ADD
    elif new is _ABSENT:
        yield here, Act.DELETE
    elif old != new:
        yield here, Act.UPDATE


def _item(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else _ABSENT


def _must_replace(kind: Kind, old: JsonObject, path: Path) -> bool:
    """Whether the API server could not change this in place."""
    frozen = kind.contents | {"immutable"} if kind.contents and old.get("immutable") is True else frozenset()
    fields = kind.replaced_by | frozen | _PLACE
    return any(_touches(path, tuple(field.split("."))) for field in fields)


def _touches(path: Path, field: Path) -> bool:
    """Whether a change is at the field or below it, or above it: then something became unknown or absent as a whole."""
    shared = min(len(path), len(field))
    return path[:shared] == field[:shared]


def _replaces(kind: Kind, old: JsonObject, path: Path, enabled: frozenset[str]) -> bool:
    trapped = kind.mutable_setting is not None and kind.mutable_setting not in enabled
    return _must_replace(kind, old, path) or (trapped and path[0] in kind.contents)


def _same_given_name(old: JsonObject, new: JsonObject) -> bool:
    if is_autonamed(new):
        return False
    return _place(old) == _place(new)


def _place(inputs: JsonObject) -> tuple[Any, Any]:
    metadata = inputs.get("metadata")
    return (metadata.get("namespace"), metadata.get("name")) if isinstance(metadata, dict) else (None, None)


def written(path: Path) -> str:
    """As Pulumi writes a path: `data.t`, `metadata.annotations["a/b"]`, `spec.rules[0]`."""
    text = ""
    for step in path:
        if isinstance(step, str) and _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{step}]" if isinstance(step, int) else f'["{step}"]'
    return text
