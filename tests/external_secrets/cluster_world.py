"""A namespace in which External Secrets is at work: custom objects, pokes, and what became of them."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes import client

from components.external_secrets import FORCE_SYNC, external_secret_spec, push_secret_spec
from components.publications.places import ExternalSecretPlace, Place, PushSecretPlace, SecretPlace
from components.publications.stores import Store, provider
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_namespace
from sandbox.servers.processes import comes_true

GROUP = "external-secrets.io"
SECONDS = 60.0
TOKEN = "one"


@dataclass(frozen=True)
class ClusterWorld:
    """Stores are of this namespace alone, so that tests share the controller and nothing else."""

    cluster: KubernetesServer
    api: client.ApiClient
    namespace: str

    @classmethod
    def make(cls, cluster: KubernetesServer, api: client.ApiClient) -> ClusterWorld:
        name = f"test-{secrets.token_hex(4)}"
        make_namespace(api, name)
        return cls(cluster, api, name)

    def declare_store(self, name: str, store: Store) -> None:
        """The SecretStore that the stack would declare, once the controller has found that it works."""
        self._create("v1", "secretstores", "SecretStore", name, {"provider": provider(store)})
        self.wait_until_ready("v1", "secretstores", name)

    def declare_external_secret(self, place: Place, synced: ExternalSecretPlace) -> None:
        self._create("v1", "externalsecrets", "ExternalSecret", synced.name, external_secret_spec(TOKEN, place, synced))

    def declare_push_secret(self, place: SecretPlace, push: PushSecretPlace) -> None:
        self._create("v1alpha1", "pushsecrets", "PushSecret", push.name, push_secret_spec(place, push))

    def poke(self, name: str, generation: str, *, kind: tuple[str, str] = ("v1", "externalsecrets")) -> None:
        """What the stack does after a publication."""
        version, plural = kind
        body = {"metadata": {"annotations": {FORCE_SYNC: generation}}}
        client.CustomObjectsApi(self.api).patch_namespaced_custom_object(
            GROUP, version, self.namespace, plural, name, body
        )

    def poke_and_wait(self, name: str, generation: str, wanted: Mapping[str, str]) -> float:
        """Poke; seconds until the Secret of that name holds exactly what is wanted."""
        began = time.monotonic()
        self.poke(name, generation)
        self.wait_for(
            lambda: self.secret(name) == wanted,
            what=f"{name} holds generation {generation}",
            told=lambda: f"and it has the keys {sorted(self.secret(name))}",
        )
        return time.monotonic() - began

    def make_secret(self, name: str, values: Mapping[str, str], annotations: Mapping[str, str] | None = None) -> None:
        """A published Secret, or its next version."""
        core = client.CoreV1Api(self.api)
        metadata = client.V1ObjectMeta(name=name, annotations=dict(annotations or {}))
        body = client.V1Secret(metadata=metadata, string_data=dict(values))
        if name in {one.metadata.name for one in core.list_namespaced_secret(self.namespace).items}:
            core.replace_namespaced_secret(name, self.namespace, body)
        else:
            core.create_namespaced_secret(self.namespace, body)

    def secret(self, name: str) -> dict[str, str]:
        """What is not empty, by key; {} where there is no such Secret. An item of 1Password has empty notes, too."""
        found = self._secret(name)
        data = found.data or {} if found else {}
        return {key: base64.b64decode(text).decode() for key, text in data.items() if text}

    def annotations(self, name: str) -> dict[str, str]:
        """Those of a Secret; {} where there is none."""
        found = self._secret(name)
        return dict(found.metadata.annotations or {}) if found else {}

    def wait_until_ready(self, version: str, plural: str, name: str) -> None:
        """Wait for the condition Ready; the failure tells what the controller says."""
        self.wait_for(
            lambda: any(
                one["type"] == "Ready" and one["status"] == "True" for one in self._conditions(version, plural, name)
            ),
            what=f"{plural} {name} is ready",
            told=lambda: str([one.get("message") for one in self._conditions(version, plural, name)]),
        )

    def wait_for(self, is_true: Callable[[], bool], *, what: str, told: Callable[[], str] = str) -> None:
        assert comes_true(is_true, seconds=SECONDS), f"not within {SECONDS:.0f} s: {what} {told()}"

    def _conditions(self, version: str, plural: str, name: str) -> list[dict[str, str]]:
        found = client.CustomObjectsApi(self.api).get_namespaced_custom_object(
            GROUP, version, self.namespace, plural, name
        )
        return list(found.get("status", {}).get("conditions", []))

    def _create(self, version: str, plural: str, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        body = {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": name}, "spec": spec}
        client.CustomObjectsApi(self.api).create_namespaced_custom_object(GROUP, version, self.namespace, plural, body)

    def _secret(self, name: str) -> client.V1Secret | None:
        try:
            return client.CoreV1Api(self.api).read_namespaced_secret(name, self.namespace)
        except client.ApiException as error:
            if error.status != 404:
                raise
            return None
