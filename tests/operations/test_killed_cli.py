"""A CLI that does not end when it is asked to, and what one that was killed left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable

from operations.exit_code import ExitCode
from operations.pulumi_process import Stop
from sandbox.servers.processes import comes_true
from tests.operations.conftest import Outcome
from tests.operations.scripted_cli import ScriptedCli


def test_a_run_that_had_to_be_killed_failed(cli: ScriptedCli, run: Callable[..., Outcome]) -> None:
    """A CLI that does not end when it is asked to is killed, and its run is no success."""
    cli.answer("up", "    15 unchanged", seconds=60, stubborn=True)
    stop = Stop()

    def end_it() -> None:
        assert comes_true((cli.home / "ready").exists, seconds=30)
        stop(grace_seconds=0.1)

    ending = threading.Thread(target=end_it)
    ending.start()
    assert run(stop=stop)[0] is ExitCode.FAILED
    ending.join()


def test_pending_creates_are_cleared(cli: ScriptedCli, run: Callable[..., Outcome]) -> None:
    """What a killed run left pending is cleared once, so that later runs do not warn for ever."""
    cli.answer("up", "warning: Attempting to deploy or update resources with 1 pending operations\n    5 unchanged")
    assert run()[0] is ExitCode.FINE
    assert "--clear-pending-creates" in cli.calls()[-1]
