from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.servers import processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


def test_a_process_is_ended_and_its_pid_file_removed(tmp_path: Path) -> None:
    """What was started is found by its pid file, ended, and then gone."""
    process = processes.start("one", SLEEP, tmp_path, url="")
    assert processes.found(tmp_path, "one") == process
    processes.stop(tmp_path, "one")
    assert not process.is_running
    assert processes.found(tmp_path, "one") is None
    assert os.listdir(tmp_path) == ["one.log"]
    processes.stop(tmp_path, "one")


def test_a_stubborn_process_is_killed(tmp_path: Path) -> None:
    """SIGTERM first, SIGKILL for whoever does not go."""
    process = processes.start("one", STUBBORN, tmp_path, url="")
    processes.wait_until_ready(process, lambda: Path(process.log).read_text() == "up\n")
    processes.stop(tmp_path, "one", grace_seconds=0.2)
    assert not process.is_running


def test_a_reused_pid_is_not_ours(tmp_path: Path) -> None:
    """A process of the same pid that started at another instant is somebody else's, and is left alone."""
    with subprocess.Popen(SLEEP, start_new_session=True) as foreign:
        stale = processes.ServerProcess("one", foreign.pid, "long ago", "", str(tmp_path / "one.log"))
        (tmp_path / "one.json").write_text(json.dumps(vars(stale)))
        processes.stop(tmp_path, "one")
        assert foreign.poll() is None
        foreign.terminate()


def test_a_process_that_ends_early_shows_its_log_without_secrets(tmp_path: Path) -> None:
    """The error has the end of the log, and not the secret in it."""
    talk = [sys.executable, "-c", "print('no such flag, key hush')"]
    process = processes.start("one", talk, tmp_path, url="")
    with pytest.raises(
        processes.ServerDidNotStartError, match=r"one ended before it was ready(.|\n)*no such flag"
    ) as told:
        processes.wait_until_ready(process, lambda: False, secrets=["hush"])
    assert "hush" not in str(told.value)
    processes.stop(tmp_path, "one")


def test_waiting_has_a_deadline(tmp_path: Path) -> None:
    """A process that is never ready is told after the time given."""
    process = processes.start("one", SLEEP, tmp_path, url="")
    with pytest.raises(processes.ServerDidNotStartError, match="was not ready after 0 s"):
        processes.wait_until_ready(process, lambda: False, seconds=0)
    processes.stop(tmp_path, "one")
