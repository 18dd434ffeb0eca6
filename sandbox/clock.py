"""A clock that can be moved from outside: the wall clock plus an offset in a file.

Loaded by path into foreign processes (see `clock_swap`), so this module imports nothing of ours at run time.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path


def _wall_clock() -> datetime:
    return datetime.now(UTC)


def offset_clock(path: Path, base: Callable[[], datetime] = _wall_clock) -> Callable[[], datetime]:
    """A clock that reads the offset anew at each call, so that every process sees a move at once."""
    return lambda: base() + timedelta(seconds=read_offset(path))


def read_offset(path: Path) -> float:
    """Seconds that the clock is ahead; 0 when there is no file. Raises ValueError when it holds no number."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return 0.0
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"the clock file {path} holds no number of seconds: write one, or remove the file") from None


def move(path: Path, seconds: float) -> float:
    """Move the clock by `seconds` (negative: back) and return the new offset. The file is replaced in one step."""
    offset = read_offset(path) + seconds
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w") as file:
        file.write(f"{offset}\n")
    Path(temporary).replace(path)
    return offset
