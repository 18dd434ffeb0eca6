"""Who wrote what: field managers, what each owns of an object, and server-side apply.

A field is a path of steps as `managedFields` writes them (`f:data`, `f:token`). Maps are owned key by key, owner
references one by one, everything else whole. A step `.` is the map itself: who made a map by an update owns that too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
Field = tuple[str, ...]
Fields = frozenset[Field]
_MAPS = ("data", "stringData", "binaryData")
_METADATA_MAPS = ("labels", "annotations")
_SERVERS = frozenset({"apiVersion", "kind", "metadata", "status", "spec"})
_NOWHERE = object()


@dataclass(frozen=True)
class Writer:
    """A field manager and how it writes: `Apply`, or `Update` for everything else."""

    manager: str
    operation: str


@dataclass(frozen=True)
class Share:
    """What one writer owns, and when it last wrote."""

    writer: Writer
    api_version: str
    time: str
    fields: Fields


class ConflictError(Exception):
    """An apply would change what others own: who, as a conflict names them, and which field."""

    def __init__(self, causes: list[tuple[str, Field]]) -> None:
        super().__init__("apply failed")
        self.causes = causes


def fields_of(given: Mapping[str, Any], *, marks: bool) -> Fields:
    """Every field that an object has; with `marks` also the maps themselves."""
    found: set[Field] = set()
    metadata = given.get("metadata") or {}
    for name in _MAPS:
        found |= _of_map((), name, given.get(name), marks=marks)
    for name in _METADATA_MAPS:
        found |= _of_map(("f:metadata",), name, metadata.get(name), marks=marks)
    owners = {_key(owner): owner for owner in metadata.get("ownerReferences") or []}
    found |= _of_steps(("f:metadata", "f:ownerReferences"), owners, marks=marks)
    found |= {("f:metadata", "f:generateName")} if "generateName" in metadata else set()
    found |= {(f"f:{name}",) for name, value in given.items() if name not in {*_SERVERS, *_MAPS} and value is not None}
    return frozenset(found)


def updated(before: Mapping[str, Any], after: Mapping[str, Any], shares: list[Share], by: Share) -> list[Share]:
    """What everybody owns after a create, replace or patch: the writer what it changed, nobody what is gone."""
    there = fields_of(after, marks=True)
    changed = {one for one in there if _value(before, one) != _value(after, one) or one not in _all(before)}
    mine = frozenset(one for share in shares if share.writer == by.writer for one in share.fields if one in there)
    others = [
        _with(share, frozenset(one for one in share.fields if _is_left(one, there, changed)))
        for share in shares
        if share.writer != by.writer
    ]
    own = [_with(by, mine | changed)] if mine | changed else []
    return [share for share in [*others, *own] if share.fields]


def applied(live: Object, given: Object, shares: list[Share], by: Share, *, force: bool) -> tuple[Object, list[Share]]:
    """Server-side apply of `given` on what is there. Raises ConflictError where it would change what others own."""
    wanted = fields_of(given, marks=False)
    others = [share for share in shares if share.writer != by.writer]
    contested = {one for one in wanted if _value(live, one) != _value(given, one)}
    causes = sorted((_named(share), one) for share in others for one in share.fields & contested)
    if causes and not force:
        raise ConflictError(causes)
    result = deepcopy(live)
    for one in wanted:
        _put(result, one, _value(given, one))
    kept = frozenset().union(*(share.fields for share in others))
    for share in shares:
        if share.writer == by.writer:
            for one in share.fields - wanted - kept:
                _take(result, one)
    left = [_with(share, share.fields - contested) for share in others]
    return result, [share for share in [*left, _with(by, wanted)] if share.fields]


def shares_of(stored: Mapping[str, Any]) -> list[Share]:
    """Read `managedFields`."""
    return [
        Share(
            Writer(entry["manager"], entry["operation"]),
            entry["apiVersion"],
            entry["time"],
            frozenset(_read(entry["fieldsV1"])),
        )
        for entry in stored.get("metadata", {}).get("managedFields") or []
    ]


def managed_fields(shares: Iterable[Share]) -> list[Object]:
    """Write `managedFields`: those who apply first."""
    return [
        {
            "manager": share.writer.manager,
            "operation": share.writer.operation,
            "apiVersion": share.api_version,
            "time": share.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": _written(share.fields),
        }
        for share in sorted(shares, key=lambda share: share.writer.operation)
    ]


def shown(one: Field) -> str:
    """A field as a conflict names it: `.data.token`."""
    return "".join(f".{step.removeprefix('f:')}" if step.startswith("f:") else f"[{step[2:]}]" for step in one)


def _named(share: Share) -> str:
    """Who updated is named with the version by which it did."""
    return f'"{share.writer.manager}"' + ("" if share.writer.operation == "Apply" else f" using {share.api_version}")


def _of_map(root: Field, name: str, value: Any, *, marks: bool) -> set[Field]:
    if value is None:
        return set()
    return _of_steps((*root, f"f:{name}"), {f"f:{key}": key for key in value}, marks=marks, empty=True)


def _of_steps(root: Field, steps: Mapping[str, Any], *, marks: bool, empty: bool = False) -> set[Field]:
    found = {(*root, step) for step in steps}
    if found and marks:
        found.add((*root, "."))
    return found or ({root} if empty else set())


def _key(owner: Mapping[str, Any]) -> str:
    return "k:" + json.dumps({"uid": owner.get("uid", "")}, separators=(",", ":"))


def _is_left(one: Field, there: Fields, changed: set[Field]) -> bool:
    known = one in there or (one[0] == "f:stringData") or any(field[: len(one)] == one for field in there)
    return known and one not in changed


def _all(given: Mapping[str, Any]) -> Fields:
    return fields_of(given, marks=True)


def _with(share: Share, fields: Fields) -> Share:
    return Share(share.writer, share.api_version, share.time, fields)


def _value(given: Mapping[str, Any], one: Field) -> Any:
    """What stands at a field; a map itself has no value to compare but that it is there."""
    at: Any = given
    for step in one:
        if step == ".":
            return None
        if step.startswith("k:"):
            at = next((owner for owner in at or [] if _key(owner) == step), _NOWHERE)
        else:
            at = at.get(step[2:], _NOWHERE) if isinstance(at, Mapping) else _NOWHERE
        if at is _NOWHERE:
            return _NOWHERE
    return at


def _put(result: Object, one: Field, value: Any) -> None:
    at: Any = result
    for step in one[:-1]:
        at = at.setdefault(step[2:], [] if step == "f:ownerReferences" else {})
    last = one[-1]
    if last.startswith("k:"):
        at[:] = [owner for owner in at if _key(owner) != last] + [deepcopy(value)]
    elif not isinstance(value, Mapping) or not at.get(last[2:]):
        at[last[2:]] = deepcopy(value)


def _take(result: Object, one: Field) -> None:
    """Take a field out, and a map that is empty then."""
    holders: list[tuple[Any, str]] = []
    at: Any = result
    for step in one[:-1]:
        holders.append((at, step[2:]))
        at = at.get(step[2:]) if isinstance(at, Mapping) else None
    if isinstance(at, list):
        at[:] = [owner for owner in at if _key(owner) != one[-1]]
    elif isinstance(at, dict) and not isinstance(at.get(one[-1][2:]), Mapping):
        at.pop(one[-1][2:], None)
    for holder, name in reversed(holders):
        if isinstance(holder, dict) and name != "metadata" and not holder.get(name):
            holder.pop(name, None)


def _read(tree: Mapping[str, Any], root: Field = ()) -> Iterable[Field]:
    for step, below in tree.items():
        if below:
            yield from _read(below, (*root, step))
        else:
            yield (*root, step)


def _written(fields: Fields) -> Object:
    tree: Object = {}
    for one in sorted(fields):
        at = tree
        for step in one:
            at = at.setdefault(step, {})
    return tree
