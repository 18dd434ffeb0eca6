"""A scenario is played in the model first, then by the real CLI, whose pictures are held to the model's one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rotation.clock import system_clock
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.openbao import OpenBaoServer
from tests.agreement.cli_world import cli_world
from tests.agreement.harness import Scenario
from tests.agreement.model_world import ModelWorld

Agree = Callable[..., None]


@pytest.fixture
def agree(tmp_path: Path, kubernetes_server: KubernetesServer, openbao_server: OpenBaoServer) -> Agree:
    """Raises AssertionError with both pictures of the first run that differs. `instants`: whether they are compared."""

    def play(scenario: Scenario, *, instants: bool = True) -> None:
        model = ModelWorld(system_clock().replace(microsecond=0), instants=instants)
        scenario(model)
        with cli_world(tmp_path, kubernetes_server, openbao_server, model.pictures, instants=instants) as real:
            scenario(real)
        assert len(real.pictures) == len(model.pictures) > 0

    return play
