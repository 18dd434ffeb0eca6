"""Consumers in a real cluster in which no controller runs: what theirs would write into a status, tests write."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from kubernetes import client

from rotation.clock import to_rfc3339

GROUP, PLURAL = "external-secrets.io", "externalsecrets"
_CRD = f"{PLURAL}.{GROUP}"


class Consumers:
    """ExternalSecrets and Deployments of one namespace."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._core, self._apps = client.CoreV1Api(api), client.AppsV1Api(api)
        self._objects, self._kinds = client.CustomObjectsApi(api), client.ApiextensionsV1Api(api)
        self._namespace = namespace

    # --- ExternalSecrets ----------------------------------------------------------------------------------------------

    def learn_external_secrets(self) -> None:
        """Let the API server know ExternalSecrets, by the least of a CRD."""
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": anything}}
        spec = {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": PLURAL, "kind": "ExternalSecret"},
            "versions": [{**version, "subresources": {"status": {}}}],
        }
        body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
        self._kinds.create_custom_resource_definition({**body, "metadata": {"name": _CRD}})
        _wait_until(self._knows_external_secrets)

    def forget_external_secrets(self) -> None:
        """Take the CRD away, with all that is of its kind."""
        try:
            self._kinds.delete_custom_resource_definition(_CRD)
        except client.ApiException as error:
            if error.status != 404:
                raise
        _wait_until(lambda: not self._knows_external_secrets())

    def _knows_external_secrets(self) -> bool:
        try:
            self._objects.list_namespaced_custom_object(GROUP, "v1", self._namespace, PLURAL)
        except client.ApiException as error:
            if error.status == 404:
                return False
            raise
        return True

    def external_secret(self, name: str, target: str = "") -> None:
        """Declare one; nothing has read it yet."""
        spec = {"target": {"name": target}} if target else {}
        body = {"apiVersion": f"{GROUP}/v1", "kind": "ExternalSecret", "metadata": {"name": name}, "spec": spec}
        self._objects.create_namespaced_custom_object(GROUP, "v1", self._namespace, PLURAL, body)

    def refresh(self, name: str, at: datetime | None, value: str, target: str = "") -> None:
        """What its controller does: write the target Secret, and tell when."""
        secret = {"metadata": {"name": target or name}, "stringData": {"other": "x", "password": value}}
        try:
            self._core.create_namespaced_secret(self._namespace, secret)
        except client.ApiException:
            self._core.replace_namespaced_secret(secret["metadata"]["name"], self._namespace, secret)
        status = {"refreshTime": to_rfc3339(at)} if at else {}
        self._objects.patch_namespaced_custom_object_status(
            GROUP, "v1", self._namespace, PLURAL, name, {"status": status}
        )

    # --- Deployments --------------------------------------------------------------------------------------------------

    def deployment(self, name: str, replicas: int = 2) -> None:
        """Declare one; nothing runs it."""
        labels = {"app": name}
        pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "example.com/shop"}]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
        self._apps.create_namespaced_deployment(self._namespace, {"metadata": {"name": name}, "spec": spec})

    def ask_roll_out(self, name: str, generation: str) -> int:
        """Annotate the pod template; returns the number of the specification."""
        template = {"metadata": {"annotations": {"token-rotation/generation": generation}}}
        body = {"spec": {"template": template}}
        return int(self._apps.patch_namespaced_deployment(name, self._namespace, body).metadata.generation)

    def roll_out(self, name: str, generation: str, **status: Any) -> None:
        """The template names the generation, and the status tells that all pods are of it; or what is given."""
        seen = self.ask_roll_out(name, generation)
        done = {"observedGeneration": seen, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
        self._apps.patch_namespaced_deployment_status(name, self._namespace, {"status": {**done, **status}})


def _wait_until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not true():
        if time.monotonic() > limit:
            raise TimeoutError("the API server did not learn, or forget, a kind within 20 s")
        time.sleep(0.1)
