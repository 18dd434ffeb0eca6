from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from sandbox.servers import custom_resources
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_namespace


@pytest.fixture(scope="module")
def api(controlled_kubernetes_server: KubernetesServer) -> Iterator[client.ApiClient]:
    with controlled_kubernetes_server.admin_client() as made:
        yield made


@pytest.fixture
def namespace(api: client.ApiClient) -> str:
    name = f"test-{secrets.token_hex(4)}"
    make_namespace(api, name)
    return name


GOOD: dict[tuple[str, str, str], dict[str, Any]] = {
    ("monitoring.coreos.com", "v1", "prometheusrules"): {
        "kind": "PrometheusRule",
        "spec": {"groups": [{"name": "one", "rules": [{"alert": "One", "expr": "vector(1)"}]}]},
    },
    ("monitoring.coreos.com", "v1", "servicemonitors"): {
        "kind": "ServiceMonitor",
        "spec": {"selector": {"matchLabels": {"app": "one"}}, "endpoints": [{"port": "metrics"}]},
    },
    ("external-secrets.io", "v1", "externalsecrets"): {
        "kind": "ExternalSecret",
        "spec": {
            "secretStoreRef": {"name": "one", "kind": "SecretStore"},
            "data": [{"secretKey": "token", "remoteRef": {"key": "one", "property": "token"}}],
        },
    },
    ("external-secrets.io", "v1alpha1", "pushsecrets"): {
        "kind": "PushSecret",
        "spec": {
            "secretStoreRefs": [{"name": "one"}],
            "selector": {"secret": {"name": "one"}},
            "data": [{"match": {"secretKey": "token", "remoteRef": {"remoteKey": "one"}}}],
        },
    },
    ("pulumi.com", "v1", "stacks"): {"kind": "Stack", "spec": {"stack": "one", "resyncFrequencySeconds": 60}},
}

BAD: dict[tuple[str, str, str], dict[str, Any]] = {
    ("monitoring.coreos.com", "v1", "prometheusrules"): {
        "kind": "PrometheusRule",
        "spec": {"groups": [{"name": "one", "rules": [{"alert": "One"}]}]},
    },
    ("external-secrets.io", "v1", "externalsecrets"): {"kind": "ExternalSecret", "spec": {"refreshPolicy": "Always"}},
    ("pulumi.com", "v1", "stacks"): {"kind": "Stack", "spec": {"stack": "one", "resyncFrequencySeconds": 5}},
}


def _create(api: client.ApiClient, namespace: str, kind: tuple[str, str, str], body: dict[str, Any]) -> None:
    group, version, plural = kind
    whole = {"apiVersion": f"{group}/{version}", "metadata": {"name": "one"}, **body}
    client.CustomObjectsApi(api).create_namespaced_custom_object(
        group, version, namespace, plural, whole, field_validation="Strict"
    )


@pytest.mark.parametrize("kind", GOOD, ids="/".join)
def test_the_operators_kinds_are_known(api: client.ApiClient, namespace: str, kind: tuple[str, str, str]) -> None:
    """The API server takes an object of each kind as soon as the cluster is there."""
    _create(api, namespace, kind, GOOD[kind])


@pytest.mark.parametrize("kind", BAD, ids="/".join)
def test_a_misshapen_object_is_refused(api: client.ApiClient, namespace: str, kind: tuple[str, str, str]) -> None:
    """The definitions are not empty shells: a missing or impossible field is 422."""
    with pytest.raises(client.ApiException) as refused:
        _create(api, namespace, kind, BAD[kind])
    assert refused.value.status == 422


def test_a_cluster_policy_audits_or_enforces(api: client.ApiClient) -> None:
    """Kyverno's policy is taken with its rules, and refused with an action that does not exist."""
    objects = client.CustomObjectsApi(api)

    def create(action: str) -> None:
        rule = {"name": "one", "match": {"any": []}, "validate": {"message": "no", "pattern": {}}}
        body = {
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": {"name": f"one-{secrets.token_hex(4)}"},
            "spec": {"validationFailureAction": action, "rules": [rule]},
        }
        objects.create_cluster_custom_object("kyverno.io", "v1", "clusterpolicies", body)

    create("Audit")
    with pytest.raises(client.ApiException) as refused:
        create("Delete")
    assert refused.value.status == 422


def test_installing_again_is_fine(controlled_kubernetes_server: KubernetesServer) -> None:
    """A sandbox that is started again applies the same definitions, and they are served."""
    ours = sorted(custom_resources.OURS.glob("*.yaml"))
    assert custom_resources.install(controlled_kubernetes_server, *ours) == [
        "clusterpolicies.kyverno.io",
        "stacks.pulumi.com",
    ]


def test_a_definition_of_ours_says_what_it_is_not() -> None:
    """Each minimal definition begins with a comment that says so, so that nobody takes it for the operator's own."""
    for file in custom_resources.OURS.glob("*.yaml"):
        text = Path(file).read_text()
        assert text.startswith("# A minimal definition of"), file
        assert yaml.safe_load(text)["kind"] == "CustomResourceDefinition"
