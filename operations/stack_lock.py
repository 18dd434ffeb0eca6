"""Pulumi's lock on a stack: whose it is, and whether that run is certainly over."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psutil

from operations.session import end_session

_FORM = re.compile(r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")
_START_TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True)
class StackLock:
    """A lock as the CLI reports it."""

    user: str
    host: str
    pid: int
    taken: datetime

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.pid}, since {self.taken.isoformat()}"


def locks_in(lines: Iterable[str]) -> list[StackLock]:
    """The locks that a refused command names; none when it was not refused for a lock."""
    found = (match for match in map(_FORM.search, lines) if match)
    return [StackLock(m["user"], m["host"], int(m["pid"]), _instant(m["at"])) for m in found]


def is_stale(lock: StackLock, was_over: Callable[[str, datetime], bool] = lambda _host, _at: False) -> bool:
    """Whether the run is over. Anything less certain counts as live.

    On this machine: its process is gone. On another one: `was_over` knows that whoever ran on that host at that instant
    of its clock is over. An age alone proves nothing: a person's `pulumi up` elsewhere may take its time.
    """
    if lock.host != socket.gethostname():
        return was_over(lock.host, lock.taken)
    started = _start_of(lock.pid)
    return started is None or started > lock.taken + _START_TOLERANCE  # later: the number was given away


def end_remains(lock: StackLock) -> bool:
    """Kill what a stale lock's run left in its session: its provider could still mint. True: there was something.

    A number is not given away while a session of it has members; where a process has it now, the session is its own.
    """
    return _start_of(lock.pid) is None and end_session(lock.pid)


def _start_of(pid: int) -> datetime | None:
    """When the process with this number began; None when there is none, or only its remains."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return datetime.fromtimestamp(process.create_time(), UTC)
    except psutil.NoSuchProcess:
        return None


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
