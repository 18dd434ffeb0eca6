"""One unattended run: recover a stale lock, never a live one; one `up`; tell what was decided; end with a code."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from operations.exit_code import ExitCode, judge, refused_input
from operations.pulumi_process import Ended, run_pulumi
from operations.run_log import Log
from operations.stack_lock import StackLock, end_remains, is_stale, locks_in
from rotation.durations import format_duration
from rotation.reasons import Action, Decision, Reason, read_reason_line
from rotation.receipt import RUN_ID_VARIABLE

LONGEST_CALL = timedelta(seconds=30)
"""A call that a dead run sent may still be carried out for this long."""

_UP = ("up", "--yes", "--skip-preview", "--continue-on-error")
_CLEAR = ("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
_PENDING = "pending operations"
_LOCKED = "the stack is currently locked"
_CHANGES = re.compile(r"^\s+\S+\s*(\d+) (created|updated|replaced|deleted|unchanged)$")
_SECRETS_REMEDY = (
    "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to the passphrase of this stack's secrets."
)


@dataclass(frozen=True)
class ScheduledRun:
    """A run of one stack. `settle` is waited after a dead run's processes are gone, before its lock is broken."""

    id: str
    directory: Path
    stack: str
    log: Log
    limit: timedelta
    settle: timedelta = LONGEST_CALL
    sleep: Callable[[float], None] = time.sleep
    _told: set[tuple[str, Decision]] = field(default_factory=set)

    def run(self) -> ExitCode:
        """Do it. Nothing is raised for what a run can meet; the log says what happened."""
        self.log.info("run started", stack=self.stack or "selected")
        ended = self._pulumi(*_UP)
        locks = locks_in(ended.lines)
        if locks and ended.code:
            if not self._recover(locks):
                return self._finish(ExitCode.LOCKED, ended)
            ended = self._pulumi(*_UP)
            if ended.code and locks_in(ended.lines):
                return self._finish(ExitCode.LOCKED, ended)
        if any(_PENDING in line for line in ended.lines):
            self._clear_pending_creates()
        if any(decision.reason is Reason.PUBLICATION_MISSING for decision in _decisions(ended)):
            ended = self._pulumi(*_UP, "--refresh")  # only a refresh tells the engine that an object is gone
        return self._finish(judge(ended.code, ended.lines, _decisions(ended)), ended)

    def _recover(self, locks: list[StackLock]) -> bool:
        for lock in locks:
            if not is_stale(lock):
                self.log.warning("stack is locked by a run that may be alive", lock=str(lock))
                return False
        for lock in locks:
            remains = end_remains(lock)
            self.log.warning("stale lock found", lock=str(lock), processes_ended=remains)
        self.log.info("waiting for calls of the dead run to end", seconds=self.settle.total_seconds())
        self.sleep(self.settle.total_seconds())
        cancelled = self._pulumi("cancel", "--yes")
        self.log.info("stale lock broken", code=cancelled.code)
        return cancelled.code == 0

    def _clear_pending_creates(self) -> None:
        """A create that a dead run left pending would be warned of for ever; what it made is the sweep's to find."""
        cleared = self._pulumi(*_CLEAR)
        self.log.info("pending creates cleared", code=cleared.code)

    def _pulumi(self, *arguments: str) -> Ended:
        chosen = ("--stack", self.stack) if self.stack else ()
        environment = {RUN_ID_VARIABLE: self.id}
        limit = self.limit.total_seconds()
        ended = run_pulumi([*arguments, *chosen], self.directory, environment, limit, self._hear)
        if ended.overdue:
            self.log.error("pulumi was ended", command=arguments[0], limit=format_duration(self.limit))
        return ended

    def _hear(self, line: str) -> None:
        found = read_reason_line(line)
        if found:
            if found not in self._told:  # the CLI repeats what providers print in its closing diagnostics
                self._told.add(found)
                self._tell(*found)
        elif "error:" in line and _LOCKED not in line:  # a lock has events of its own
            self.log.error("pulumi", line=line.strip())

    def _tell(self, token: str, decision: Decision) -> None:
        say = self.log.warning if decision.action is Action.DEFER else self.log.info
        say("decision", token=token, action=decision.action, reason=decision.reason, message=decision.message)

    def _finish(self, code: ExitCode, ended: Ended) -> ExitCode:
        changes = {match[2]: int(match[1]) for match in map(_CHANGES.match, ended.lines) if match}
        changes.pop("unchanged", None)
        refused = refused_input(ended.lines) if code is ExitCode.REFUSED_INPUT else ""
        if "passphrase" in refused:
            self.log.error("the stack's secrets cannot be read", remedy=_SECRETS_REMEDY)
        summary = changes or ("nothing due" if code is ExitCode.FINE else "nothing changed")
        self.log.info("run finished", outcome=code.name.lower(), exit_code=int(code), changes=summary)
        return code


def _decisions(ended: Ended) -> list[Decision]:
    return [found[1] for line in ended.lines if (found := read_reason_line(line))]
