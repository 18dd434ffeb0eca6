"""Alerts on a token's own instants: its end, its rotation, and the end of what it superseded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from components.monitoring.alert import BY_TOKEN, Alert, Severity, in_days, in_seconds, series
from components.monitoring.facts import StackFacts, TokenFacts, names
from components.monitoring.records import EXPIRY_DAYS, LATE, VAULT_AGE, VAULT_EXPIRY, VAULT_OVERDUE, by_overdue_age
from components.monitoring.settings import Thresholds
from rotation.durations import format_duration
from rotation.model import Policy
from rotation.reasons import Reason

HELD = f"{Reason.WAITING_FOR_EVIDENCE}|{Reason.EVIDENCE_MISSING}"
"""Conditions under which a superseded generation outlives its deadline because it is told to."""
TEAM_EXPIRING = "OperatorTokenExpiringSoon"
_EXPIRING = {
    "authentik": "AuthentikTokenExpiring",
    "coder": "CoderTokenExpiringSoon",
    "operator": TEAM_EXPIRING,
    "vault": "VaultTokenExpiringSoon",
}


def alerts(facts: StackFacts, thresholds: Thresholds, exporter: Mapping[str, str]) -> Iterator[Alert]:
    """All of them. `exporter`: the labels of this stack's exporter."""
    for kind in sorted({token.kind for token in facts.tokens}):
        yield from _expiring(kind, facts.of_kind(kind), thresholds)
    yield _expired()
    yield from _vault_overdue(facts, thresholds)
    yield from _rotation_overdue(facts, exporter)
    yield _retirement_overdue(facts, thresholds, exporter)
    yield _revocation_failing(facts, thresholds, exporter)


def _expiring(kind: str, tokens: list[TokenFacts], thresholds: Thresholds) -> Iterator[Alert]:
    """Each threshold is information while the rotation is on time, and an alert once it is a run late.

    A token without a known rotation is taken as late. A threshold beyond the whole life would always be true, so that
    it tells only of the late.
    """
    for (distance, severity), warned in _by_threshold(kind, tokens, thresholds).items():
        yield _near_its_end(kind, distance, warned, severity=severity)
        lives_longer = [token for token in warned if token.policy.lifetime > distance]
        if lives_longer:
            yield _near_its_end(kind, distance, lives_longer, severity="info")


def _near_its_end(kind: str, distance: timedelta, tokens: list[TokenFacts], *, severity: Severity) -> Alert:
    left = series(*((VAULT_EXPIRY,) if kind == "vault" else (EXPIRY_DAYS, {"kind": kind})), token=names(tokens))
    on_time = f"{LATE} > time()"
    section = _EXPIRING.get(kind, "TokenExpiring")
    told = "its rotation is due and on time" if severity == "info" else "its rotation is a run late"
    return Alert(
        name=section,
        expr=f"{left} < {in_days(distance)} {'and' if severity == 'info' else 'unless'} on (token) {on_time}",
        severity=severity,
        summary='{{ $labels.token }} expires in {{ printf "%.1f" $value }} days; ' + told,
        description=(
            "Nothing to do: the next run rotates it."
            if severity == "info"
            else "Runs do not rotate it. When it has expired, its consumers hold nothing that works."
        ),
        labels={"threshold": format_duration(distance)},
        section=section,
    )


def _by_threshold(
    kind: str, tokens: Iterable[TokenFacts], thresholds: Thresholds
) -> dict[tuple[timedelta, Severity], list[TokenFacts]]:
    """By distance from the end, and what being late is there."""
    found: dict[tuple[timedelta, Severity], list[TokenFacts]] = defaultdict(list)
    for token in tokens:
        for distance, severity in distances(kind, token.policy, thresholds).items():
            found[distance, severity].append(token)
    return dict(found)


