"""One job around one run: take the Lease, run, and leave a record, Events and a notification of what happened."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from operations import notifications
from operations.cluster import Cluster
from operations.events import tell
from operations.exit_code import ExitCode
from operations.lease import DURATION, Lease, identity
from operations.outcome import Outcome, happenings, is_worth_telling, message
from operations.places import ObjectPlace
from operations.run_history import RunHistory, Span, next_record
from operations.run_log import Log
from operations.scheduled_run import ScheduledRun
from operations.stored_preferences import read_stored
from rotation.clock import Clock
from rotation.errors import ClusterAway, ClusterError, InvalidSettings, RotationError
from rotation.preferences import Preferences
from rotation.run_record import RunRecord

_NO_RECORD = "Name the receipts: --receipts or TOKEN_ROTATION_RECEIPTS."


@dataclass(frozen=True)
class Job:
    """A run as a job does it.

    name:     as records call it, see `rotation.run_record`
    lease:    what is taken first; None: nothing, and only this machine's stale locks are broken
    receipts: beside which the record stands, and on which Events are told; None: neither
    environ:  names the Secret of the settings, and has settings of its own
    """

    name: str
    run: ScheduledRun
    clock: Clock
    lease: ObjectPlace | None = None
    receipts: ObjectPlace | None = None
    connect: Callable[[], Cluster] = Cluster.connect
    lease_duration: timedelta = DURATION
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def do(self) -> ExitCode:
        """Do it. Nothing is raised for what a run can meet; the log says what happened."""
        with ExitStack() as opened:
            try:
                cluster = opened.enter_context(closing(self.connect())) if self.lease or self.receipts else None
                lease = self._lease(cluster)
                holder = lease.acquire() if lease else ""
            except RotationError as error:
                self._log.error("run could not begin", act=error.act, cause=error.cause, remedy=error.remedy)
                return ExitCode.FAILED if isinstance(error, ClusterAway) else ExitCode.REFUSED_INPUT
            if holder:
                self._log.warning("another run holds the Lease", lease=str(lease), holder=holder)
                return ExitCode.LOCKED
            began = self.clock()
            return self._run_with(lease, cluster, began) if lease else self._leave(cluster, began, self.run.run())

    @property
    def _log(self) -> Log:
        return self.run.log

    def _lease(self, cluster: Cluster | None) -> Lease | None:
        if cluster is None or self.lease is None:
            return None
        place, holder = self.lease, identity(self.run.id)
        return Lease(cluster, place.namespace, place.name, holder, self.clock, self.lease_duration)

    def _run_with(self, lease: Lease, cluster: Cluster | None, began: datetime) -> ExitCode:
        self._log.info("Lease taken", lease=str(lease), holder=lease.holder)
        with lease.kept(lambda: self.run.stop(lease.duration.total_seconds() / 4)):  # before another may begin
            code = replace(self.run, was_over=lease.was_held_by).run()
            if lease.lost.is_set():
                self._log.error("the Lease was lost, so pulumi was ended", lease=str(lease))
                code = ExitCode.FAILED
            return self._leave(cluster, began, code)

    def _leave(self, cluster: Cluster | None, began: datetime, code: ExitCode) -> ExitCode:
        """Tell of it. What goes wrong here is logged, and changes neither the code nor the rest."""
        if code is ExitCode.LOCKED:  # whoever holds the lock leaves a record, and this run did nothing
            return code
        outcome = Outcome(self.name, self.run.id, self.run.stack, code, self.run.told)
        if cluster is None or self.receipts is None:
            self._log.info("no record is left", remedy=_NO_RECORD)
            self._notify(cluster, outcome, None)
        else:
            self._record(cluster, RunHistory(cluster, self.receipts), outcome, began)
        return code

    def _record(self, cluster: Cluster, history: RunHistory, outcome: Outcome, began: datetime) -> None:
        refused = tell(cluster, history.receipts.namespace, history.receipts.name, happenings(outcome), self.clock())
        if refused:
            self._log.warning("an Event was not told", cause=refused)
        try:
            before, tokens = history.last(self.name), history.tokens()
        except ClusterError as error:  # written without what stood there, its counts would begin anew
            self._log.warning("no record is left: that of the last run could not be read", cause=str(error))
            self._notify(cluster, outcome, None)
            return
        left = self._notify(cluster, outcome, before)
        span = Span(outcome.job, outcome.run, began, self.clock())
        record = next_record(before, span, outcome.code, outcome.told, tokens=tokens, undelivered=left)
        try:
            history.write(record)
        except ClusterError as error:
            self._log.warning("the record of this run could not be written", cause=str(error))

    def _notify(self, cluster: Cluster | None, outcome: Outcome, before: RunRecord | None) -> Sequence[str]:
        """Send what waits, and this where it is worth it; returns what nobody took."""
        waiting = before.undelivered if before else ()
        wishes = self._preferences(cluster)
        news = message(outcome) if is_worth_telling(outcome, before) else None
        if wishes is None:
            return notifications.kept(waiting, news)
        left, cause = notifications.undelivered(wishes, waiting, news, self.environ)
        if left:
            self._log.warning("notifications were not taken; the next run sends them", number=len(left), cause=cause)
        return left

    def _preferences(self, cluster: Cluster | None) -> Preferences | None:
        """The settings that the stack resolved, else those of the environment.

        None where they cannot be used, or were not read and the environment names nobody to be told.
        """
        try:
            stored = read_stored(self.environ, (lambda: cluster) if cluster else self.connect)
        except InvalidSettings as error:
            self._log.warning("settings cannot be used, so nobody is notified", cause=str(error))
            return None
        if stored.problem:
            self._log.warning("settings cannot be read", secret=stored.place, cause=stored.problem)
            if stored.preferences.notification_webhook is None:
                return None
        return stored.preferences
