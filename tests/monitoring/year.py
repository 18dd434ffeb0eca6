"""Receipts, run records and the records of teams over a long time, as the runs of a stack would leave them.

Each run decides by production's own functions (`rotation.forecast.play`); the receipts are what the exporter reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from components.monitoring.facts import StackFacts, TeamFacts, TokenFacts
from operations.exporting.facts import Facts
from operations.exporting.teams import Teams
from rotation.checks import History, planned_at
from rotation.forecast import Outlook, play
from rotation.ledger import Ledger
from rotation.model import foretold_id
from rotation.operator_tokens.changes import Keeper
from rotation.operator_tokens.record import Entry, Record, State, Status, Team, hash_of
from rotation.reasons import Action
from rotation.receipt import Receipt, Waiting
from rotation.run_record import RETIRE, ROTATE, VALIDATE, RunRecord, TokenCounts, Validated
from rotation.templates.record import TemplateRecord

HOUR = timedelta(hours=1)
DAILY_AT = 2 * HOUR
TAKES = timedelta(minutes=1)
Runs = Callable[[str, datetime], bool]
"""Whether a job runs at an instant at which it is scheduled."""


def always(_job: str, _at: datetime) -> bool:
    """No run is missed."""
    return True


@dataclass
class Line:
    """One token: what the last run left, when that was published, and how often it was rotated."""

    token: TokenFacts
    outlook: Outlook
    published_at: datetime
    rotations: int = 0
    validation: bool = True

    def run(self, now: datetime, *, rotates: bool) -> None:
        """One run of the stack."""
        self.outlook, happened = play(self.token.policy, self.outlook, now, rotates=rotates)
        if any(event.action is Action.ROTATE for event in happened):
            self.published_at, self.rotations = now, self.rotations + 1

    def receipt(self) -> Receipt:
        """As the last run wrote it."""
        history, token = self.outlook.history, self.token
        waiting = [Waiting(generation=e.generation, deadline=e.deadline) for e in self.outlook.ledger.waiting()]
        return Receipt(
            token=token.name,
            backend=token.kind,
            kind=token.kind,
            generation=history.generation,
            reason="NearingExpiry" if self.rotations else "FirstGeneration",
            fingerprint="",
            created=history.created,
            expires=history.expires or history.created + token.policy.lifetime,
            rotates=planned_at(token.policy, history),
            published_at=self.published_at,
            published=tuple(f"kubernetesSecret:{'/'.join(place)}" for place in token.secrets),
            superseded=tuple(waiting),
            rotations=self.rotations,
        )

    def record(self, namespace: str, kept_by: Keeper) -> Record:
        """The same of a namespace of the operator, as who keeps its token left its record."""
        history, waiting = self.outlook.history, self.outlook.ledger.waiting()
        current = self._entry(namespace, history.generation, kept_by)
        before = {
            hash_of(one.generation): self._entry(namespace, one.generation, kept_by, one.deadline) for one in waiting
        }
        reason = "Declared" if kept_by == "stack" else ("Rotated" if before else "Accepted")
        counts = {} if kept_by == "stack" else {"bootstraps": 1, "rotations": self.rotations}
        status = Status.GRACE if before else Status.AUTHORIZED
        team = Team.model_validate({"status": status, "reason": reason, "since": self.published_at, **counts})
        return Record(namespace, {hash_of(history.generation): current, **before}, team)

    def _entry(self, namespace: str, generation: str, kept_by: Keeper, grace_until: datetime | None = None) -> Entry:
        created = self.outlook.history.created
        return Entry(
            namespace=namespace,
            state=State.SUPERSEDED if grace_until else State.ACTIVE,
            generation=generation,
            version=self.rotations + 1,
            issued_at=created,
            valid_until=created + self.token.policy.lifetime,
            kept_by=kept_by,
            grace_until=grace_until,
        )


@dataclass
class Years:
    """The stack as time goes on. `begins` is midnight; the first run mints everything on that day.

    bootstrapped: namespaces of the operator that no config knows, and how long after the first run each began
    """

    facts: StackFacts
    begins: datetime
    runs: Runs = always
    changed: Callable[[Facts, datetime], Facts] = lambda facts, _now: facts
    bootstrapped: Mapping[str, timedelta] = field(default_factory=dict)
    teams: list[Line] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    records: dict[str, RunRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first = self.begins + DAILY_AT
        self.lines = [_first(token, first) for token in self.facts.tokens]
        if self.facts.teams:
            policy = self.facts.teams.policy
            tokens = {TokenFacts(name, "operator", policy): after for name, after in self.bootstrapped.items()}
            self.teams = [_first(token, first + after) for token, after in tokens.items()]

    def until(self, length: timedelta, step: timedelta) -> Iterator[tuple[datetime, Facts]]:
        """What the exporter reads at each step, before the run of that hour. `step` is a number of whole hours."""
        for hour in range(int(length / HOUR)):
            now = self.begins + hour * HOUR
            if hour * HOUR % step == timedelta(0):
                yield now, self.changed(self._told(), now) if self.records else Facts()
            since_first = now - self.begins - DAILY_AT
            for job, interval in self._intervals().items():
                if since_first >= timedelta(0) and since_first % interval == timedelta(0) and self.runs(job, now):
                    self._run(job, now)

    def _intervals(self) -> dict[str, timedelta]:
        return {name: job.interval for name, job in self.facts.jobs.items()}

    def _run(self, job: str, now: datetime) -> None:
        if job in (ROTATE, RETIRE):
            for line in (*self.lines, *self.teams):
                if line.published_at < now:
                    line.run(now, rotates=job == ROTATE)
        before = self.records.get(job)
        self.records[job] = RunRecord(
            job=job,
            run=now.isoformat(),
            began=now,
            ended=now + TAKES,
            outcome="fine",
            exit_code=0,
            last_success=now + TAKES,
            runs=before.runs + 1 if before else 1,
            tokens={line.token.name: TokenCounts() for line in self.lines},
            validated={line.token.name: _valid(line) for line in self.lines} if job == VALIDATE else {},
            orphans={line.token.kind: 0 for line in self.lines} if job != VALIDATE else {},
        )

    def _told(self) -> Facts:
        now = max(record.ended for record in self.records.values())
        return Facts(
            receipts={line.token.name: line.receipt() for line in self.lines},
            runs=dict(self.records),
            templates={name: _deployed(name, self.begins) for name in self.facts.templates},
            teams=Teams(dict(self._of_teams(self.facts.teams, now))) if self.facts.teams else None,
        )

    def _of_teams(self, teams: TeamFacts, now: datetime) -> Iterator[tuple[str, Record]]:
        for line in self.lines:
            for namespace, _secret in line.token.secrets:
                if namespace in teams.declared:
                    yield namespace, line.record(namespace, "stack")
        for line in self.teams:
            if line.published_at <= now:
                yield line.token.name, line.record(line.token.name, "admission")


def _deployed(template: str, at: datetime) -> TemplateRecord:
    return TemplateRecord(
        template=template, backend="coder", files=9, bytes=14_336, job_seconds=38.0, deployed_at=at, deployments=1
    )


def _first(token: TokenFacts, now: datetime) -> Line:
    generation = foretold_id(f"homelab-00000000_{token.name}_19700101t000000z_aaaaaa", now)
    history = History(generation, now, now + token.policy.lifetime, renewable=False)
    return Line(token, Outlook(history, Ledger(())), now)


def _valid(line: Line) -> Validated:
    return Validated(generation=line.outlook.history.generation, works=True)


def with_counts(record: RunRecord, token: str, **counts: int) -> RunRecord:
    """The record with these counts of a token."""
    changed = record.tokens.get(token, TokenCounts()).model_copy(update=counts)
    return record.model_copy(update={"tokens": {**record.tokens, token: changed}})


def with_record(facts: Facts, job: str, record: RunRecord) -> Facts:
    """The facts with this record of a job."""
    return replace(facts, runs={**facts.runs, job: record})
