"""One controller on the cluster that has the others; its build takes minutes, so only deep tests (`DEEP=1`) need it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sandbox.servers import external_secrets, kubernetes_auth
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.openbao import OpenBaoServer
from tests.external_secrets.cluster_world import ClusterWorld

collect_ignore_glob = [] if os.environ.get("DEEP") else ["test_*.py"]


@pytest.fixture(scope="session")
def controller(
    controlled_kubernetes_server: KubernetesServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KubernetesServer]:
    """The cluster, with External Secrets at work in it."""
    state = tmp_path_factory.mktemp("external-secrets")
    with external_secrets.running(state, controlled_kubernetes_server.kubeconfig):
        yield controlled_kubernetes_server


@pytest.fixture(scope="session")
def vault(controller: KubernetesServer, openbao_server: OpenBaoServer) -> OpenBaoServer:
    """An OpenBao that trusts the cluster's ServiceAccounts."""
    kubernetes_auth.trust(openbao_server, controller)
    return openbao_server


@pytest.fixture
def world(controller: KubernetesServer) -> Iterator[ClusterWorld]:
    """A namespace of its own."""
    with controller.admin_client() as api:
        yield ClusterWorld.make(controller, api)
