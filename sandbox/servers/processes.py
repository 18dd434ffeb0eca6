"""Starting, watching and ending server processes, and only those that we started."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
_TAIL_BYTES = 2000
_POLL_SECONDS = 0.05


class ServerDidNotStartError(Exception):
    """A server ended early, or was not ready in time. The message has the end of its log, without secrets."""


@dataclass(frozen=True)
class ServerProcess:
    """A process with the instant at which the system says it started, because a pid alone may be somebody else's."""

    name: str
    pid: int
    started: str
    url: str
    log: str

    @property
    def is_running(self) -> bool:
        child = _CHILDREN.get(self.pid)
        if child is not None and child.poll() is not None:
            return False
        return _started(self.pid) == self.started


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    name: str, argv: Sequence[str | Path], state: Path, *, url: str, env: Mapping[str, str] | None = None
) -> ServerProcess:
    """Start a program in a session of its own, its output in `NAME.log` and its pid file `NAME.json` in `state`."""
    state.mkdir(parents=True, exist_ok=True)
    log = state / f"{name}.log"
    log.touch(mode=0o600)
    with log.open("wb") as output:
        child = subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=state,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    _CHILDREN[child.pid] = child
    process = ServerProcess(name, child.pid, _started(child.pid) or "", url, str(log))
    _pid_file(state, name).write_text(json.dumps(asdict(process)))
    return process


def found(state: Path, name: str) -> ServerProcess | None:
    """The process that `state` tells of, when it still runs."""
    try:
        process = ServerProcess(**json.loads(_pid_file(state, name).read_text()))
    except FileNotFoundError:
        return None
    return process if process.is_running else None


def wait_until_ready(
    process: ServerProcess, is_ready: Callable[[], bool], *, seconds: float = 60, secrets: Sequence[str] = ()
) -> None:
    """Raises ServerDidNotStartError when the process ends, or is not ready after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if not process.is_running:
            raise ServerDidNotStartError(_report(process, "ended before it was ready", secrets))
        if time.monotonic() > deadline:
            raise ServerDidNotStartError(_report(process, f"was not ready after {seconds:.0f} s", secrets))
        time.sleep(_POLL_SECONDS)


def comes_true(is_true: Callable[[], bool], *, seconds: float) -> bool:
    """Whether it is true within `seconds`; asked again and again, and once more at the end."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def stop(state: Path, name: str, *, grace_seconds: float = 10) -> None:
    """End the process with SIGTERM, and its whole group with SIGKILL when that was not enough. Gone is success."""
    process = found(state, name)
    if process is not None:
        _signal(process, signal.SIGTERM)
        if not comes_true(lambda: not process.is_running, seconds=grace_seconds):
            _signal(process, signal.SIGKILL)
            comes_true(lambda: not process.is_running, seconds=grace_seconds)
        child = _CHILDREN.pop(process.pid, None)
        if child is not None:
            child.wait()
    _pid_file(state, name).unlink(missing_ok=True)


def _signal(process: ServerProcess, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _pid_file(state: Path, name: str) -> Path:
    return state / f"{name}.json"


def _started(pid: int) -> str | None:
    """When the process started, as the system writes it; None when it is gone or a zombie."""
    if Path("/proc/self/stat").exists():
        try:
            # After the name, which is in parentheses and may hold anything: the state first, the start tick as 20th.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] == "Z" else fields[19]
    told = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    status, _, started = told.stdout.strip().partition(" ")
    return None if not status or status.startswith("Z") else started.strip()


def _report(process: ServerProcess, what: str, secrets: Sequence[str]) -> str:
    tail = Path(process.log).read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
    for secret in secrets:
        tail = tail.replace(secret, "[secret]")
    return f"{process.name} {what}; the end of {process.log}:\n{tail}"
