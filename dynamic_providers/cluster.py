"""What providers ask of the Kubernetes API: receipts, credential Secrets, and which generation a Secret holds."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import urllib3
from kubernetes import client, config
from pydantic import BaseModel, ConfigDict

from dynamic_providers import evidence_sources
from rotation.errors import ClusterAway, ClusterError
from rotation.evidence import NoAnswer, Observation, Source
from rotation.run_record import runs_name

MANAGER = "token-rotation"
GENERATION_ANNOTATION = "token-rotation/generation"
PREVIOUS_ANNOTATION = "token-rotation/previous-generation"
CURRENT_KEY, PREVIOUS_KEY = "token", "token-previous"
AUTO_RENEW_ANNOTATION = "token-rotation/auto-renew"
AUTO_ROTATE_ANNOTATION = "token-rotation/auto-rotate"
_USUAL = Path("~/.kube/config")
_LIFECYCLE_MANAGER = "lifecycle-manager"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_TIME_LIMIT = (10.0, 30.0)  # seconds to connect, and in all


class ReceiptPlace(BaseModel):
    """The ConfigMap that holds the receipts of a stack. Its namespace exists before the program runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str = "token-rotation"
    name: str = "token-receipts"


class ClusterSettings(BaseModel):
    """How the Kubernetes API is reached: a kubeconfig file and context; without them, KUBECONFIG or the pod's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kubeconfig: str | None = None
    context: str | None = None
    receipts: ReceiptPlace = ReceiptPlace()


@dataclass(frozen=True)
class Placed:
    """What the metadata of a Secret tells of the token in it.

    generation, previous_generation: the ids that its annotations name; empty where they name none
    manager: who else says to look after it: by a lifecycle-manager annotation, a managed-by label, or as its owner
    by_hand: somebody else wrote the value since we did, or nobody of ours ever did
    auto_renew, auto_rotate: False where an annotation says `false`: a person pauses that act
    """

    generation: str = ""
    previous_generation: str = ""
    manager: str = ""
    by_hand: bool = False
    auto_renew: bool = True
    auto_rotate: bool = True


class Cluster(Protocol):
    """Raises ClusterAway when no answer came, ClusterError when the answer is a refusal."""

    def receipts(self) -> dict[str, str]:
        """Every entry of the receipt, by token; none when it does not exist yet."""

    def write_receipt(self, token: str, text: str) -> None:
        """Apply one token's entry under a field manager of its own."""

    def remove_receipt(self, token: str) -> None:
        """Give up one token's entry."""

    def secret_value(self, namespace: str, name: str, key: str) -> str:
        """The value under one key of a Secret."""

    def placed(self, namespace: str, name: str) -> Placed | None:
        """What stands at a publication's place; None when there is no Secret. No value travels."""

    def observe(self, source: Source) -> Observation:
        """What a source of evidence shows. Never raises: no answer is no evidence, with its cause."""

    def run_records(self) -> dict[str, str]:
        """What the scheduled jobs left behind of their last runs, by job; none when there is no record."""

    def ready_replicas(self, namespace: str, name: str) -> int | None:
        """How many replicas of a Deployment are ready; None when there is no such Deployment."""


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
    def _api(self) -> client.CoreV1Api:
        return client.CoreV1Api(client.ApiClient(connection(self._settings)))

    def receipts(self) -> dict[str, str]:
        return self._entries("the receipt", self._place.name)

    def run_records(self) -> dict[str, str]:
        return self._entries("the record of runs", runs_name(self._place.name))

    def ready_replicas(self, namespace: str, name: str) -> int | None:
        with _told(f"read the Deployment {namespace}/{name}"):
            try:
                found = client.AppsV1Api(self._api.api_client).read_namespaced_deployment(
                    name, namespace, _request_timeout=_TIME_LIMIT
                )
            except client.ApiException as error:
                if error.status == 404:
                    return None
                raise
        return int(found.status.ready_replicas or 0)

    def _entries(self, what: str, name: str) -> dict[str, str]:
        """The data of a ConfigMap beside the receipts; none when there is no such ConfigMap."""
        namespace = self._place.namespace
        with _told(f"read {what} {namespace}/{name}"):
            try:
                found = self._api.read_namespaced_config_map(name, namespace, _request_timeout=_TIME_LIMIT)
            except client.ApiException as error:
                if error.status == 404:
                    return {}
                raise
        return dict(found.data or {})

    def write_receipt(self, token: str, text: str) -> None:
        self._apply(token, {token: text})

    def remove_receipt(self, token: str) -> None:
        self._apply(token, {})

    def secret_value(self, namespace: str, name: str, key: str) -> str:
        with _told(f"read the Secret {namespace}/{name}"):
            found = self._api.read_namespaced_secret(name, namespace, _request_timeout=_TIME_LIMIT)
        encoded = (found.data or {}).get(key)
        if not encoded:
            act = f"read the Secret {namespace}/{name}"
            raise ClusterError(act, f"it has no key {key}", "Name the key that holds the credential.")
        return base64.b64decode(encoded).decode()

    def placed(self, namespace: str, name: str) -> Placed | None:
        with _told(f"read the metadata of the Secret {namespace}/{name}"):
            try:
                answer: Any = self._api.read_namespaced_secret(
                    name,
                    namespace,
                    _headers={"Accept": _METADATA_ONLY},
                    _preload_content=False,
                    _request_timeout=_TIME_LIMIT,
                )
            except client.ApiException as error:
                if error.status == 404:
                    return None
                raise
        return _placed(json.loads(answer.data).get("metadata") or {})

    def observe(self, source: Source) -> Observation:
        try:
            with _told(f"read {source}"):
                return evidence_sources.observe(self._api.api_client, source)
        except ClusterError as error:
            return NoAnswer(error.cause)

    def _apply(self, token: str, data: dict[str, str]) -> None:
        place = self._place
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": place.name, "labels": {"app.kubernetes.io/managed-by": "token-rotation"}},
            "data": data,
        }
        with _told(f"write the receipt {place.namespace}/{place.name}"):
            self._api.patch_namespaced_config_map(
                place.name,
                place.namespace,
                body,
                field_manager=f"token-rotation-{token}",
                force=True,
                _content_type="application/apply-patch+yaml",
                _request_timeout=_TIME_LIMIT,
            )


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
