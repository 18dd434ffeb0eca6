"""A scheduled run around a scripted CLI, with its log lines at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from operations.exit_code import ExitCode
from operations.run_log import open_log
from operations.scheduled_run import ScheduledRun
from tests.operations.scripted_cli import ScriptedCli

NOW = datetime(2026, 1, 31, 2, tzinfo=UTC)
Outcome = tuple[ExitCode, list[dict[str, Any]]]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedCli:
    """The `pulumi` on PATH; it says nothing and succeeds until told otherwise."""
    made = ScriptedCli(tmp_path)
    made.answer("cancel")
    monkeypatch.setenv("PATH", made.path)
    return made


@pytest.fixture
def run(cli: ScriptedCli, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Does one scheduled run; returns its exit code and its log lines."""
    del cli

    def once(waited: list[float] | None = None, limit: timedelta = timedelta(minutes=10), **settings: Any) -> Outcome:
        sleeps = waited if waited is not None else []
        log = open_log("run-1", lambda: NOW)
        code = ScheduledRun("run-1", tmp_path, "homelab", log, limit, sleep=sleeps.append, **settings).run()
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return once
