"""Each end-to-end test has a stack of its own; the real servers are shared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.openbao import OpenBaoServer
from tests.end_to_end.stack import Stack, new_stack


@pytest.fixture
def stack(tmp_path: Path, kubernetes_server: KubernetesServer, openbao_server: OpenBaoServer) -> Iterator[Stack]:
    """A fresh stack with nothing declared."""
    with new_stack(tmp_path, kubernetes_server, openbao_server) as made:
        yield made
