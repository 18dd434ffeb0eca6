"""OpenBao lets the ServiceAccounts of a sandbox cluster in: it has the cluster review their tokens."""

from __future__ import annotations

from collections.abc import Sequence

from kubernetes import client

from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.openbao import OpenBaoServer

_RBAC = "rbac.authorization.k8s.io"
_REVIEWER = "system:auth-delegator"


def trust(vault: OpenBaoServer, cluster: KubernetesServer, *, mount: str = "kubernetes") -> None:
    """Log in below `auth/MOUNT` what `cluster` says is a ServiceAccount. Twice is fine.

    OpenBao runs outside the cluster and has no account there, so each login is reviewed as whoever logs in; `let_in`
    allows that. Raises httpx.HTTPStatusError.
    """
    if f"{mount}/" not in vault.as_root("GET", "sys/auth")["data"]:
        vault.as_root("POST", f"sys/auth/{mount}", {"type": "kubernetes"})
    config = {"kubernetes_host": cluster.url, "kubernetes_ca_cert": cluster.authority, "disable_local_ca_jwt": True}
    vault.as_root("POST", f"auth/{mount}/config", config)


def let_in(
    vault: OpenBaoServer,
    api: client.ApiClient,
    *,
    role: str,
    policies: Sequence[str],
    namespace: str,
    account: str,
    mount: str = "kubernetes",
) -> None:
    """Let the ServiceAccount log in as `role`, and have its own token reviewed. Twice is fine.

    Raises httpx.HTTPStatusError and kubernetes.client.ApiException.
    """
    bound = {"bound_service_account_names": [account], "bound_service_account_namespaces": [namespace]}
    vault.as_root("POST", f"auth/{mount}/role/{role}", {**bound, "token_policies": list(policies), "token_ttl": "1h"})
    subject = client.RbacV1Subject(kind="ServiceAccount", name=account, namespace=namespace)
    binding = client.V1ClusterRoleBinding(
        metadata=client.V1ObjectMeta(name=f"{namespace}-{account}-reviews"),
        role_ref=client.V1RoleRef(api_group=_RBAC, kind="ClusterRole", name=_REVIEWER),
        subjects=[subject],
    )
    try:
        client.RbacAuthorizationV1Api(api).create_cluster_role_binding(binding)
    except client.ApiException as error:
        if error.status != 409:  # there already
            raise
