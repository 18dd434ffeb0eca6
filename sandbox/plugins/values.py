"""Plain values and Pulumi's property values.

Decisions are made on plain values (what JSON knows); which of them are secret travels beside them as a set of paths.
An unknown of a preview is the engine's own sentinel text, because the SDK's experimental layer passes it on unchanged.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

__all__ = ["UNKNOWN", "JsonObject", "Path", "has_unknown", "marked", "plain", "secret_paths"]

JsonObject = dict[str, Any]
Path = tuple[str | int, ...]


def plain(values: Mapping[str, PropertyValue]) -> JsonObject:
    """The values without their secret marks and without nulls; whole numbers are ints, as Kubernetes wants them."""
    return {key: _plain(value) for key, value in values.items() if value.value is not None}


def _plain(value: PropertyValue) -> Any:
    inner = value.value
    if isinstance(inner, Mapping):
        return plain(inner)
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [_plain(item) for item in inner]
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    return inner


def has_unknown(value: Any) -> bool:
    """Whether anything in the plain value becomes known only when another resource is made."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return bool(value == UNKNOWN)


def secret_paths(values: Mapping[str, PropertyValue]) -> frozenset[Path]:
    """The outermost paths that are secret."""
    return frozenset(path for key, value in values.items() for path in _secret_paths(value, (key,)))


def _secret_paths(value: PropertyValue, here: Path) -> Iterator[Path]:
    inner = value.value
    if value.is_secret:
        yield here
    elif isinstance(inner, Mapping):
        for key, item in inner.items():
            yield from _secret_paths(item, (*here, key))
    elif isinstance(inner, Sequence) and not isinstance(inner, str):
        for index, item in enumerate(inner):
            yield from _secret_paths(item, (*here, index))


def marked(values: JsonObject, secrets: frozenset[Path]) -> dict[str, PropertyValue]:
    """Property values of plain ones, secret at the given paths."""
    return {key: _marked(value, (key,), secrets) for key, value in values.items()}


def _marked(value: Any, here: Path, secrets: frozenset[Path]) -> PropertyValue:
    inner: Any = value
    if isinstance(value, dict):
        inner = {key: _marked(item, (*here, key), secrets) for key, item in value.items()}
    elif isinstance(value, list):
        inner = [_marked(item, (*here, index), secrets) for index, item in enumerate(value)]
    elif isinstance(value, int) and not isinstance(value, bool):
        inner = float(value)
    return PropertyValue(inner, is_secret=here in secrets)
