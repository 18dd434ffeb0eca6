"""What happens in the homelab's months to Coder's templates and to the operator's teams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from operations.exporting.facts import Facts
from operations.exporting.teams import Teams
from rotation.operator_tokens.record import Record, Status, Team
from rotation.templates.record import TemplateRecord
from tests.monitoring.series import Sample

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
Span = tuple[datetime, datetime]
BEGINS = datetime(2024, 12, 1, tzinfo=UTC)
AGAIN = "amber-again"
"""What the second team bootstrapped after it had lost its Secret."""
BOOTSTRAPPED = {"green": 30 * DAY, "amber": 95 * DAY, AGAIN: 234 * DAY}
"""Each presents its admission token some days after it was given one."""
SECRET_GONE: Span = (BEGINS + 228 * DAY, BEGINS + 234 * DAY)
"""Somebody deleted that team's Secret; six days later its job presented the admission token again."""
REFUSED: Span = (BEGINS + 87 * DAY + 12 * HOUR, BEGINS + 92 * DAY)
"""A consumer that does not read its Secret again presents the one before after its grace."""
FORGED: Span = (BEGINS + 300 * DAY, BEGINS + 302 * DAY)
"""Somebody tries values that nobody gave out."""
DEPLOYED = tuple((BEGINS + day * DAY, seconds) for day, seconds in ((3, 38), (70, 41), (158, 44), (241, 95), (330, 52)))
BROKEN: Span = (BEGINS + 238 * DAY, BEGINS + 241 * DAY)
"""A template does not build for three days; each daily run tries it again."""
_EACH_HOUR = {"grace-over": (REFUSED, 2), "unknown": (FORGED, 5)}


def with_templates(facts: Facts, now: datetime) -> Facts:
    """The template that was deployed a few times, and once could not be."""
    past = [(at, seconds) for at, seconds in DEPLOYED if at <= now]
    if not past:
        return replace(facts, templates={})
    record = TemplateRecord(
        template="workspace",
        backend="coder",
        files=9,
        bytes=14_336,
        job_seconds=past[-1][1],
        deployed_at=past[-1][0],
        deployments=len(past),
        failures=max(timedelta(0), min(now + DAY, BROKEN[1]) - BROKEN[0]) // DAY,
        error="the job failed" if within(BROKEN, now) else "",
    )
    return replace(facts, templates={"workspace": record})


def with_teams(facts: Facts, now: datetime) -> Facts:
    """Both begin as not bootstrapped. The second once lost its Secret, and bootstrapped again."""
    assert facts.teams is not None
    records = dict(facts.teams.records)
    again = records.pop(AGAIN, None)
    for namespace in ("green", "amber"):
        records.setdefault(namespace, Record(namespace, team=Team(since=BEGINS)))
    if within(SECRET_GONE, now):
        records["amber"] = records["amber"].with_team(status=Status.DEGRADED, reason="SecretMissing")
    if again is not None:
        before = records["amber"].team
        counts = {"bootstraps": 2, "rotations": before.rotations + again.team.rotations}
        records["amber"] = again.with_team(**counts)
    return replace(facts, teams=Teams(records))


def refusals(now: datetime) -> Iterator[Sample]:
    """What the operator counts in its own process."""
    for reason, (span, each_hour) in _EACH_HOUR.items():
        hours = max(timedelta(0), min(now, span[1]) - span[0]) // HOUR
        labels = (("namespace", "blue"), ("reason", reason))
        yield Sample("keycloak_operator_authorization_failures_total", labels, float(each_hour * hours))


def within(span: Span, now: datetime) -> bool:
    """Whether an instant lies in a span."""
    return span[0] <= now < span[1]
