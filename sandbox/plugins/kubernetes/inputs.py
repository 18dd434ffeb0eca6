"""Checked inputs: what the engine keeps in state as the wish, and compares with the next one."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from sandbox.plugins.errors import PluginError
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.values import UNKNOWN, JsonObject, Path

AUTONAMED = "pulumi.com/autonamed"
# kubectl writes the whole object into this annotation: for a Secret, its values.
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def checked(kind: Kind, wish: JsonObject, old: JsonObject, *, name: str, namespace: str, seed: bytes) -> JsonObject:
    """The wish with `data` for `stringData`, a name and a namespace.

    An object without a name is named after its resource with eight random digits, and keeps that name as long as `old`
    inputs are given. The same `seed` gives the same digits.
    """
    result = _with_encoded_data(wish) if "stringData" in kind.secret else dict(wish)
    metadata = result.get("metadata") or {}
    if metadata == UNKNOWN:
        return result
    metadata = dict(metadata)
    if kind.namespaced:
        metadata["namespace"] = metadata.get("namespace") or namespace
    if not metadata.get("name"):
        metadata = _named(metadata, old.get("metadata"), name, seed)
    return {**result, "apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}


def _named(metadata: JsonObject, old: Any, name: str, seed: bytes) -> JsonObject:
    if metadata.get("generateName"):
        raise PluginError(
            f"{name}: the stand-in kubernetes plugin does not do metadata.generateName; give a name or none"
        )
    digits = hashlib.sha256(seed).hexdigest()[:8] if seed else secrets.token_hex(4)
    kept = old.get("name") if isinstance(old, dict) and is_autonamed({"metadata": old}) else None
    annotations = {**(metadata.get("annotations") or {}), AUTONAMED: "true"}
    return {**metadata, "name": kept or f"{name}-{digits}", "annotations": annotations}


def _with_encoded_data(wish: JsonObject) -> JsonObject:
    """Secrets are kept as the API server stores them: `stringData` encoded into `data`, and winning over it."""
    if "stringData" not in wish:
        return dict(wish)
    rest = {key: value for key, value in wish.items() if key != "stringData"}
    texts, data = wish["stringData"], wish.get("data") or {}
    if UNKNOWN in (texts, data):
        return {**rest, "data": UNKNOWN}
    return {**rest, "data": {**data, **{key: _encoded(key, value) for key, value in texts.items()}}}


def _encoded(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise PluginError(f"stringData.{key}: it must be text; encode other values before they come here")
    return value if value == UNKNOWN else base64.b64encode(value.encode()).decode()


def is_autonamed(inputs: Mapping[str, Any]) -> bool:
    """Whether the name was made here, so that a replacement may have another."""
    metadata = inputs.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(annotations, dict) and annotations.get(AUTONAMED) == "true"


def always_secret(kind: Kind) -> frozenset[Path]:
    """Paths that are secret whatever the program says."""
    fields: frozenset[Path] = frozenset((field,) for field in kind.secret)
    return fields | {("metadata", "annotations", _LAST_APPLIED)} if fields else fields


def of_live(live: JsonObject, old: JsonObject) -> JsonObject:
    """What a live object says about the fields that `old` inputs manage; all that a person sets, without old inputs."""
    if old:
        return _pruned(live, old)
    metadata = {
        key: live["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in live["metadata"]
    }
    return {key: value for key, value in live.items() if key != "status"} | {"metadata": metadata}


def _pruned(live: JsonObject, shape: JsonObject) -> JsonObject:
    """The part of `live` under the keys of `shape`."""
    return {
        key: _pruned(live[key], wanted) if isinstance(wanted, dict) and isinstance(live[key], dict) else live[key]
        for key, wanted in shape.items()
        if key in live
    }
