"""The real cluster: receipts, Secrets and evidence by the Kubernetes API. Only the providers' process needs it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config

from dynamic_providers import evidence_sources
from dynamic_providers.cluster import (
    AUTO_RENEW_ANNOTATION,
    AUTO_ROTATE_ANNOTATION,
    CURRENT_KEY,
    GENERATION_ANNOTATION,
    MANAGER,
    PLACEHOLDER_ANNOTATION,
    PREVIOUS_ANNOTATION,
    ClusterSettings,
    Placed,
)
from dynamic_providers.plain_objects import METADATA_ONLY, PlainObjects, path
from rotation.backends.kubernetes_transport import kubernetes_transport
from rotation.backends.transport import Transport
from rotation.errors import ClusterAway, ClusterError
from rotation.evidence import NoAnswer, Observation, Source
from rotation.run_record import runs_name

_USUAL = Path("~/.kube/config")
_LIFECYCLE_MANAGER = "lifecycle-manager"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_OURS = {_MANAGED_BY: MANAGER}


def connection(settings: ClusterSettings) -> client.Configuration:
    """How the API is reached: by the settings, KUBECONFIG or the usual file; else as the pod that we run in.

    Raises config.ConfigException when there is none of them.
    """
    loaded = client.Configuration()
    if settings.kubeconfig or settings.context or os.environ.get("KUBECONFIG") or _USUAL.expanduser().exists():
        named = {"config_file": settings.kubeconfig} if settings.kubeconfig else {}
        config.load_kube_config(context=settings.context, client_configuration=loaded, **named)
    else:
        config.load_incluster_config(client_configuration=loaded)
    loaded.retries = False
    return loaded


class KubernetesCluster:
    """The real one. It connects at the first question, so that a run that asks nothing needs no kubeconfig."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._place = settings.receipts

    @cached_property
    def _objects(self) -> PlainObjects:
        return PlainObjects(client.ApiClient(connection(self._settings)))

    def transport(self) -> Transport:
        """The way to the API server for what speaks HTTP itself."""
        with _told("connect to the cluster"):
            return kubernetes_transport(connection(self._settings))

    def uid(self, where: str) -> str | None:
        with _told(f"look up {where}"):
            found = self._objects.find(where, METADATA_ONLY)
        return None if found is None else str(found["metadata"]["uid"])

    def config_map(self, namespace: str, name: str) -> dict[str, bytes] | None:
        with _told(f"read the ConfigMap {namespace}/{name}"):
            found = self._objects.find(path("v1", namespace, "configmaps", name))
        if found is None:
            return None
        texts = {key: text.encode() for key, text in (found.get("data") or {}).items()}
        return texts | {key: base64.b64decode(text) for key, text in (found.get("binaryData") or {}).items()}

    def receipts(self) -> dict[str, str]:
        return self._entries("the receipt", self._place.name)

    def run_records(self) -> dict[str, str]:
        return self._entries("the record of runs", runs_name(self._place.name))

    def ready_replicas(self, namespace: str, name: str) -> int | None:
        with _told(f"read the Deployment {namespace}/{name}"):
            found = self._objects.find(path("apps/v1", namespace, "deployments", name))
        return None if found is None else int((found.get("status") or {}).get("readyReplicas") or 0)

    def _entries(self, what: str, name: str) -> dict[str, str]:
        """The data of a ConfigMap beside the receipts; none when there is no such ConfigMap."""
        namespace = self._place.namespace
        with _told(f"read {what} {namespace}/{name}"):
            found = self._objects.find(path("v1", namespace, "configmaps", name))
        return dict((found or {}).get("data") or {})

    def write_receipt(self, token: str, text: str) -> None:
        self._apply(token, {token: text})

    def remove_receipt(self, token: str) -> None:
        self._apply(token, {})

    def secret_value(self, namespace: str, name: str, key: str) -> str:
        with _told(f"read the Secret {namespace}/{name}"):
            found = self._objects.read(path("v1", namespace, "secrets", name))
        encoded = (found.get("data") or {}).get(key)
        if not encoded:
            act = f"read the Secret {namespace}/{name}"
            raise ClusterError(act, f"it has no key {key}", "Name the key that holds the credential.")
        text = _text(encoded)
        if text is None:
            act = f"read the Secret {namespace}/{name}"
            raise ClusterError(act, f"the key {key} holds no text", "Write the value alone, in UTF-8.")
        return text

    def placed(self, namespace: str, name: str) -> Placed | None:
        with _told(f"read the metadata of the Secret {namespace}/{name}"):
            found = self._objects.find(path("v1", namespace, "secrets", name), METADATA_ONLY)
        return None if found is None else _placed(found.get("metadata") or {})

    def hold_place(self, namespace: str, name: str, value: str, owner: str) -> None:
        metadata = {"labels": _OURS, "annotations": {PLACEHOLDER_ANNOTATION: owner}}
        body = {"type": "Opaque", "metadata": metadata, "stringData": {CURRENT_KEY: value}}
        self._apply_secret(namespace, name, body)

    def give_up_place(self, namespace: str, name: str) -> None:
        self._apply_secret(namespace, name, {})

    def _apply_secret(self, namespace: str, name: str, body: Mapping[str, Any]) -> None:
        """Under a field manager of its own: what is applied no more and nobody else wrote goes."""
        whole = {"apiVersion": "v1", "kind": "Secret", **body}
        whole["metadata"] = {**whole.get("metadata", {}), "name": name}
        with _told(f"hold the place of the Secret {namespace}/{name}"):
            self._objects.apply(path("v1", namespace, "secrets", name), whole, f"{MANAGER}-placeholder")

    def observe(self, source: Source) -> Observation:
        try:
            with _told(f"read {source}"):
                return evidence_sources.observe(self._objects, source)
        except ClusterError as error:
            return NoAnswer(error.cause)

    def _apply(self, token: str, data: dict[str, str]) -> None:
        place = self._place
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": place.name, "labels": _OURS},
            "data": data,
        }
        with _told(f"write the receipt {place.namespace}/{place.name}"):
            where = path("v1", place.namespace, "configmaps", place.name)
            self._objects.apply(where, body, f"token-rotation-{token}")


