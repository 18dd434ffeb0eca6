"""The Kubernetes API by plain requests: every verb on every kind, as an administrator or as a ServiceAccount."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import yaml

from components.schedule.manifests import PLURALS
from sandbox.servers.kubernetes import KubernetesServer

CORE = "v1"
VERSIONS = {
    "secrets": CORE,
    "configmaps": CORE,
    "serviceaccounts": CORE,
    "pods": CORE,
    "services": CORE,
    "namespaces": CORE,
    "events": "events.k8s.io/v1",
    "leases": "coordination.k8s.io/v1",
    "cronjobs": "batch/v1",
    "jobs": "batch/v1",
    "deployments": "apps/v1",
    "roles": "rbac.authorization.k8s.io/v1",
    "rolebindings": "rbac.authorization.k8s.io/v1",
    "clusterroles": "rbac.authorization.k8s.io/v1",
    "networkpolicies": "networking.k8s.io/v1",
}
"""Where each kind of the table lives."""

KIND_NAMES = {plural: kind for kind, plural in PLURALS.items()} | {
    "pods": "Pod",
    "jobs": "Job",
    "namespaces": "Namespace",
    "events": "Event",
}

DRY = {"dryRun": "All"}


@dataclass(frozen=True)
class PlainApi:
    """One caller. Nothing is judged: every method answers with the response."""

    http: httpx.Client

    def send(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> httpx.Response:
        """One request. `APPLY` is a PATCH by server-side apply, `PATCH` one by merging."""
        asked, content = dict(query or {}), None if body is None else json.dumps(body)
        kinds = {"APPLY": "application/apply-patch+yaml", "PATCH": "application/merge-patch+json"}
        if method == "APPLY":
            asked |= {"fieldManager": "tests", "force": "true"}
        headers = {"Content-Type": kinds.get(method, "application/json")}
        return self.http.request(method.replace("APPLY", "PATCH"), path, params=asked, headers=headers, content=content)

    def apply(self, manifest: Mapping[str, Any], *, dry: bool = False) -> httpx.Response:
        """Server-side apply of one object; unknown fields are refused."""
        query = {"fieldValidation": "Strict", **(DRY if dry else {})}
        return self.send("APPLY", path_of(manifest), manifest, query)

    def applied(self, *manifests: Mapping[str, Any]) -> None:
        """Apply them all; a refusal fails the test with the server's words."""
        for manifest in manifests:
            answer = self.apply(manifest)
            assert answer.is_success, f"{manifest['kind']} {manifest['metadata']['name']}: {answer.text}"

    def allows(self, verb: str, resource: str, namespace: str, name: str) -> bool:
        """What the API server says when the caller asks about itself."""
        kind, _, subresource = resource.partition("/")
        asked = {
            "verb": verb,
            "group": VERSIONS[kind].rpartition("/")[0],
            "resource": kind,
            "subresource": subresource,
            "namespace": namespace,
            "name": name,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        answer = self.send("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool(answer.json()["status"]["allowed"])


def path(resource: str, namespace: str, name: str = "") -> str:
    """The path of a collection, or of an object in it; `serviceaccounts/token` is a subresource."""
    kind, _, subresource = resource.partition("/")
    version = VERSIONS[kind]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{within}/{kind}" + (f"/{name}" if name else "") + (f"/{subresource}" if subresource else "")


def path_of(manifest: Mapping[str, Any]) -> str:
    """The path of a manifest's object."""
    version, metadata = manifest["apiVersion"], manifest["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = metadata.get("namespace", "")
    within = f"/namespaces/{namespace}" if namespace else ""
    plural = PLURALS.get(manifest["kind"], f"{manifest['kind'].lower()}s")
    return f"{root}{within}/{plural}/{metadata['name']}"


def bare(resource: str, name: str) -> dict[str, Any]:
    """An object with nothing but a kind and a name."""
    kind = resource.partition("/")[0]
    return {"apiVersion": VERSIONS[kind], "kind": KIND_NAMES[kind], "metadata": {"name": name}}


@contextmanager
def administrator(server: KubernetesServer) -> Iterator[PlainApi]:
    """Whoever may do everything."""
    pki = server.kubeconfig.parent / "pki"
    context = _trust(server)
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    with httpx.Client(base_url=server.url, verify=context, trust_env=False, timeout=30) as http:
        yield PlainApi(http)


@contextmanager
def account(server: KubernetesServer, token: str) -> Iterator[PlainApi]:
    """A ServiceAccount, by a token of it."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=server.url, verify=_trust(server), headers=headers, trust_env=False, timeout=30) as http:
        yield PlainApi(http)


def _trust(server: KubernetesServer) -> ssl.SSLContext:
    cluster = yaml.safe_load(server.kubeconfig.read_text())["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return ssl.create_default_context(cadata=authority)
