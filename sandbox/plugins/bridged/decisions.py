"""What changed between old and new inputs, and whether that is an update or a replacement. Pure: no I/O."""

from typing import Any

from sandbox.plugins.bridged.kinds import Kind
from sandbox.plugins.differences import Change, Decision, differences, written
from sandbox.plugins.values import UNKNOWN, JsonObject


def decide(kind: Kind, old: JsonObject, new: JsonObject) -> Decision:
    """Compare inputs. An input that is not known yet may turn out as it was, and still counts as a change."""
    found = differences(old, new, ())
    changes = tuple(Change(written(path), act, path[0] in kind.replaced_by) for path, act in found)
    replaces = any(change.replaces for change in changes)
    return Decision(changes, delete_first=replaces and _keeps_its_name(kind, old, new))


def _keeps_its_name(kind: Kind, old: JsonObject, new: JsonObject) -> bool:
    name = new.get(kind.named_by)
    return name is not None and name in (old.get(kind.named_by), UNKNOWN)


def same(wanted: Any, live: Any) -> bool:
    """Whether a server says what was wished: its lists are sets, and it trims texts."""
    if isinstance(wanted, list) and isinstance(live, list):
        return sorted(map(str, wanted)) == sorted(map(str, live))
    if isinstance(wanted, str) and isinstance(live, str):
        return wanted.strip() == live.strip()
    return bool(wanted == live)
