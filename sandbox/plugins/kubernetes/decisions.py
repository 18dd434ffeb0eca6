"""What changed between old and new inputs, and whether that is an update or a replacement. Pure: no I/O."""

from typing import Any

from sandbox.plugins.differences import Change, Decision, differences, written
from sandbox.plugins.kubernetes.inputs import is_autonamed
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.values import JsonObject, Path

_PLACE = frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace"})


def decide(kind: Kind, old: JsonObject, new: JsonObject, enabled: frozenset[str]) -> Decision:
    """Compare inputs. `enabled` are the switches of the provider that are on.

    A replacement under the same given name deletes first, else the new object could never be made. The exception is the
    trap of a provider without the mutable setting: there changed contents alone replace with the new object first.
    """
    found = [(path, act, _replaces(kind, old, path, enabled)) for path, act in differences(old, new, ())]
    changes = tuple(Change(written(path), act, replaces) for path, act, replaces in found)
    forced = any(_must_replace(kind, old, path) for path, _, _ in found)
    return Decision(changes, delete_first=forced and _same_given_name(old, new))


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
