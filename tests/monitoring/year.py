"""Receipts and run records of a stack over a long time, as its runs would leave them.

Each run decides by production's own functions (`rotation.forecast.play`); the receipts are what the exporter reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from components.monitoring.facts import StackFacts, TokenFacts
from operations.exporting.facts import Facts
from rotation.checks import History, planned_at
from rotation.forecast import Outlook, play
from rotation.ledger import Ledger
from rotation.model import foretold_id
from rotation.reasons import Action
from rotation.receipt import Receipt, Waiting
from rotation.run_record import RETIRE, ROTATE, VALIDATE, RunRecord, TokenCounts, Validated

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


@dataclass
class Years:
    """The stack as time goes on. `begins` is midnight; the first run mints everything on that day."""

    facts: StackFacts
    begins: datetime
    runs: Runs = always
    changed: Callable[[Facts, datetime], Facts] = lambda facts, _now: facts
    lines: list[Line] = field(default_factory=list)
    records: dict[str, RunRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first = self.begins + DAILY_AT
        self.lines = [_first(token, first) for token in self.facts.tokens]

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
            for line in self.lines:
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
        return Facts({line.token.name: line.receipt() for line in self.lines}, dict(self.records))


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
