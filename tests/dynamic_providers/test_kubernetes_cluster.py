"""The receipt and what is asked of Secrets, against a real API server."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from dynamic_providers.cluster import ClusterSettings, Placed, ReceiptPlace
from dynamic_providers.kubernetes_cluster import KubernetesCluster
from rotation.errors import ClusterAway, ClusterError
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import Rule, make_namespace, make_service_account

Connect = Callable[..., KubernetesCluster]
PLANTED = "planted-value-of-a-token"


@pytest.fixture
def api(kubernetes_server: KubernetesServer) -> Iterator[client.ApiClient]:
    with kubernetes_server.admin_client() as made:
        yield made


@pytest.fixture
def core(api: client.ApiClient) -> client.CoreV1Api:
    return client.CoreV1Api(api)


@pytest.fixture
def namespace(api: client.ApiClient) -> str:
    name = f"test-{secrets.token_hex(4)}"
    make_namespace(api, name)
    return name


@pytest.fixture
def connect(
    kubernetes_server: KubernetesServer, api: client.ApiClient, namespace: str, tmp_path: Path
) -> Iterator[Connect]:
    """Makes our cluster: as the administrator, or as a ServiceAccount with just these rights."""
    made: list[KubernetesCluster] = []

    def cluster(*rules: Rule, account: bool = False) -> KubernetesCluster:
        kubeconfig = kubernetes_server.kubeconfig
        if account:
            token = make_service_account(api, namespace, "robot", rules)
            kubeconfig = kubernetes_server.write_kubeconfig(tmp_path / "kubeconfig", token=token)
        place = ReceiptPlace(namespace=namespace)
        made.append(KubernetesCluster(ClusterSettings(kubeconfig=str(kubeconfig), receipts=place)))
        return made[-1]

    yield cluster
    for cluster_made in made:
        cluster_made._objects.api.close()


def _secret(core: client.CoreV1Api, namespace: str, **annotations: str) -> None:
    metadata = client.V1ObjectMeta(name="published", annotations=annotations or None)
    core.create_namespaced_secret(namespace, client.V1Secret(metadata=metadata, string_data={"token": PLANTED}))


def test_entries_are_written_read_and_removed(connect: Connect) -> None:
    """None at first; then each token's own; and after a removal the other's alone."""
    cluster = connect()
    assert cluster.receipts() == {}
    cluster.write_receipt("one", "first")
    cluster.write_receipt("two", "second")
    cluster.write_receipt("one", "again")
    assert cluster.receipts() == {"one": "again", "two": "second"}
    cluster.remove_receipt("one")
    assert cluster.receipts() == {"two": "second"}


def test_each_token_has_a_field_manager_of_its_own(connect: Connect, core: client.CoreV1Api, namespace: str) -> None:
    """One token's entry is its manager's alone, so that no token's trouble blocks another's."""
    cluster = connect()
    cluster.write_receipt("one", "first")
    cluster.write_receipt("two", "second")
    fields = core.read_namespaced_config_map("token-receipts", namespace).metadata.managed_fields
    owned = {entry.manager: set(entry.fields_v1.get("f:data", {})) for entry in fields}
    assert owned["token-rotation-one"] == {"f:one"}
    assert owned["token-rotation-two"] == {"f:two"}


def test_removing_what_is_not_there_is_no_error(connect: Connect) -> None:
    """A token that never wrote, and a second removal."""
    cluster = connect()
    cluster.write_receipt("one", "first")
    for _ in range(2):
        cluster.remove_receipt("two")
    assert cluster.receipts() == {"one": "first"}


def test_a_slip_of_somebody_else_is_taken_back(connect: Connect, core: client.CoreV1Api, namespace: str) -> None:
    """An entry that was edited by hand is ours again at the next write."""
    cluster = connect()
    cluster.write_receipt("one", "first")
    core.patch_namespaced_config_map("token-receipts", namespace, {"data": {"one": "edited"}})
    cluster.write_receipt("one", "second")
    assert cluster.receipts() == {"one": "second"}


def test_what_stands_at_a_place_is_told(connect: Connect, core: client.CoreV1Api, namespace: str) -> None:
    """The generations that its annotations name; none where there are none, and None where there is no Secret."""
    cluster = connect()
    assert cluster.placed(namespace, "published") is None
    _secret(core, namespace)
    assert cluster.placed(namespace, "published") == Placed(by_hand=True)
    annotations = {"token-rotation/generation": "the-newest", "token-rotation/previous-generation": "the-one-before"}
    core.patch_namespaced_secret("published", namespace, {"metadata": {"annotations": annotations}})
    placed = cluster.placed(namespace, "published")
    assert placed is not None
    assert (placed.generation, placed.previous_generation) == ("the-newest", "the-one-before")


def test_who_else_manages_a_place_is_told(connect: Connect, core: client.CoreV1Api, namespace: str) -> None:
    """A lifecycle-manager annotation of any prefix, a managed-by label, an owner; our own name is nobody else's."""
    cluster = connect()

    def manager(**metadata: Any) -> str:
        core.patch_namespaced_secret("published", namespace, {"metadata": metadata})
        placed = cluster.placed(namespace, "published")
        assert placed is not None
        return placed.manager

    _secret(core, namespace)
    assert manager(labels={"app.kubernetes.io/managed-by": "token-rotation"}) == ""
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "its-owner", "uid": "0"}
    assert manager(ownerReferences=[owner]) == "ConfigMap its-owner"
    assert manager(labels={"app.kubernetes.io/managed-by": "a-chart"}) == "a-chart"
    assert manager(annotations={"example.com/lifecycle-manager": "kyverno"}) == "kyverno"


