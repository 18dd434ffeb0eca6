"""All that one `pulumi` command started. The CLI gives each plugin a process group of its own, but one session."""

from __future__ import annotations

import os
from contextlib import suppress

import psutil

_ROUNDS = 3
_SECONDS = 5.0


def end_session(leader: int) -> bool:
    """Kill every process of the session that this process began. True: there was something to kill.

    A child of ours is left for its `Popen` to reap, which would take what was reaped by others for ended with 0.
    """
    found = False
    for _ in range(_ROUNDS):  # a member may start another one while it is killed
        members = _members(leader)
        if not members:
            break
        found = True
        for member in members:
            with suppress(psutil.Error):
                member.kill()
        psutil.wait_procs([member for member in members if not _is_ours(member)], timeout=_SECONDS)
    return found


def _is_ours(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.ppid() == os.getpid())
    return False


def _members(leader: int) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _is_member(process, leader)]


def _is_member(process: psutil.Process, leader: int) -> bool:
    with suppress(psutil.Error, ProcessLookupError, PermissionError):
        return os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE
    return False
