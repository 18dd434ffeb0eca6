"""What differs between old and new inputs, and how the engine is told of it: every stand-in compares in this way."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pulumi.provider.experimental import provider as sdk

from sandbox.plugins.values import Path

_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$]*")
_ABSENT = object()


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


def written(path: Path) -> str:
    """As Pulumi writes a path: `data.t`, `metadata.annotations["a/b"]`, `spec.rules[0]`."""
    text = ""
    for step in path:
        if isinstance(step, str) and _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{step}]" if isinstance(step, int) else f'["{step}"]'
    return text


def answer(decision: Decision) -> sdk.DiffResponse:
    """What the engine is told of a comparison."""
    return sdk.DiffResponse(
        changes=bool(decision.changes),
        replaces=[change.path for change in decision.changes if change.replaces],
        delete_before_replace=decision.delete_first,
        diffs=[change.path for change in decision.changes],
        detailed_diff={change.path: _property_diff(change) for change in decision.changes},
    )


def _property_diff(change: Change) -> sdk.PropertyDiff:
    return sdk.PropertyDiff(_KINDS_OF_DIFF[change.act, change.replaces], input_diff=True)


_KINDS_OF_DIFF = {
    (Act.ADD, False): sdk.PropertyDiffKind.ADD,
    (Act.ADD, True): sdk.PropertyDiffKind.ADD_REPLACE,
    (Act.DELETE, False): sdk.PropertyDiffKind.DELETE,
    (Act.DELETE, True): sdk.PropertyDiffKind.DELETE_REPLACE,
    (Act.UPDATE, False): sdk.PropertyDiffKind.UPDATE,
    (Act.UPDATE, True): sdk.PropertyDiffKind.UPDATE_REPLACE,
}
