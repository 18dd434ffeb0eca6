"""The homelab that the dashboard's picture shows: thirteen months in which a few things go wrong and are mended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from components.default_policies import DEFAULT_POLICIES
from components.monitoring.facts import StackFacts, TeamFacts, TokenFacts, scheduled_jobs
from operations.exporting.facts import Facts
from rotation.run_record import RETIRE, ROTATE, VALIDATE
from tests.monitoring.homelab_kinds import BEGINS, BOOTSTRAPPED, refusals, with_teams, with_templates, within
from tests.monitoring.series import Sample, samples
from tests.monitoring.year import Years, with_counts, with_record

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LENGTH = 396 * DAY
OPERATOR = DEFAULT_POLICIES["operator"]
FACTS = StackFacts(
    namespace="token-rotation",
    tokens=(
        TokenFacts("authentik-admin", "authentik", DEFAULT_POLICIES["authentik"], (("authentik", "admin-token"),)),
        TokenFacts("vault-admin", "vault", DEFAULT_POLICIES["vault"], (("vault", "admin-token"),)),
        TokenFacts("team-blue", "operator", OPERATOR, (("blue", "operator-token"),)),
        TokenFacts("coder-admin", "coder", DEFAULT_POLICIES["coder"], (("coder", "coder-admin-api-token"),)),
    ),
    run_interval=DAY,
    jobs=scheduled_jobs(rotate=DAY, retire=HOUR, validate=6 * HOUR),
    teams=TeamFacts(OPERATOR, declared=("blue",)),
    templates=("workspace",),
)
VAULT_AWAY = (BEGINS + 125 * DAY, BEGINS + 129 * DAY)
"""From the day on which a rotation was due: each daily run fails, and the first one after it rotates."""
PAUSED = (BEGINS + 196 * DAY, BEGINS + 216 * DAY)
"""A person pauses the operator's token."""
WRONG_COPY = (BEGINS + 262 * DAY, BEGINS + 264 * DAY)
"""Somebody overwrote the Secret of the operator's token."""
_ORPHAN = (BEGINS + 290 * DAY, BEGINS + 320 * DAY)
"""A run was killed between a mint and the saving of the state; the sweep waits an overlap."""


def history(step: timedelta) -> Iterator[tuple[datetime, list[Sample]]]:
    """What the exporter tells at each step."""
    years = Years(FACTS, BEGINS, _runs, _with_troubles, bootstrapped=BOOTSTRAPPED)
    for now, facts in years.until(LENGTH, step):
        if facts.receipts:
            yield now, [*samples(facts, now), *refusals(now)]


def _runs(job: str, now: datetime) -> bool:
    return job != ROTATE or not within(VAULT_AWAY, now)


def open_metrics(instants: Iterator[tuple[datetime, list[Sample]]]) -> Iterator[str]:
    """Lines that `promtool tsdb create-blocks-from openmetrics` reads."""
    for now, told in instants:
        for sample in told:
            inner = ",".join(f'{label}="{value}"' for label, value in sample.labels)
            yield f"{sample.metric}{{{inner}}} {sample.value:.15g} {now.timestamp():.0f}"
    yield "# EOF"


def _with_troubles(facts: Facts, now: datetime) -> Facts:
    for trouble in (_vault_away, _paused, _wrong_copy, _orphan, with_templates, with_teams):
        facts = trouble(facts, now)
    return facts


def _vault_away(facts: Facts, now: datetime) -> Facts:
    failures = _days_of(VAULT_AWAY, now)
    record = with_counts(facts.runs[ROTATE], "vault-admin", mint_failures=failures)
    if not within(VAULT_AWAY, now):
        return with_record(facts, ROTATE, record)
    overdue = now >= VAULT_AWAY[0] + 2 * DAY
    facts = _with_condition(facts, "vault-admin", "RotationOverdue") if overdue else facts
    return with_record(facts, ROTATE, record.model_copy(update={"exit_code": 1, "ended": _last_run(now)}))


def _paused(facts: Facts, now: datetime) -> Facts:
    return _with_condition(facts, "team-blue", "Paused") if within(PAUSED, now) else facts


def _wrong_copy(facts: Facts, now: datetime) -> Facts:
    record = with_counts(facts.runs[VALIDATE], "team-blue", validation_failures=4 * _days_of(WRONG_COPY, now))
    if not within(WRONG_COPY, now):
        return with_record(facts, VALIDATE, record)
    found = record.validated["team-blue"].model_copy(update={"works": False})
    changed = {"exit_code": 1, "validated": {**record.validated, "team-blue": found}}
    return with_record(facts, VALIDATE, record.model_copy(update=changed))


def _orphan(facts: Facts, now: datetime) -> Facts:
    if not within(_ORPHAN, now):
        return facts
    for job in (ROTATE, RETIRE):
        record = facts.runs[job]
        facts = with_record(facts, job, record.model_copy(update={"orphans": {**record.orphans, "authentik": 1}}))
    return facts


def _with_condition(facts: Facts, token: str, condition: str) -> Facts:
    receipt = facts.receipts[token].model_copy(update={"conditions": (condition,)})
    return replace(facts, receipts={**facts.receipts, token: receipt})


def _days_of(span: tuple[datetime, datetime], now: datetime) -> int:
    """How many daily runs fell into a span so far."""
    return max(0, (min(now, span[1]) - span[0] + DAY - 2 * HOUR) // DAY)


def _last_run(now: datetime) -> datetime:
    return now.replace(hour=2) if now.hour > 2 else now.replace(hour=2) - DAY
