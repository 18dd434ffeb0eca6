"""`tokens validate`: every published copy is read as its consumers read it, and used; nothing is changed."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated

import stamina.instrumentation
import typer

from operations.cluster import Cluster
from operations.events import tell
from operations.exit_code import ExitCode
from operations.notifications import undelivered
from operations.places import RECEIPTS_VARIABLE, ObjectPlace, read_place
from operations.run_history import RunHistory, Span
from operations.run_log import Log, open_log
from operations.stored_preferences import Stored, read_stored
from operations.validation.reading import Consumers
from operations.validation.record import Outcome, happenings, notification, validation_record
from operations.validation.round import SETTLE, Round
from rotation import clock
from rotation.backends.http_transport import http_transport
from rotation.backends.transport import Request, Response, Transport
from rotation.clock import Clock
from rotation.durations import format_duration, parse_duration
from rotation.errors import ClusterError, InvalidSettings, RotationError
from rotation.preferences import DEFAULT, Preferences
from rotation.receipt import RUN_ID_VARIABLE
from rotation.run_record import VALIDATE, RunRecord, Validated
from rotation.validation_plan import PLAN_KEY, ValidationPlan, plan_name

_REMEDY = "Let `pulumi up` of the same release write it."


def command(
    plan: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Read the plan from this file.")
    ] = None,
    receipts: Annotated[str, typer.Option(envvar=RECEIPTS_VARIABLE, help="namespace/name of the receipts.")] = "",
    settle: Annotated[
        str, typer.Option(help="Look again after this long where something was found; 0s: do not.")
    ] = format_duration(SETTLE),
) -> None:
    """Read every published copy as its consumers do, use it, and compare. Changes nothing.

    Ends with 0 all works, 1 something does not work or could not be read, 2 refused input.
    """
    run = os.environ.get(RUN_ID_VARIABLE) or secrets.token_hex(8)
    log = open_log(run, clock.system_clock)
    stamina.instrumentation.set_on_retry_hooks([])  # its lines are no JSON
    pause = timedelta() if settle == "0s" else _duration(settle)
    sys.exit(Validation(run, log, clock.system_clock, receipts, plan, pause).run())


@dataclass(frozen=True)
class Validation:
    """One validation, from the environment to the exit code."""

    id: str
    log: Log
    clock: Clock
    receipts: str
    plan_file: Path | None
    settle: timedelta
    connect: Callable[[], Cluster] = Cluster.connect

    def run(self) -> ExitCode:
        """Do it. Nothing is raised for what a validation can meet; the log says what happened."""
        began = self.clock()
        try:
            with closing(self.connect()) as cluster:
                stored = read_stored(os.environ, lambda: cluster)
                return self._validate(cluster, self._plan(cluster), stored, began)
        except RotationError as error:
            return self._refused(error)

    def _validate(self, cluster: Cluster, plan: ValidationPlan, stored: Stored, began: datetime) -> ExitCode:
        if stored.problem:
            self.log.warning("settings cannot be read", secret=stored.place, cause=stored.problem)
        outcome = self._look(cluster, plan, stored.preferences)
        place = ObjectPlace(plan.receipts_namespace, plan.receipts_name)
        refused = tell(cluster, place.namespace, place.name, happenings(outcome), self.clock())
        if refused:
            self.log.warning("an Event was not taken", cause=refused)
        code = self._leave_record(RunHistory(cluster, place), stored.preferences, began, outcome)
        self.log.info("validation finished", outcome=code.name.lower(), exit_code=int(code))
        return code

    def _look(self, cluster: Cluster, plan: ValidationPlan, preferences: Preferences) -> Outcome:
        """What was found, by token: nothing where validation is off, None where it could not be begun."""
        if not _enabled(plan, preferences):
            source = preferences.sources["validation_enabled"]
            self.log.info("validation is switched off", setting="validation_enabled", source=source)
            return {}
        limit = _limit(plan, preferences)
        self.log.info("validation started", tokens=len(plan.tokens), limit=format_duration(limit))
        try:
            validated = self._round(cluster, plan, limit).run()
        except ClusterError as error:
            self._cannot("receipts cannot be read", error)
            return None
        for token, found in validated.items():
            self._tell(token, found)
        return validated

    def _round(self, cluster: Cluster, plan: ValidationPlan, limit: timedelta) -> Round:
        authorities = {token.url: token.ca_certificate for token in plan.tokens.values()}

        @cache
        def connect(url: str, authority: str | None) -> Transport:
            return _unkept(http_transport(url, Path(authority) if authority else None))

        def of_copies(url: str) -> Transport:
            return connect(url, authorities.get(url))

        consumers = Consumers(cluster, of_copies, os.environ, self.clock, limit)
        return Round(plan, cluster, consumers, connect, self.clock, self.log, limit, self.settle)

    def _plan(self, cluster: Cluster) -> ValidationPlan:
        """The plan of the stack. Raises InvalidSettings where there is none that this release can read."""
        if self.plan_file is not None:
            return _parsed(self.plan_file.read_text(), str(self.plan_file))
        place = read_place(self.receipts)
        name = plan_name(place.name)
        text = cluster.config_map(place.namespace, name).get(PLAN_KEY)
        if text is None:
            remedy = "Run `pulumi up`, which writes it, or name another with --plan."
            cause = f"the ConfigMap {place.namespace}/{name} has no {PLAN_KEY}"
            raise InvalidSettings("read the plan", cause, remedy)
        return _parsed(text, f"{place.namespace}/{name}")

    def _leave_record(
        self, history: RunHistory, preferences: Preferences, began: datetime, outcome: Outcome
    ) -> ExitCode:
        """Notify and write the record. What cannot be recorded counts as failed: nobody else would hear of it."""
        before, problem = self._last(history)
        left, cause = undelivered(preferences, before.undelivered if before else (), notification(outcome))
        if cause:
            self.log.warning("a notification was not taken", cause=cause, waiting=len(left))
        span, code = Span(VALIDATE, self.id, began, self.clock()), _judged(outcome)
        try:
            if problem:  # a record that was not read must not be written: its counts would begin anew
                raise problem
            history.write(validation_record(before, span, code, outcome, left))
        except ClusterError as error:
            self._cannot("the record cannot be written", error)
            return ExitCode.FAILED
        return code

    def _last(self, history: RunHistory) -> tuple[RunRecord | None, ClusterError | None]:
        try:
            return history.last(VALIDATE), None
        except ClusterError as error:
            return None, error

    def _tell(self, token: str, found: Validated) -> None:
        if found.works:
            self.log.info("token works", token=token, generation=found.generation)
        else:
            causes = list(found.causes)
            self.log.error("token does not work", token=token, rejected=found.rejected, causes=causes)

    def _cannot(self, event: str, error: RotationError) -> None:
        self.log.error(event, cause=error.cause, remedy=error.remedy)

    def _refused(self, error: RotationError) -> ExitCode:
        """A cluster that is away is no refused input: the next validation tries again."""
        code = ExitCode.REFUSED_INPUT if isinstance(error, InvalidSettings) else ExitCode.FAILED
        self.log.error("validation cannot begin", act=error.act, cause=error.cause, remedy=error.remedy)
        self.log.info("validation finished", outcome=code.name.lower(), exit_code=int(code))
        return code


def _unkept(transport: Transport) -> Transport:
    """Each question has a connection of its own, so that none stays open in a thread that was given up on."""

    def send(request: Request) -> Response:
        return transport(replace(request, headers={**request.headers, "connection": "close"}))

    return send


def _judged(outcome: Outcome) -> ExitCode:
    if outcome is None or not all(found.works for found in outcome.values()):
        return ExitCode.FAILED
    return ExitCode.FINE


def _enabled(plan: ValidationPlan, preferences: Preferences) -> bool:
    """The job's own environment and the settings go before the plan, which the last `up` wrote."""
    told = preferences.sources["validation_enabled"] != DEFAULT
    return preferences.validation_enabled if told else plan.enabled


def _limit(plan: ValidationPlan, preferences: Preferences) -> timedelta:
    told = preferences.sources["validation_timeout"] != DEFAULT
    return preferences.validation_timeout if told else parse_duration(plan.timeout)


def _parsed(text: str, where: str) -> ValidationPlan:
    try:
        plan = ValidationPlan.model_validate_json(text)
        parse_duration(plan.timeout)
    except ValueError as error:
        lines = str(error).splitlines()
        raise InvalidSettings("read the plan", f"{where} is no plan of this release ({lines[0]})", _REMEDY) from None
    return plan


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