def distances(kind: str, policy: Policy, thresholds: Thresholds) -> dict[timedelta, Severity]:
    """From which distances on people are told, the farthest first, and what being late is there.

    A token's own `warn_before`, or that of its kind; where being late becomes critical always counts. That is a team's
    overlap: from there on a rotation cannot give it in whole any more.
    """
    of_kind = {
        "authentik": thresholds.authentik_expiring,
        "coder": thresholds.coder_expiring,
        "operator": thresholds.operator_expiring,
    }.get(kind, ())
    critical = {"operator": policy.overlap, "vault": thresholds.vault_expiring}.get(kind)
    told = {*(policy.warn_before or of_kind), *([critical] if critical else [])}
    return {
        distance: "critical" if critical and distance <= critical else "warning"
        for distance in sorted(told, reverse=True)
    }


def _expired() -> Alert:
    return Alert(
        name="TokenExpired",
        expr=f"{EXPIRY_DAYS} <= 0",
        severity="critical",
        summary="{{ $labels.token }} has expired",
        description="The backend no longer takes what its consumers hold.",
    )


def _vault_overdue(facts: StackFacts, thresholds: Thresholds) -> Iterator[Alert]:
    """The seed's alert; its annotation subtracts, which no template can, so that the expression does."""
    for age, tokens in by_overdue_age(facts, thresholds).items():
        these = names(tokens)
        overdue = f"{series(VAULT_OVERDUE, token=these)} == 1"
        yield Alert(
            name="VaultTokenRotationOverdue",
            expr=f"{series(VAULT_AGE, token=these)} - {in_days(age)} and on (token) {overdue}",
            severity="warning",
            summary='The rotation of {{ $labels.token }} is overdue by {{ printf "%.1f" $value }} days',
            description="The token rotates by itself, but it is older than it should become.",
            labels={"threshold": format_duration(age)},
        )


def _rotation_overdue(facts: StackFacts, exporter: Mapping[str, str]) -> Iterator[Alert]:
    """A paused token is not late: its condition tells of the pause, and its end is told as of any other."""
    tokens = names(token for token in facts.tokens if not token.paused)
    if tokens:
        auto = f"max by ({BY_TOKEN}) ({series('token_rotation_auto_rotate', exporter)})"
        yield Alert(
            name="TokenRotationOverdue",
            expr=f"time() - {series(LATE, token=tokens)} > 0 and on ({BY_TOKEN}) {auto} == 1",
            severity="warning",
            summary="The rotation of {{ $labels.token }} was to have begun {{ $value | humanizeDuration }} ago",
            description="A run should have rotated it, and none did. Its end draws near.",
        )


def _retirement_overdue(facts: StackFacts, thresholds: Thresholds, exporter: Mapping[str, str]) -> Alert:
    """Nothing outlives its deadline by more than one run, unless evidence holds it."""
    retires = series("token_rotation_retires_timestamp_seconds", exporter)
    patience = in_seconds(facts.retirement_interval + thresholds.grace)
    return Alert(
        name="TokenRetirementOverdue",
        expr=(
            f"time() - max by ({BY_TOKEN}, generation) ({retires}) > {patience}"
            f" unless on (token) {series('token_rotation_condition', exporter, condition=HELD)}"
        ),
        severity="warning",
        summary="A superseded generation of {{ $labels.token }} is alive after its deadline",
        description="Its overlap is over and no run has ended it. Whoever holds its value can still use it.",
    )


def _revocation_failing(facts: StackFacts, thresholds: Thresholds, exporter: Mapping[str, str]) -> Alert:
    """Each run tries again and counts again, so that the alert stands until one succeeds."""
    length = format_duration(facts.retirement_interval + thresholds.grace)
    failures = series("token_rotation_revocation_failures_total", exporter)
    return Alert(
        name="TokenRevocationFailing",
        expr=f"sum by ({BY_TOKEN}) (increase({failures}[{length}])) > 0",
        severity="warning",
        summary="A superseded generation of {{ $labels.token }} cannot be revoked",
        description="The backend refuses to end it, or does not answer. Each run tries again.",
    )
