"""What operations ask of the Kubernetes API: ConfigMaps, Secrets, one Lease, and Events. Nothing is judged here."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config

from rotation.errors import ClusterAway, ClusterError

_TIME_LIMIT = (10.0, 30.0)  # seconds to connect, and in all
_USUAL = Path("~/.kube/config")
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_LABELS = {"app.kubernetes.io/managed-by": "token-rotation"}


@dataclass(frozen=True)
class Placed:
    """A Secret as it stands: its data decoded, its annotations, and the version of the object."""

    data: Mapping[str, str] = field(repr=False)
    annotations: Mapping[str, str] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True)
class Object:
    """What an Event regards: the kind of a core object, its place, and its uid where the cluster knows one."""

    kind: str
    namespace: str
    name: str
    uid: str = ""


class Cluster:
    """Raises ClusterAway when no answer came, ClusterError when the answer is a refusal."""

    def __init__(self, api: client.ApiClient) -> None:
        self._core = client.CoreV1Api(api)
        self._coordination = client.CoordinationV1Api(api)
        self._events = client.EventsV1Api(api)

    @classmethod
    def connect(cls, kubeconfig: str | None = None, context: str | None = None) -> Cluster:
        """Read a kubeconfig file; without one, KUBECONFIG or the pod's own credentials. Nothing is asked yet."""
        loaded = client.Configuration()
        with _told("connect to the cluster"):
            if kubeconfig or context or os.environ.get("KUBECONFIG") or _USUAL.expanduser().exists():
                named = {"config_file": kubeconfig} if kubeconfig else {}
                config.load_kube_config(context=context, client_configuration=loaded, **named)
            else:
                config.load_incluster_config(client_configuration=loaded)
        loaded.retries = False
        return cls(client.ApiClient(loaded))

    def close(self) -> None:
        """Close the connections."""
        self._core.api_client.close()

    def config_map(self, namespace: str, name: str) -> dict[str, str]:
        """The data of a ConfigMap; empty when it does not exist."""
        found = _answer(f"read the ConfigMap {namespace}/{name}", 404, lambda: self._config_map(namespace, name))
        return {} if found is None else dict(found.data or {})

    def apply_config_map(self, namespace: str, name: str, data: Mapping[str, str], manager: str) -> None:
        """Apply these entries under a field manager: what it applied before and leaves out now is removed."""
        metadata = {"name": name, "labels": _LABELS}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}
        with _told(f"write the ConfigMap {namespace}/{name}"):
            self._core.patch_namespaced_config_map(
                name,
                namespace,
                body,
                field_manager=manager,
                force=True,
                _content_type=_APPLY,
                _request_timeout=_TIME_LIMIT,
            )

    def secret(self, namespace: str, name: str) -> Placed | None:
        """A Secret; None when it does not exist. What is no text is left out of its data."""

        def read() -> Any:
            return self._core.read_namespaced_secret(name, namespace, _request_timeout=_TIME_LIMIT)

        found = _answer(f"read the Secret {namespace}/{name}", 404, read)
        if found is None:
            return None
        metadata = found.metadata
        return Placed(_decoded(found.data or {}), dict(metadata.annotations or {}), metadata.resource_version)

    def put_secret_key(self, namespace: str, name: str, key: str, value: str, manager: str) -> bool:
        """Write one key of a Secret under a field manager, and nothing else of it; create it where there is none.

        Returns whether it was created.
        """
        body = {"data": {key: base64.b64encode(value.encode()).decode()}}
        given: dict[str, Any] = {"field_manager": manager, "_preload_content": False, "_request_timeout": _TIME_LIMIT}

        def write() -> Any:
            return self._core.patch_namespaced_secret(name, namespace, body, _content_type=_MERGE, **given)

        if _answer(f"write the Secret {namespace}/{name}", 404, write) is not None:
            return False
        whole = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": name}, **body}
        with _told(f"create the Secret {namespace}/{name}"):
            self._core.create_namespaced_secret(namespace, whole, **given)
        return True

    def lease(self, namespace: str, name: str, seconds: float = _TIME_LIMIT[1]) -> dict[str, Any] | None:
        """A Lease of coordination.k8s.io/v1 as JSON; None when it does not exist.

        seconds: how long to wait for the answer
        """

        def read() -> Any:
            given = {"_preload_content": False, "_request_timeout": _within(seconds)}
            return json.loads(self._coordination.read_namespaced_lease(name, namespace, **given).data)

        found = _answer(f"read the Lease {namespace}/{name}", 404, read)
        return None if found is None else dict(found)

    def replace_lease(self, lease: Mapping[str, Any], seconds: float = _TIME_LIMIT[1]) -> dict[str, Any] | None:
        """Write the Lease if nobody did since it was read (its resourceVersion); None when somebody did.

        seconds: how long to wait for the answer
        """
        namespace, name = lease["metadata"]["namespace"], lease["metadata"]["name"]

        def write() -> Any:
            given = {"_preload_content": False, "_request_timeout": _within(seconds)}
            return json.loads(self._coordination.replace_namespaced_lease(name, namespace, dict(lease), **given).data)

        written = _answer(f"write the Lease {namespace}/{name}", 409, write)
        return None if written is None else dict(written)

    def regarded(self, namespace: str, name: str) -> Object:
        """A ConfigMap as an Event regards it, with its uid, by which `kubectl describe` finds the Event."""
        found = _answer(f"read the ConfigMap {namespace}/{name}", 404, lambda: self._config_map(namespace, name))
        return Object("ConfigMap", namespace, name, "" if found is None else found.metadata.uid)

    def _config_map(self, namespace: str, name: str) -> Any:
        return self._core.read_namespaced_config_map(name, namespace, _request_timeout=_TIME_LIMIT)

    def event(self, event: Mapping[str, Any]) -> None:
        """Create an Event of events.k8s.io/v1; its `metadata.namespace` says where."""
        namespace = event["metadata"]["namespace"]
        with _told(f"tell an Event in {namespace}"):
            self._events.create_namespaced_event(
                namespace, dict(event), _preload_content=False, _request_timeout=_TIME_LIMIT
            )


def _within(seconds: float) -> tuple[float, float]:
    return min(seconds, _TIME_LIMIT[0]), seconds


def _decoded(data: Mapping[str, str]) -> dict[str, str]:
    decoded = {}
    for key, text in data.items():
        with suppress(ValueError):
            decoded[key] = base64.b64decode(text).decode()
    return decoded


def _answer(act: str, expected: int, ask: Callable[[], Any]) -> Any | None:
    """The answer to a question; None where it is a refusal with the expected HTTP status."""
    with _told(act):
        try:
            return ask()
        except client.ApiException as error:
            if error.status == expected:
                return None
            raise


@contextmanager
def _told(act: str) -> Iterator[None]:
    """Turn the client's errors into ours, without bodies or headers."""
    try:
        yield
    except config.ConfigException:
        remedy = "Set KUBECONFIG, or run it in a pod with a ServiceAccount."
        raise ClusterError(act, "there is no usable kubeconfig", remedy) from None
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # cut off within an answer, too
        remedy = "Check KUBECONFIG and that the API server runs."
        raise ClusterAway(act, f"no answer ({type(error).__name__})", remedy) from None
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
    return ClusterError(act, cause, "See the README for the objects that must exist and the rights that a job needs.")