def _text(encoded: str) -> str | None:
    """None for what is no text; the error of its decoding quotes the bytes, and is not let out."""
    try:
        return base64.b64decode(encoded).decode()
    except ValueError:
        return None


def _placed(metadata: Mapping[str, Any]) -> Placed:
    annotations = metadata.get("annotations") or {}
    return Placed(
        generation=str(annotations.get(GENERATION_ANNOTATION, "")),
        previous_generation=str(annotations.get(PREVIOUS_ANNOTATION, "")),
        manager=_manager(metadata),
        by_hand=_writers(metadata, "f:data", f"f:{CURRENT_KEY}")
        != _writers(metadata, "f:metadata", "f:annotations", f"f:{GENERATION_ANNOTATION}"),
        auto_renew=_is_on(annotations, AUTO_RENEW_ANNOTATION),
        auto_rotate=_is_on(annotations, AUTO_ROTATE_ANNOTATION),
        placeholder=str(annotations.get(PLACEHOLDER_ANNOTATION, "")),
    )


def _is_on(annotations: Mapping[str, Any], name: str) -> bool:
    return str(annotations.get(name, "")).strip().lower() != "false"


def _manager(metadata: Mapping[str, Any]) -> str:
    """Who says to look after this object; empty when nobody does, or we do."""
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    named = [str(text) for key, text in annotations.items() if key.rpartition("/")[2] == _LIFECYCLE_MANAGER]
    named += [str(labels[_MANAGED_BY])] if _MANAGED_BY in labels else []
    named += [f"{owner['kind']} {owner['name']}" for owner in metadata.get("ownerReferences") or []]
    return next((name for name in named if name and name != MANAGER), "")


def _writers(metadata: Mapping[str, Any], *path: str) -> frozenset[str]:
    """The field managers that own one field: who wrote it last."""
    found = set()
    for entry in metadata.get("managedFields") or []:
        fields: Any = entry.get("fieldsV1") or {}
        for step in path:
            fields = fields.get(step) if isinstance(fields, dict) else None
        if fields is not None:
            found.add(str(entry.get("manager", "")))
    return frozenset(found)


@contextmanager
def _told(act: str) -> Iterator[None]:
    """Turn the client's errors into ours, without bodies or headers."""
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError) as error:
        remedy = "Check `token-rotation:cluster` in the stack's config and that the API server runs."
        raise ClusterAway(act, f"no answer ({type(error).__name__})", remedy) from None
    except config.ConfigException:
        remedy = "Set KUBECONFIG or `token-rotation:cluster` in the stack's config."
        raise ClusterError(act, "there is no usable kubeconfig", remedy) from None
    except client.ApiException as error:
        raise _refused(act, error) from None


def _refused(act: str, error: client.ApiException) -> ClusterError:
    try:
        message = str(json.loads(error.body or "{}").get("message", ""))[:256]
    except (ValueError, AttributeError):
        message = ""
    cause = f"HTTP {error.status}" + (f" ({message})" if message else "")
    if error.status in {429, 500, 502, 503, 504}:
        return ClusterAway(act, cause, "The next run tries again.")
    remedy = "See the README for the namespaces that must exist and the rights that a run needs."
    return ClusterError(act, cause, remedy)
