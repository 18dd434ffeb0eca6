"""The CLI in a session of its own, so that ending a run ends its providers too."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from operations.session import end_session

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""By which we are asked to end."""
_GRACE_SECONDS = 20.0
_NOT_STARTED = 1


@dataclass(frozen=True)
class Ended:
    """A command that ended: its exit code, every line that it printed, and whether its time limit ended it."""

    code: int
    lines: list[str] = field(repr=False)
    overdue: bool = False


class Stop:
    """Ends whichever `pulumi` runs, asked from another thread; none starts after that."""

    def __init__(self) -> None:
        self.asked = False
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def __call__(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        with self._lock:
            self.asked = True
            process = self._process
        if process is not None:
            _end(process, grace_seconds)

    def watch(self, process: subprocess.Popen[str]) -> None:
        """From now on this is the one that runs; ended at once where that was asked before."""
        with self._lock:
            self._process = process
            asked = self.asked
        if asked:
            _end(process)


def run_pulumi(
    arguments: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    limit_seconds: float,
    hear: Callable[[str], None] = lambda _line: None,
    *,
    stop: Stop | None = None,
) -> Ended:
    """Run `pulumi` with these arguments; each line is heard as it comes.

    After the limit, by `stop`, and when we are asked to end, the CLI is asked to stop, and its session killed after a
    grace.
    """
    if stop and stop.asked:
        return Ended(_NOT_STARTED, [])
    process = subprocess.Popen(
        ["pulumi", *arguments, "--non-interactive", "--color", "never"],
        cwd=directory,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    if stop:
        stop.watch(process)
    overdue = threading.Event()

    def end_overdue() -> None:
        overdue.set()
        _end(process)

    timer = threading.Timer(limit_seconds, end_overdue)
    timer.start()
    lines = []
    with process:
        try:
            assert process.stdout is not None, "it was opened as a pipe"
            for line in process.stdout:
                lines.append(line.rstrip("\n"))
                hear(lines[-1])
            code = process.wait()
            if code < 0:  # it was killed alone, and its providers live on
                end_session(process.pid)
        except BaseException:
            with _undisturbed():
                _end(process)
            raise
        finally:
            timer.cancel()
    return Ended(code, lines, overdue.is_set())


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no further wish to end cut the ending short: what it left alive would go on under a lock of nobody's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(process: subprocess.Popen[str], grace_seconds: float = _GRACE_SECONDS) -> None:
    """Ask the CLI to stop, so that it saves what is done; then leave nothing of its session, not even a provider."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_seconds)
    end_session(process.pid)
