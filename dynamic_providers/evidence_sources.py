"""Where evidence is seen: an ExternalSecret with its target Secret, a workload with its pod template. It only reads."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kubernetes import client

from rotation.clock import from_rfc3339
from rotation.evidence import ExternalSecret, NoAnswer, Observation, RolledOut, Source, Synced, Workload
from rotation.model import fingerprint

GENERATION_ANNOTATION = "token-rotation/generation"
"""The annotation of a pod template that names the generation with which its pods were started."""

_TIME_LIMIT = (10.0, 30.0)  # seconds to connect, and in all
_PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}


def observe(api: client.ApiClient, source: Source) -> Observation:
    """Look at one source. What does not exist shows nothing; other failures are raised as the client raises them."""
    try:
        if source.external_secret is not None:
            return _synced(api, source.external_secret)
        assert source.workload is not None, "a source names one thing"
        return _rolled_out(api, source.workload)
    except client.ApiException as error:
        if error.status == 404:
            return NoAnswer(_absence(error))
        raise


def _synced(api: client.ApiClient, source: ExternalSecret) -> Synced:
    found = _read(api, "external-secrets.io", source.namespace, "externalsecrets", source.name)
    target = _mapping(_mapping(found, "spec"), "target").get("name") or source.name
    core = client.CoreV1Api(api)
    held = core.read_namespaced_secret(target, source.namespace, _request_timeout=_TIME_LIMIT).data or {}
    values = (base64.b64decode(text).decode(errors="replace") for text in held.values())
    return Synced(_instant(_mapping(found, "status").get("refreshTime")), frozenset(map(fingerprint, values)))


def _rolled_out(api: client.ApiClient, source: Workload) -> RolledOut:
    found = _read(api, "apps", source.namespace, _PLURALS[source.kind], source.name)
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


def _read(api: client.ApiClient, group: str, namespace: str, plural: str, name: str) -> Mapping[str, Any]:
    objects = client.CustomObjectsApi(api)
    found: Mapping[str, Any] = objects.get_namespaced_custom_object(
        group, "v1", namespace, plural, name, _request_timeout=_TIME_LIMIT
    )
    return found


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
