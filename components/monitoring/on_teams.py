"""Alerts on an operator's teams: the end of what they bootstrapped themselves, their status, and who is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial

from components.monitoring.alert import Alert, Severity, in_days, series, told_by
from components.monitoring.facts import StackFacts, TeamFacts, rotation_age
from components.monitoring.on_tokens import TEAM_EXPIRING, distances
from components.monitoring.records import TEAM_EXPIRY_DAYS
from components.monitoring.settings import Thresholds
from rotation.durations import format_duration
from rotation.model import Policy
from rotation.operator_tokens.record import Status
from rotation.operator_tokens.standing import NOT_BOOTSTRAPPED, ORPHANED

_NOT_YET, _TOLD_OF_ELSEWHERE = NOT_BOOTSTRAPPED, ORPHANED


def alerts(facts: StackFacts, teams: TeamFacts, thresholds: Thresholds, exporter: Mapping[str, str]) -> Iterator[Alert]:
    """All of them. `exporter`: the labels of this stack's exporter."""
    yield from _expiring(facts, teams.policy, thresholds)
    yield from _degraded(thresholds, exporter)
    yield _orphaned(exporter)
    yield _refused(thresholds)
    yield _unread(thresholds, exporter)


def _expiring(facts: StackFacts, policy: Policy, thresholds: Thresholds) -> Iterator[Alert]:
    """As of every token: information while the rotation is on time, and an alert once it is a run late.

    Nobody tells when such a token rotates; its end and the policy do.
    """
    late = policy.lifetime - rotation_age(policy) - facts.run_interval - thresholds.grace
    for distance, severity in distances("operator", policy, thresholds).items():
        yield _near_its_end(distance, f"< {in_days(min(distance, late))}", severity)
        if late < distance < policy.lifetime:
            yield _near_its_end(distance, f"< {in_days(distance)} >= {in_days(late)}", "info")


def _near_its_end(distance: timedelta, compared: str, severity: Severity) -> Alert:
    told = "its rotation is due and on time" if severity == "info" else "its rotation is a run late"
    return Alert(
        name=TEAM_EXPIRING,
        expr=f"{TEAM_EXPIRY_DAYS} {compared}",
        severity=severity,
        summary='The token of {{ $labels.namespace }} expires in {{ printf "%.1f" $value }} days; ' + told,
        description=(
            "Nothing to do: the next run rotates it."
            if severity == "info"
            else "Runs do not rotate it. When it has expired, the operator refuses the team's objects."
        ),
        labels={"threshold": format_duration(distance), "kept_by": "admission"},
    )


def _degraded(thresholds: Thresholds, exporter: Mapping[str, str]) -> Iterator[Alert]:
    """A team that has not begun is no fault; an orphan has an alert of its own."""
    here, metric = {"status": Status.DEGRADED.value}, "token_rotation_operator_status"
    other = {"reason": f"{_NOT_YET}|{_TOLD_OF_ELSEWHERE}"}
    degraded = partial(
        Alert,
        name="OperatorNamespaceDegraded",
        summary="{{ $labels.namespace }} is Degraded: {{ $labels.reason }}",
        hold=thresholds.missing,
    )
    yield degraded(
        expr=f"max by (namespace, reason) ({told_by(series(metric, here, unlike=other), exporter)}) == 1",
        severity="warning",
        description="No token is accepted for the namespace, or its Secret does not hold the one that is.",
    )
    yield degraded(
        expr=f"max by (namespace, reason) ({told_by(series(metric, here, {'reason': _NOT_YET}), exporter)}) == 1",
        severity="info",
        description="The team has not presented its admission token yet.",
    )


def _orphaned(exporter: Mapping[str, str]) -> Alert:
    return Alert(
        name="OperatorTokenOrphaned",
        expr=f"max by (namespace) ({told_by('token_rotation_operator_orphaned', exporter)}) == 1",
        severity="warning",
        summary="An operational token of {{ $labels.namespace }} is an orphan",
        description="It belongs to nobody any more, or a Secret holds what no record lets in.",
    )


def _refused(thresholds: Thresholds) -> Alert:
    """The operator's own process counts; whether its scrape lets `namespace` stand is not ours to say.

    A series begins with the first refusal, or with a burst of them, which `increase` does not count.
    """
    counted = "keycloak_operator_authorization_failures_total"
    refused = f"({counted} unless {counted} offset 1h) or increase({counted}[1h])"
    return Alert(
        name="OperatorAuthorizationFailures",
        expr=f"sum by (namespace, exported_namespace, reason) ({refused}) > {thresholds.refused_in_an_hour}",
        severity="warning",
        summary=(
            "{{ or $labels.exported_namespace $labels.namespace }}: "
            '{{ printf "%.0f" $value }} tokens refused in an hour as {{ $labels.reason }}'
        ),
        description="Somebody presents a token that the operator does not accept: objects are not worked on.",
    )


def _unread(thresholds: Thresholds, exporter: Mapping[str, str]) -> Alert:
    up, receipts = (series(f"token_rotation_{name}", exporter) for name in ("operator_records_up", "receipts_up"))
    return Alert(
        name="TokenReceiptStale",
        expr=f"absent({up} == 1) and on () (max({receipts}) == 1)",
        severity="warning",
        summary="The records of the operator's teams cannot be read",
        description="The exporter reads the receipts and not the records, so that no alert on a team can fire.",
        hold=thresholds.missing,
        labels={"cause": "records"},
    )
