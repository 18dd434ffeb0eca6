"""Where evidence is seen, against a real API server: each source tells what it shows, and none stops a run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from dynamic_providers.cluster import ClusterSettings
from dynamic_providers.kubernetes_cluster import KubernetesCluster
from rotation.evidence import NoAnswer, RolledOut, Source, Synced
from rotation.model import fingerprint
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import Rule, make_namespace, make_service_account
from tests.consumers import Consumers

PLANTED = "planted-value-of-a-token"
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Seen:
    """A namespace with consumers, and our cluster that looks at them."""

    def __init__(self, server: KubernetesServer, api: client.ApiClient, directory: Path) -> None:
        self.namespace = f"test-{secrets.token_hex(4)}"
        make_namespace(api, self.namespace)
        self.consumers = Consumers(api, self.namespace)
        self.kubeconfig = directory / "kubeconfig"
        self._server, self._api = server, api
        self.kubeconfig.write_text(server.kubeconfig.read_text())

    def restrict(self, *rules: Rule) -> None:
        token = make_service_account(self._api, self.namespace, "robot", rules)
        self._server.write_kubeconfig(self.kubeconfig, token=token)

    def lose(self) -> None:
        config = yaml.safe_load(self.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def observe(self, **source: Any) -> Any:
        """What our cluster sees of a source in this namespace."""
        named = {kind: {**parts, "namespace": self.namespace} for kind, parts in source.items()}
        cluster = KubernetesCluster(ClusterSettings(kubeconfig=str(self.kubeconfig)))
        seen = cluster.observe(Source.model_validate(named))
        if "_objects" in vars(cluster):
            cluster._objects.api.close()
        return seen

    def deployment(self) -> Any:
        return self.observe(workload={"kind": "Deployment", "name": "shop"})

    def external_secret(self) -> Any:
        return self.observe(externalSecret={"name": "admin"})


@pytest.fixture
def seen(kubernetes_server: KubernetesServer, tmp_path: Path) -> Iterator[Seen]:
    with kubernetes_server.admin_client() as api:
        yield Seen(kubernetes_server, api, tmp_path)


@pytest.fixture
def syncing(seen: Seen) -> Iterator[Seen]:
    """The cluster knows ExternalSecrets."""
    seen.consumers.learn_external_secrets()
    yield seen
    seen.consumers.forget_external_secrets()


def test_an_external_secret_tells_when_and_what(syncing: Seen) -> None:
    """The instant of its last refresh, and a fingerprint of each value, of which none travels on."""
    syncing.consumers.external_secret("admin")
    syncing.consumers.refresh("admin", AT, PLANTED)
    shown = syncing.external_secret()
    assert shown == Synced(AT, frozenset({fingerprint(PLANTED), fingerprint("x")}))
    assert PLANTED not in repr(shown)


def test_its_target_may_have_another_name(syncing: Seen) -> None:
    """`spec.target.name` says which Secret it writes; one that was never refreshed says no instant."""
    syncing.consumers.external_secret("admin", target="of-the-shop")
    syncing.consumers.refresh("admin", None, PLANTED, target="of-the-shop")
    shown = syncing.external_secret()
    assert (shown.refreshed, fingerprint(PLANTED) in shown.fingerprints) == (None, True)


def test_what_is_absent_is_said(syncing: Seen) -> None:
    """An object that does not exist, and a target that nothing has written yet, are told apart by name."""
    assert syncing.external_secret() == NoAnswer("'admin' does not exist")
    syncing.consumers.external_secret("admin", target="of-the-shop")
    assert syncing.external_secret() == NoAnswer("'of-the-shop' does not exist")
    assert syncing.deployment() == NoAnswer("'shop' does not exist")


def test_a_kind_that_the_cluster_does_not_know_is_said(seen: Seen) -> None:
    """Without the CRD nothing fails: the cause says what is missing."""
    seen.consumers.forget_external_secrets()
    assert seen.external_secret() == NoAnswer("the cluster does not know its kind (is the CRD installed?)")


def test_a_deployment_tells_of_its_roll_out(seen: Seen) -> None:
    """From its first specification on: not seen, seen, and then another one that is not seen yet."""
    seen.consumers.deployment("shop")
    unseen = RolledOut(seen=False, generation="", wanted=2, total=0, updated=0, ready=0)
    assert seen.deployment() == unseen
    seen.consumers.roll_out("shop", "g1", readyReplicas=1)
    shown = seen.deployment()
    assert shown == RolledOut(seen=True, generation="g1", wanted=2, total=2, updated=2, ready=1)
    seen.consumers.ask_roll_out("shop", "g2")
    assert seen.deployment() == RolledOut(seen=False, generation="g2", wanted=2, total=2, updated=2, ready=1)


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_each_kind_of_workload_is_found(seen: Seen, kind: str) -> None:
    """A StatefulSet tells of its replicas, a DaemonSet of its nodes."""
    with client.ApiClient(seen._api.configuration) as api:
        apps, labels = client.AppsV1Api(api), {"app": "shop"}
        annotations = {"token-rotation/generation": "g1"}
        containers = [{"name": "main", "image": "example.com/shop"}]
        pod = {"metadata": {"labels": labels, "annotations": annotations}, "spec": {"containers": containers}}
        body: Any = {"metadata": {"name": "shop"}, "spec": {"selector": {"matchLabels": labels}, "template": pod}}
        if kind == "StatefulSet":
            body["spec"] |= {"replicas": 3, "serviceName": "shop"}
            apps.create_namespaced_stateful_set(seen.namespace, body)
            status = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}
            apps.patch_namespaced_stateful_set_status("shop", seen.namespace, {"status": status})
        else:
            apps.create_namespaced_daemon_set(seen.namespace, body)
            status = {"observedGeneration": 1, "desiredNumberScheduled": 3, "currentNumberScheduled": 3}
            status |= {"updatedNumberScheduled": 3, "numberReady": 3, "numberMisscheduled": 0}
            apps.patch_namespaced_daemon_set_status("shop", seen.namespace, {"status": status})
    shown = seen.observe(workload={"kind": kind, "name": "shop"})
    assert shown == RolledOut(seen=True, generation="g1", wanted=3, total=3, updated=3, ready=3)


def test_a_right_that_is_missing_is_said(seen: Seen) -> None:
    """A refusal is no evidence; its cause is the API server's own."""
    seen.consumers.deployment("shop")
    seen.restrict()
    shown = seen.deployment()
    assert shown.cause.startswith("HTTP 403")
    assert "deployments" in shown.cause


def test_these_rights_suffice(syncing: Seen) -> None:
    """To get ExternalSecrets, their Secrets, and the workloads by name."""
    syncing.consumers.external_secret("admin")
    syncing.consumers.refresh("admin", AT, PLANTED)
    syncing.consumers.deployment("shop")
    syncing.restrict(
        Rule(["get"], ["externalsecrets"], ["external-secrets.io"], ["admin"]),
        Rule(["get"], ["secrets"], names=["admin"]),
        Rule(["get"], ["deployments"], ["apps"], ["shop"]),
    )
    assert isinstance(syncing.external_secret(), Synced)
    assert isinstance(syncing.deployment(), RolledOut)


def test_a_cluster_that_gives_no_answer_is_no_evidence(seen: Seen) -> None:
    """Neither an API server that is away nor a kubeconfig that is none raises."""
    seen.lose()
    assert seen.deployment().cause.startswith("no answer")
    seen.kubeconfig.write_text("")
    assert seen.deployment() == NoAnswer("there is no usable kubeconfig")
