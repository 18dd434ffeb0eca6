"""Where evidence is seen: an ExternalSecret with its target Secret, a workload with its pod template. It only reads."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kubernetes import client

from dynamic_providers.plain_objects import PlainObjects, path
from rotation.clock import from_rfc3339
from rotation.evidence import ExternalSecret, NoAnswer, Observation, RolledOut, Source, Synced, Workload
from rotation.model import fingerprint

GENERATION_ANNOTATION = "token-rotation/generation"
"""The annotation of a pod template that names the generation with which its pods were started."""

_PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}


def observe(objects: PlainObjects, source: Source) -> Observation:
    """Look at one source. What does not exist shows nothing; other failures are raised as the client raises them."""
    try:
        if source.external_secret is not None:
            return _synced(objects, source.external_secret)
        assert source.workload is not None, "a source names one thing"
        return _rolled_out(objects, source.workload)
    except client.ApiException as error:
        if error.status == 404:
            return NoAnswer(_absence(error))
        raise


def _synced(objects: PlainObjects, source: ExternalSecret) -> Synced:
    found = objects.read(path("external-secrets.io/v1", source.namespace, "externalsecrets", source.name))
    target = _mapping(_mapping(found, "spec"), "target").get("name") or source.name
    held = objects.read(path("v1", source.namespace, "secrets", target)).get("data") or {}
    values = (base64.b64decode(text).decode(errors="replace") for text in held.values())
    return Synced(_instant(_mapping(found, "status").get("refreshTime")), frozenset(map(fingerprint, values)))


def _rolled_out(objects: PlainObjects, source: Workload) -> RolledOut:
    found = objects.read(path("apps/v1", source.namespace, _PLURALS[source.kind], source.name))
    metadata, spec, status = (_mapping(found, part) for part in ("metadata", "spec", "status"))
    template = _mapping(_mapping(spec, "template"), "metadata")
    if source.kind == "DaemonSet":
        wanted, names = status.get("desiredNumberScheduled", 0), _DAEMONS
    else:
        wanted, names = spec.get("replicas", 1), _REPLICAS
    total, updated, ready = (status.get(name, 0) for name in names)
    return RolledOut(
        seen=status.get("observedGeneration", 0) >= metadata.get("generation", 0),
        generation=str(_mapping(template, "annotations").get(GENERATION_ANNOTATION, "")),
        wanted=wanted,
        total=total,
        updated=updated,
        ready=ready,
    )


_REPLICAS = ("replicas", "updatedReplicas", "readyReplicas")
_DAEMONS = ("currentNumberScheduled", "updatedNumberScheduled", "numberReady")


def _mapping(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = parent.get(name)
    return found if isinstance(found, Mapping) else {}


def _instant(text: object) -> datetime | None:
    try:
        return from_rfc3339(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _absence(error: client.ApiException) -> str:
    """An object that is not there is told by a Status of its own; a kind that is not known by a bare 404."""
    try:
        named = _mapping(json.loads(error.body or "{}"), "details").get("name")
    except (ValueError, AttributeError):
        named = None
    return f"{named!r} does not exist" if named else "the cluster does not know its kind (is the CRD installed?)"
