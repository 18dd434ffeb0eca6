from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from kubernetes import client, config

from sandbox.servers import etcd
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import Rule, make_namespace, make_service_account

SECRET = client.V1Secret(metadata=client.V1ObjectMeta(name="one"), string_data={"token": "x"})

AccountClient = Callable[..., client.CoreV1Api]


@pytest.fixture
def api(kubernetes_server: KubernetesServer) -> Iterator[client.ApiClient]:
    with kubernetes_server.admin_client() as made:
        yield made


@pytest.fixture
def namespace(api: client.ApiClient) -> str:
    name = f"test-{secrets.token_hex(4)}"
    make_namespace(api, name)
    return name


@pytest.fixture
def account(
    kubernetes_server: KubernetesServer, api: client.ApiClient, namespace: str, tmp_path: Path
) -> Iterator[AccountClient]:
    with ExitStack() as stack:

        def make(*rules: Rule) -> client.CoreV1Api:
            token = make_service_account(api, namespace, "robot", rules)
            path = kubernetes_server.write_kubeconfig(tmp_path / "kubeconfig", token=token)
            made = config.new_client_from_config(str(path))
            return client.CoreV1Api(stack.enter_context(made))

        yield make


def test_the_administrator_may_do_everything(api: client.ApiClient, namespace: str) -> None:
    """The kubeconfig's client certificate is in system:masters."""
    core = client.CoreV1Api(api)
    core.create_namespaced_secret(namespace, SECRET)
    assert core.read_namespaced_secret("one", namespace).data == {"token": "eA=="}


def test_an_account_without_rights_is_refused(account: AccountClient, namespace: str) -> None:
    """RBAC is on: a ServiceAccount without a Role gets 403."""
    with pytest.raises(client.ApiException) as refused:
        account().list_namespaced_secret(namespace)
    assert refused.value.status == 403


def test_an_account_may_do_what_its_role_says(account: AccountClient, namespace: str) -> None:
    """With a Role for creating and reading one Secret it does that, and no more."""
    core = account(Rule(["create"], ["secrets"]), Rule(["get"], ["secrets"], names=["one"]))
    core.create_namespaced_secret(namespace, SECRET)
    assert core.read_namespaced_secret("one", namespace).metadata is not None
    with pytest.raises(client.ApiException) as reading:
        core.read_namespaced_secret("two", namespace)
    with pytest.raises(client.ApiException) as deleting:
        core.delete_namespaced_secret("one", namespace)
    assert (reading.value.status, deleting.value.status) == (403, 403)


def test_an_unknown_bearer_is_not_let_in(kubernetes_server: KubernetesServer, tmp_path: Path) -> None:
    """A token that the cluster did not sign is 401, not an anonymous guest."""
    path = kubernetes_server.write_kubeconfig(tmp_path / "kubeconfig", token="made-up")
    guest: client.ApiClient = config.new_client_from_config(str(path))
    with guest as made, pytest.raises(client.ApiException) as refused:
        client.CoreV1Api(made).list_namespace()
    assert refused.value.status == 401


def test_the_kubeconfig_is_private(kubernetes_server: KubernetesServer) -> None:
    """Nobody but the owner reads the administrator's key."""
    assert kubernetes_server.kubeconfig.stat().st_mode & 0o077 == 0


def test_etcd_leaves_nothing_behind(tmp_path: Path) -> None:
    """A stopped etcd takes its data along; a second start finds the first."""
    with etcd.running(tmp_path) as url:
        assert etcd.start(tmp_path) == url
        assert (tmp_path / "etcd-data").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["etcd.log"]
