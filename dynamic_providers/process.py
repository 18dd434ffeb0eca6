"""The run of this process: begun once, asked for by every verb."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dynamic_providers.state import Run

_current: list[Run] = []
_current_lock = threading.Lock()


def begin(make: Callable[[], Run]) -> None:
    """Begin the run of this process, unless it has begun."""
    with _current_lock:
        if not _current:
            _current.append(make())


def current() -> Run:
    """The run of this process; raises LookupError before `begin`."""
    if not _current:
        raise LookupError("no run has begun in this process")
    return _current[0]


@contextmanager
def using(run: Run) -> Iterator[Run]:
    """Let providers use this run: for tests and the simulator, which pass their own clock and backends."""
    before = _current.copy()
    _current[:] = [run]
    try:
        yield run
    finally:
        _current[:] = before
