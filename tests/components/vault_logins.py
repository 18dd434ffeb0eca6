"""A directory of names of its own on the shared servers, who logs in to it, and what is then let through."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from kubernetes import client

from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import service_account_token
from sandbox.servers.openbao import OpenBaoServer
from tests.sandbox.declared_stack import Stack

ALLOWED, REFUSED = "allowed", "refused"


@dataclass
class Directory:
    """A directory of names of its own on the shared servers, and ways to log in and to call."""

    stack: Stack
    server: OpenBaoServer
    name: str
    namespace: str
    api: client.ApiClient

    def login(self, role: str, account: str) -> httpx.Response:
        """Log in to a role of the Kubernetes auth as a ServiceAccount of our namespace."""
        jwt = service_account_token(self.api, self.namespace, account)
        return self.send("", "POST", f"auth/{self.name}/login", {"role": role, "jwt": jwt})

    def token_of(self, role: str, account: str) -> str:
        answer = self.login(role, account)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["auth"]["client_token"])

    def send(self, token: str, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"X-Vault-Token": token} if token else {}
        return httpx.request(method, f"{self.server.url}/v1/{path}", headers=headers, json=body, trust_env=False)

    def may(self, token: str, method: str, path: str, body: object = None) -> str:
        """Whether a call is let through; that what it asks for is not there is no refusal."""
        answer = self.send(token, method, path, body)
        assert answer.status_code < 500, answer.text
        return REFUSED if answer.status_code == 403 else ALLOWED

    def mint(self, token: str, role: str | None = None) -> Mapping[str, Any]:
        answer = self.send(token, "POST", f"auth/token/create/{role or self.name}", {"ttl": "10m"})
        return dict(answer.json()["auth"])


def settings_of(vault: OpenBaoServer, cluster: KubernetesServer, name: str) -> dict[str, Any]:
    def account(of: str) -> dict[str, str]:
        return {"namespace": name, "name": of}

    return {
        "url": vault.url,
        "role": name,
        "policies": [f"{name}-admin"],
        "rotator_policy": f"{name}-rotator",
        "reader_policy": f"{name}-reader",
        "kv": {"mount": f"{name}-kv"},
        "kubernetes": {"mount": name, "host": cluster.url, "inside": False, "ca_certificate": _authority(cluster)},
        "rotators": [account("rotator"), account("retirement")],
        "readers": [account("reader")],
    }


def _authority(cluster: KubernetesServer) -> str:
    """The certificate of the API server's authority, as PEM text."""
    given = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    if "certificate-authority-data" in given:
        return base64.b64decode(given["certificate-authority-data"]).decode()
    return Path(given["certificate-authority"]).read_text()


def may_review(api: client.ApiClient, namespace: str) -> None:
    """A Vault outside the cluster has a login reviewed as whoever logs in."""
    metadata = client.V1ObjectMeta(name=f"{namespace}-reviews")
    reference = client.V1RoleRef(
        api_group="rbac.authorization.k8s.io", kind="ClusterRole", name="system:auth-delegator"
    )
    group = client.RbacV1Subject(
        api_group="rbac.authorization.k8s.io", kind="Group", name=f"system:serviceaccounts:{namespace}"
    )
    binding = client.V1ClusterRoleBinding(metadata=metadata, role_ref=reference, subjects=[group])
    client.RbacAuthorizationV1Api(api).create_cluster_role_binding(binding)
