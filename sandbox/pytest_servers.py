"""A pytest plugin: real servers, one of each per test process. The top conftest names it in `pytest_plugins`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from sandbox.servers import custom_resources, kubernetes, openbao


@pytest.fixture(scope="session")
def kubernetes_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kubernetes.KubernetesServer]:
    """A real kube-apiserver with RBAC on; tests share it and make namespaces of their own."""
    with kubernetes.running(tmp_path_factory.mktemp("kubernetes")) as server:
        yield server


@pytest.fixture(scope="session")
def controlled_kubernetes_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kubernetes.KubernetesServer]:
    """One with the controllers at work and the operators' kinds of objects known; takes some seconds more to start.

    Tests share it and make namespaces of their own.
    """
    with kubernetes.running(tmp_path_factory.mktemp("controlled-kubernetes"), controllers=True) as server:
        custom_resources.install(server, *custom_resources.files())
        yield server


@pytest.fixture(scope="session")
def openbao_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openbao.OpenBaoServer]:
    """A real OpenBao in dev mode; tests share it and use names of their own."""
    with openbao.running(tmp_path_factory.mktemp("openbao"), root_token=secrets.token_hex(16)) as server:
        yield server
