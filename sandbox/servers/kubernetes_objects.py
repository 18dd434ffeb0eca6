"""What a sandbox cluster needs besides a server: namespaces, and ServiceAccounts with exactly the rights given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubernetes import client

_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Rule:
    """What a Role allows; group "" is the core group. `names` narrows it to objects of these names."""

    verbs: Sequence[str]
    resources: Sequence[str]
    groups: Sequence[str] = ("",)
    names: Sequence[str] = ()


def make_namespace(api: client.ApiClient, name: str) -> None:
    """Raises kubernetes.client.ApiException 409 when it is there already."""
    client.CoreV1Api(api).create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name)))


def make_service_account(
    api: client.ApiClient, namespace: str, name: str, rules: Sequence[Rule] = (), *, lifetime_seconds: int = 86_400
) -> str:
    """A ServiceAccount with a Role of these rules in its namespace; returns a bearer token for it.

    Without rules it has no rights. Raises kubernetes.client.ApiException.
    """
    account = client.V1ServiceAccount(metadata=client.V1ObjectMeta(name=name))
    client.CoreV1Api(api).create_namespaced_service_account(namespace, account)
    if rules:
        _grant(client.RbacAuthorizationV1Api(api), namespace, name, rules)
    return service_account_token(api, namespace, name, lifetime_seconds=lifetime_seconds)


def service_account_token(api: client.ApiClient, namespace: str, name: str, *, lifetime_seconds: int = 86_400) -> str:
    """A fresh bearer token for a ServiceAccount that is there. The API server grants no less than 600 seconds."""
    spec = client.V1TokenRequestSpec(audiences=[], expiration_seconds=lifetime_seconds)
    wanted = client.AuthenticationV1TokenRequest(spec=spec)
    answer = client.CoreV1Api(api).create_namespaced_service_account_token(name, namespace, wanted)
    if answer.status is None:
        raise RuntimeError(f"the API server answered the request for a token of {namespace}/{name} without one")
    return str(answer.status.token)


def _grant(rbac: client.RbacAuthorizationV1Api, namespace: str, name: str, rules: Sequence[Rule]) -> None:
    metadata = client.V1ObjectMeta(name=name)
    rbac.create_namespaced_role(namespace, client.V1Role(metadata=metadata, rules=[_policy(rule) for rule in rules]))
    reference = client.V1RoleRef(api_group=_RBAC, kind="Role", name=name)
    subject = client.RbacV1Subject(kind="ServiceAccount", name=name, namespace=namespace)
    binding = client.V1RoleBinding(metadata=metadata, role_ref=reference, subjects=[subject])
    rbac.create_namespaced_role_binding(namespace, binding)


def _policy(rule: Rule) -> client.V1PolicyRule:
    return client.V1PolicyRule(
        api_groups=list(rule.groups),
        resources=list(rule.resources),
        verbs=list(rule.verbs),
        resource_names=list(rule.names) or None,
    )
