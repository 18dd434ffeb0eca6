"""Pulumi's lock on a stack: whose it is, and whether that run is certainly over."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psutil

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


def is_stale(lock: StackLock, host: str = "") -> bool:
    """Whether the run is over: it was on this machine and its process is gone. Anything less certain counts as live."""
    if lock.host != (host or socket.gethostname()):
        return False
    try:
        process = psutil.Process(lock.pid)
        started = datetime.fromtimestamp(process.create_time(), UTC)
        ended = process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    return ended or started > lock.taken + _START_TOLERANCE  # the number was given to a later process


def end_remains(lock: StackLock) -> bool:
    """Kill what a stale lock's run left in its process group: its provider could still mint. True: there was something.

    A group's number is not given away while the group has members, so this ends nobody else's processes.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(lock.pid, signal.SIGKILL)
        return True
    return False


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
