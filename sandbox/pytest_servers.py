"""A pytest plugin: real servers, one of each per test process. The top conftest names it in `pytest_plugins`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from sandbox.servers import kubernetes, openbao


@pytest.fixture(scope="session")
def kubernetes_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kubernetes.KubernetesServer]:
    """A real kube-apiserver with RBAC on; tests share it and make namespaces of their own."""
    with kubernetes.running(tmp_path_factory.mktemp("kubernetes")) as server:
        yield server


@pytest.fixture(scope="session")
def openbao_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openbao.OpenBaoServer]:
    """A real OpenBao in dev mode; tests share it and use names of their own."""
    with openbao.running(tmp_path_factory.mktemp("openbao"), root_token=secrets.token_hex(16)) as server:
        yield server
