"""Starting the programs that do the work: output to a log, a sign of life meanwhile, the whole group ended with us."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from toolchain.errors import UnobtainableError
from toolchain.progress import Progress, spoken

_TAIL_LINES = 15


def run(
    argv: list[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    log: Path,
    progress: Progress,
    doing: Callable[[], str],
    limit_seconds: float | None = None,
) -> None:
    """Run `argv` to its end; its output is appended to `log`, and `doing()` is shown while it works.

    Raises UnobtainableError, with the end of the log and the log's path, when it fails or takes longer than
    `limit_seconds`. Whatever ends us early (also an interrupt) ends the program and its children.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    began = progress.clock()
    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(
            argv, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait(process, progress, doing, began, limit_seconds)
        finally:
            _end_group(process)
    if process.returncode:
        raise UnobtainableError(_failure(argv[0], process.returncode, log, start))


def _wait(
    process: subprocess.Popen[bytes],
    progress: Progress,
    doing: Callable[[], str],
    began: float,
    limit_seconds: float | None,
) -> None:
    while True:
        try:
            process.wait(progress.beat_seconds)
        except subprocess.TimeoutExpired:
            took = progress.clock() - began
            if limit_seconds is not None and took > limit_seconds:
                raise UnobtainableError(f"no answer within {spoken(limit_seconds)}") from None
            progress.beat(f"{doing()}, {spoken(took)}")
        else:
            return


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the program's group: a compiler must not outlive the set-up that started it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _failure(program: str, code: int, log: Path, start: int) -> str:
    written = log.read_bytes()[start:].decode(errors="replace").splitlines()
    tail = "\n".join(f"    {line}" for line in written[-_TAIL_LINES:])
    return f"{Path(program).name} ended with {code}; the end of its log {log}:\n{tail}"
