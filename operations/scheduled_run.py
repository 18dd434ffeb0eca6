"""One unattended run: recover a stale lock, never a live one; one `up`, and once more what heals; end with a code."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from operations.exit_code import ExitCode, heals, judge, refused_input
from operations.pulumi_process import Ended, Stop, run_pulumi
from operations.run_log import Log
from operations.stack_lock import StackLock, end_remains, is_stale, locks_in
from operations.told import Told
from rotation.durations import format_duration
from rotation.reasons import Action, Decision, Reason, read_reason_line
from rotation.receipt import ONLY_RETIRE_VARIABLE, RUN_ID_VARIABLE

LONGEST_CALL = timedelta(seconds=30)
"""A call that a dead run sent may still be carried out for this long."""

_UP = ("up", "--yes", "--skip-preview", "--continue-on-error")
_CLEAR = ("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
_PENDING = "pending operations"
_LOCKED = "the stack is currently locked"
_NOT_TARGETED = "not specified in --target list"
_SWEEPS = ("--target", "**:Sweep::*", "--target", "**:OperatorKeeper::*")
_RETIREMENTS = ("--target", "**:Retirement::*")
_RETIREMENT_URN = re.compile(r"urn:pulumi:\S+:Retirement::\S+")
_SECRETS_REMEDY = (
    "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to the passphrase of this stack's secrets."
)


WasOver = Callable[[str, datetime], bool]
"""Whether whoever ran on another host at an instant of its clock is certainly over."""


def nobody_is_over(_host: str, _at: datetime) -> bool:
    """What is known without a Lease."""
    return False


@dataclass(frozen=True)
class ScheduledRun:
    """A run of one stack. `settle` is waited after a dead run's processes are gone, before its lock is broken.

    only_retire: revoke what is past its deadline and sweep; the engine leaves every other resource as it is
    limit:       for the run as a whole
    attempts:    how often `up` is tried while it fails for what heals by itself; `backoff` is waited in between
    was_over:    what is known of runs on other hosts
    stop:        ends the run from another thread
    """

    id: str
    directory: Path
    stack: str
    log: Log
    limit: timedelta
    settle: timedelta = LONGEST_CALL
    sleep: Callable[[float], None] = time.sleep
    only_retire: bool = False
    attempts: int = 2
    backoff: timedelta = timedelta(seconds=30)
    was_over: WasOver = nobody_is_over
    stop: Stop = field(default_factory=Stop)
    monotonic: Callable[[], float] = time.monotonic
    _started: list[float] = field(default_factory=list)
    _lines: list[str] = field(default_factory=list)
    _told: set[tuple[str, Decision]] = field(default_factory=set)

    @property
    def told(self) -> Told:
        """What the whole run told, with every attempt."""
        return Told(self._lines)

    def run(self) -> ExitCode:
        """Do it. Nothing is raised for what a run can meet; the log says what happened."""
        self.log.info("run started", stack=self.stack or "selected")
        self._started.append(self.monotonic())
        code, ended = self._attempt()
        for attempt in range(2, self.attempts + 1):
            if not (heals(code, ended.code, _decisions(ended)) and self._has_time(ended)):
                break
            seconds = self.backoff.total_seconds()
            self.log.warning("run failed and is tried again", attempt=attempt, attempts=self.attempts, seconds=seconds)
            self.sleep(seconds)
            code, ended = self._attempt()
        return self._finish(code, ended)

    def _attempt(self) -> tuple[ExitCode, Ended]:
        """One `up` with all that it takes; every decision of it is made anew from what is there now."""
        ended = self._up()
        locks = locks_in(ended.lines)
        if locks and ended.code:
            recovered = self._recover(locks)
            if recovered is not ExitCode.FINE:
                return recovered, ended
            ended = self._up()
            if ended.code and locks_in(ended.lines):
                return ExitCode.LOCKED, ended
        if not self.only_retire:
            ended = self._mended(ended)
        return judge(ended.code, ended.lines, _decisions(ended)), ended

    def _up(self) -> Ended:
        if not self.only_retire:
            return self._pulumi(*_UP)
        ended = self._pulumi(*_UP, *_RETIREMENTS, *_SWEEPS)
        if ended.code and any(_NOT_TARGETED in line for line in ended.lines):
            return self._retire_what_is_known()
        return ended

    def _retire_what_is_known(self) -> Ended:
        """The engine refuses to target what depends on a token that no run has made yet: leave that to the next run."""
        self.log.info("a token is declared that no run has made yet; the sweeps are left to that run")
        shown = self._pulumi("stack", "--show-urns")
        known = list(dict.fromkeys(urn for line in shown.lines for urn in _RETIREMENT_URN.findall(line)))
        if shown.code or not known:
            return shown
        return self._pulumi(*_UP, *(option for urn in known for option in ("--target", urn)))

    def _mended(self, ended: Ended) -> Ended:
        """What a dead run, or somebody's hand, left amiss and one `up` alone does not mend."""
        if any(_PENDING in line for line in ended.lines):
            self._clear_pending_creates()
        if any(decision.reason is Reason.PUBLICATION_MISSING for decision in _decisions(ended)):
            return self._pulumi(*_UP, "--refresh")  # only a refresh tells the engine that an object is gone
        return ended

    def _recover(self, locks: list[StackLock]) -> ExitCode:
        """Break the locks of dead runs. LOCKED where one may live, FAILED where they could not be broken."""
        for lock in locks:
            if not is_stale(lock, self.was_over):
                self.log.warning("stack is locked by a run that may be alive", lock=str(lock))
                return ExitCode.LOCKED
        for lock in locks:
            remains = end_remains(lock)
            self.log.warning("stale lock found", lock=str(lock), processes_ended=remains)
        self.log.info("waiting for calls of the dead run to end", seconds=self.settle.total_seconds())
        self.sleep(self.settle.total_seconds())
        cancelled = self._pulumi("cancel", "--yes")
        if cancelled.code:
            self.log.error("the stale lock could not be broken", code=cancelled.code)
            return ExitCode.FAILED
        self.log.info("stale lock broken")
        return ExitCode.FINE

    def _clear_pending_creates(self) -> None:
        """A create that a dead run left pending would be warned of for ever; what it made is the sweep's to find."""
        cleared = self._pulumi(*_CLEAR)
        self.log.info("pending creates cleared", code=cleared.code)

    def _pulumi(self, *arguments: str) -> Ended:
        chosen = ("--stack", self.stack) if self.stack else ()
        environment = {RUN_ID_VARIABLE: self.id, **({ONLY_RETIRE_VARIABLE: "1"} if self.only_retire else {})}
        command = [*arguments, *chosen]
        ended = run_pulumi(command, self.directory, environment, self._left(), self._hear, stop=self.stop)
        if ended.overdue:
            self.log.error("pulumi was ended", command=arguments[0], limit=format_duration(self.limit))
        return ended

    def _left(self) -> float:
        """Seconds of the limit that are left; a moment at least, in which a command tells that it was ended."""
        return max(1.0, self._started[0] + self.limit.total_seconds() - self.monotonic())

    def _has_time(self, ended: Ended) -> bool:
        """Whether another attempt may begin, and would have as long as the backoff before the limit."""
        return not (ended.overdue or self.stop.asked) and self._left() > 2 * self.backoff.total_seconds()

    def _hear(self, line: str) -> None:
        self._lines.append(line)
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
        changes = Told(ended.lines).changes
        refused = refused_input(ended.lines) if code is ExitCode.REFUSED_INPUT else ""
        if "passphrase" in refused:
            self.log.error("the stack's secrets cannot be read", remedy=_SECRETS_REMEDY)
        summary = changes or ("nothing due" if code is ExitCode.FINE else "nothing changed")
        self.log.info("run finished", outcome=code.name.lower(), exit_code=int(code), changes=summary)
        return code


def _decisions(ended: Ended) -> list[Decision]:
    return [decision for _, decision in Told(ended.lines).decisions]