def test_a_value_that_somebody_else_wrote_is_told(connect: Connect, core: client.CoreV1Api, namespace: str) -> None:
    """After our own apply nobody did; after an edit of the value somebody did; after our next apply nobody, again."""
    cluster = connect()
    apply = {"field_manager": "ours", "force": True, "_content_type": "application/apply-patch+yaml"}
    annotations = {"token-rotation/generation": "the-newest"}
    metadata = {"name": "published", "annotations": annotations}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"token": "b3Vycw=="}}

    def by_hand() -> bool:
        placed = cluster.placed(namespace, "published")
        assert placed is not None
        return placed.by_hand

    core.patch_namespaced_secret("published", namespace, body, **apply)
    assert not by_hand()
    core.patch_namespaced_secret("published", namespace, {"metadata": {"labels": {"theirs": "yes"}}})
    assert not by_hand()
    core.patch_namespaced_secret("published", namespace, {"data": {"token": "dGhlaXJz"}})
    assert by_hand()
    core.patch_namespaced_secret("published", namespace, body, **apply)
    assert not by_hand()


def test_no_value_travels_to_tell_it(
    connect: Connect, core: client.CoreV1Api, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server is asked for metadata alone: its answer holds neither `data` nor the value."""
    _secret(core, namespace, **{"token-rotation/generation": "the-newest"})
    cluster = connect()
    answers: list[bytes] = []
    rest = cluster._objects.api.rest_client
    send = rest.pool_manager.request
    monkeypatch.setattr(rest.pool_manager, "request", lambda *args, **kw: _kept(send(*args, **kw), answers))
    placed = cluster.placed(namespace, "published")
    assert placed is not None
    assert placed.generation == "the-newest"
    assert (len(answers), b"PartialObjectMetadata" in answers[0], b'"data"' in answers[0]) == (1, True, False)


def _kept(answer: Any, answers: list[bytes]) -> Any:
    answers.append(answer.data)
    return answer


def test_a_credential_is_read_by_its_key(connect: Connect, core: client.CoreV1Api, namespace: str) -> None:
    """The value in clear; a key or a Secret that is not there is an error that names it and no value."""
    _secret(core, namespace)
    cluster = connect()
    assert cluster.secret_value(namespace, "published", "token") == PLANTED
    with pytest.raises(ClusterError, match="it has no key other") as missing:
        cluster.secret_value(namespace, "published", "other")
    with pytest.raises(ClusterError, match=rf"read the Secret {namespace}/none: HTTP 404"):
        cluster.secret_value(namespace, "none", "token")
    assert PLANTED not in str(missing.value)


def test_a_value_that_is_no_text_is_not_shown(connect: Connect, core: client.CoreV1Api, namespace: str) -> None:
    """As an editor writes it that saves UTF-16: neither the error nor what led to it shows the bytes."""
    encoded = base64.b64encode(PLANTED.encode("utf-16")).decode()
    core.create_namespaced_secret(namespace, {"metadata": {"name": "utf-16"}, "data": {"token": encoded}})
    with pytest.raises(ClusterError, match="the key token holds no text") as refused:
        connect().secret_value(namespace, "utf-16", "token")
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)


def test_a_config_map_is_read_whole(connect: Connect, core: client.CoreV1Api, namespace: str) -> None:
    """Text as UTF-8, and binary entries as they are; None when there is no such ConfigMap."""
    assert connect().config_map(namespace, "files") is None
    body = {"metadata": {"name": "files"}, "data": {"a.tf": "ü"}, "binaryData": {"icon.png": "iVBORw=="}}
    core.create_namespaced_config_map(namespace, body)
    assert connect().config_map(namespace, "files") == {"a.tf": "ü".encode(), "icon.png": b"\x89PNG"}


def test_an_account_without_rights_is_refused(connect: Connect, namespace: str) -> None:
    """Each act is a ClusterError that names the act, and not a cluster that is away or empty."""
    cluster = connect(account=True)
    acts: dict[str, Callable[[], object]] = {
        "read the receipt": cluster.receipts,
        "write the receipt": lambda: cluster.write_receipt("one", "first"),
        "read the Secret": lambda: cluster.secret_value(namespace, "published", "token"),
        "read the metadata of the Secret": lambda: cluster.placed(namespace, "published"),
    }
    for act, ask in acts.items():
        with pytest.raises(ClusterError, match=rf"{act} {namespace}/.*HTTP 403.*rights") as refused:
            ask()
        assert not isinstance(refused.value, ClusterAway)


def test_the_least_rights_suffice(connect: Connect, core: client.CoreV1Api, namespace: str) -> None:
    """To read and patch one ConfigMap, to create it, and to read the Secrets that are published."""
    _secret(core, namespace, **{"token-rotation/generation": "the-newest"})
    cluster = connect(
        Rule(["create"], ["configmaps"]),
        Rule(["get", "patch"], ["configmaps"], names=["token-receipts"]),
        Rule(["get"], ["secrets"], names=["published"]),
        account=True,
    )
    cluster.write_receipt("one", "first")
    assert cluster.receipts() == {"one": "first"}
    placed = cluster.placed(namespace, "published")
    assert placed is not None
    assert placed.generation == "the-newest"


def test_a_namespace_that_is_not_there_is_said(kubernetes_server: KubernetesServer) -> None:
    """Nothing to read, and a write that names what must exist."""
    settings = ClusterSettings(
        kubeconfig=str(kubernetes_server.kubeconfig), receipts=ReceiptPlace(namespace="not-there")
    )
    cluster = KubernetesCluster(settings)
    assert cluster.receipts() == {}
    with pytest.raises(ClusterError, match=r"write the receipt not-there/token-receipts: HTTP 404.*namespaces"):
        cluster.write_receipt("one", "first")
    cluster._objects.api.close()


def test_a_server_that_is_gone_is_away(kubernetes_server: KubernetesServer, tmp_path: Path) -> None:
    """No answer is ClusterAway, for every act, without a header or a token in the message."""
    port = kubernetes_server.url.rpartition(":")[2]
    text = kubernetes_server.write_kubeconfig(tmp_path / "away", token=PLANTED).read_text().replace(port, "1")
    (tmp_path / "away").write_text(text)
    cluster = KubernetesCluster(ClusterSettings(kubeconfig=str(tmp_path / "away")))
    acts: list[Callable[[], object]] = [
        cluster.receipts,
        lambda: cluster.write_receipt("one", "first"),
        lambda: cluster.secret_value("apps", "one", "token"),
        lambda: cluster.placed("apps", "one"),
    ]
    for ask in acts:
        with pytest.raises(ClusterAway, match="no answer") as away:
            ask()
        assert PLANTED not in str(away.value)
    cluster._objects.api.close()


def test_no_kubeconfig_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    """Not a cluster that is away: it will not come back by itself."""
    cluster = KubernetesCluster(ClusterSettings(kubeconfig=str(tmp_path / "none")))
    with pytest.raises(ClusterError, match=r"no usable kubeconfig\. Set KUBECONFIG") as unusable:
        cluster.receipts()
    assert not isinstance(unusable.value, ClusterAway)


def test_without_any_kubeconfig_the_pods_own_account_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a pod there is none, and that is told with its remedy, too."""
    for variable in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ClusterError, match=r"no usable kubeconfig\. Set KUBECONFIG"):
        KubernetesCluster(ClusterSettings()).receipts()


def test_what_is_not_there_is_none(connect: Connect) -> None:
    """No record of runs and no Deployment: an answer, and no error."""
    cluster = connect()
    assert cluster.run_records() == {}
    assert cluster.ready_replicas("default", "nobody") is None
