"""A stack to validate, on a real API server, and the address of its Authentik."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.serve import mounted
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_namespace
from tests.operations.validation.world import VARIABLES, ValidationWorld


@pytest.fixture
def world(
    kubernetes_server: KubernetesServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ValidationWorld]:
    name = f"test-{secrets.token_hex(4)}"
    with kubernetes_server.admin_client() as api:
        make_namespace(api, name)
    made = ValidationWorld(kubernetes_server, name, tmp_path, capsys)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    made.receipt()
    yield made
    made.api.close()


@pytest.fixture
def url(world: ValidationWorld) -> Iterator[str]:
    """The address of the simulated Authentik."""
    with mounted(world.faults, world.authentik) as at:
        yield at
