"""Alerts on what runs leave behind: records, conditions, orphans, validation, and the exporter that tells of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from components.monitoring.alert import BY_TOKEN, Alert, Severity, in_seconds, series
from components.monitoring.facts import Job, StackFacts
from components.monitoring.settings import Thresholds
from rotation.durations import format_duration
from rotation.reasons import Reason
from rotation.run_record import ROTATE, VALIDATE

GRAVE = (
    Reason.STATE_IS_OLDER,
    Reason.LEDGER_FULL,
    Reason.MISSING_AT_BACKEND,
    Reason.REJECTED_BY_BACKEND,
    Reason.EXPIRED,
)
"""Conditions under which consumers hold nothing that works, or will not for long."""
TOLD_OF_ELSEWHERE = (Reason.EVIDENCE_MISSING, Reason.ROTATION_OVERDUE)
"""Conditions with an alert of their own."""
HARMLESS = (Reason.PAUSED, Reason.WAITING_FOR_EVIDENCE, Reason.ROLLED_BACK)
"""Conditions that a person asked for."""
_NEEDS_A_PERSON = 3


def alerts(facts: StackFacts, thresholds: Thresholds, exporter: Mapping[str, str]) -> Iterator[Alert]:
    """All of them. `exporter`: the labels of this stack's exporter."""
    for job in facts.jobs.values():
        yield from _silent(job, thresholds, exporter)
    yield _failed(exporter)
    yield _needs_a_person(exporter)
    yield from _conditions(exporter)
    yield _evidence_missing(exporter)
    yield _orphan_found(exporter)
    if facts.templates:
        yield _template_failed(exporter)
    if VALIDATE in facts.jobs:
        yield _not_valid(exporter)
    yield _exporter_down(thresholds, exporter)
    yield from _receipt_stale(facts, thresholds, exporter)


def _silent(job: Job, thresholds: Thresholds, exporter: Mapping[str, str]) -> Iterator[Alert]:
    """One run was missed and the next is late; a record that was never written counts from the first look on."""
    ended = series("token_rotation_run_ended_timestamp_seconds", exporter, {"run_job": job.name})
    patience = 2 * job.interval + thresholds.grace
    silent = partial(
        Alert,
        name="TokenRotatorSilent",
        severity="critical" if job.name == ROTATE else "warning",
        description=(
            f"A run of the job `{job.name}` should end every {format_duration(job.interval)}; two in a row did not."
        ),
    )
    yield silent(
        expr=f"time() - max by (run_job) ({ended}) > {in_seconds(patience)}",
        summary="No run of {{ $labels.run_job }} has ended for {{ $value | humanizeDuration }}",
        labels={"run_job": job.name, "cause": "silent"},
    )
    yield silent(
        expr=f"absent({ended})",
        summary="Nothing tells of any run of {{ $labels.run_job }}",
        hold=patience,
        labels={"run_job": job.name, "cause": "absent"},
    )


def _failed(exporter: Mapping[str, str]) -> Alert:
    """1 and 2. Code 3 has an alert of its own; 4 says that another run was at work, which is well."""
    code = f"max by (run_job) ({series('token_rotation_run_exit_code', exporter)})"
    return Alert(
        name="TokenRotationRunFailed",
        expr=f"{code} == 1 or {code} == 2",
        severity="warning",
        summary="The last run of {{ $labels.run_job }} ended with {{ $value }}",
        description="1: it failed, and the next run tries again. 2: its input was refused, and no run will succeed.",
    )


def _needs_a_person(exporter: Mapping[str, str]) -> Alert:
    return Alert(
        name="TokenRotationNeedsPerson",
        expr=f"max by (run_job) ({series('token_rotation_run_exit_code', exporter)}) == {_NEEDS_A_PERSON}",
        severity="critical",
        summary="The last run of {{ $labels.run_job }} needs a person",
        description="It found what no later run can mend: its log and the conditions of its tokens say what.",
    )


def _conditions(exporter: Mapping[str, str]) -> Iterator[Alert]:
    """Every reason code that a receipt names; one that is unknown here is a warning."""
    known = "|".join((*GRAVE, *TOLD_OF_ELSEWHERE, *HARMLESS))
    condition = "token_rotation_condition"
    kinds: tuple[tuple[Severity, str], ...] = (
        ("critical", series(condition, exporter, condition="|".join(GRAVE))),
        ("warning", series(condition, exporter, unlike={"condition": known})),
        ("info", series(condition, exporter, condition="|".join(HARMLESS))),
    )
    for severity, selected in kinds:
        yield Alert(
            name="TokenCondition",
            expr=f"max by ({BY_TOKEN}, condition) ({selected}) == 1",
            severity=severity,
            summary="{{ $labels.token }}: {{ $labels.condition }}",
            description="The last run left the token with this condition. The glossary of reasons says what it means.",
        )


def _evidence_missing(exporter: Mapping[str, str]) -> Alert:
    missing = series("token_rotation_condition", exporter, {"condition": Reason.EVIDENCE_MISSING})
    return Alert(
        name="TokenEvidenceMissing",
        expr=f"max by ({BY_TOKEN}) ({missing}) == 1",
        severity="warning",
        summary="Consumers of {{ $labels.token }} were not seen to move on",
        description="A superseded generation is held beyond its deadline, because its consumers may still need it.",
    )


def _orphan_found(exporter: Mapping[str, str]) -> Alert:
    return Alert(
        name="TokenOrphanFound",
        expr=f"max by (backend) ({series('token_rotation_orphans', exporter)}) > 0",
        severity="warning",
        summary="{{ $labels.backend }} has {{ $value }} generations of ours that no ledger knew",
        description="A run was killed, or somebody uses our mark. Each is revoked when an overlap has passed.",
    )


def _template_failed(exporter: Mapping[str, str]) -> Alert:
    return Alert(
        name="CoderTemplateFailed",
        expr=f"max by (template) ({series('token_rotation_template_failed', exporter)}) == 1",
        severity="warning",
        summary="The template {{ $labels.template }} was not deployed",
        description="The last attempt failed; its record says at which step. Each run tries again until it is mended.",
    )


def _not_valid(exporter: Mapping[str, str]) -> Alert:
    return Alert(
        name="TokenNotValid",
        expr=f"min by ({BY_TOKEN}) ({series('token_rotation_valid', exporter)}) == 0",
        severity="critical",
        summary="A published copy of {{ $labels.token }} does not work",
        description="Validation could not read a copy, found copies that differ, or the backend refused one.",
    )


def _exporter_down(thresholds: Thresholds, exporter: Mapping[str, str]) -> Alert:
    return Alert(
        name="TokenExporterDown",
        expr=f"absent({series('token_rotation_receipts_up', exporter)})",
        severity="critical",
        summary="The exporter of token-rotation is not scraped",
        description="While it is away, no alert on a token can fire.",
        hold=thresholds.missing,
    )


def _receipt_stale(facts: StackFacts, thresholds: Thresholds, exporter: Mapping[str, str]) -> Iterator[Alert]:
    """The receipts cannot be read, or were not read of late; or they are read and one of them is not there.

    A token that waits for a first credential has a condition instead.
    """
    up = series("token_rotation_receipts_up", exporter)
    read = series("token_rotation_receipts_read_timestamp_seconds", exporter)
    yield Alert(
        name="TokenReceiptStale",
        expr=f"max({up}) == 0 or time() - max({read}) > {in_seconds(thresholds.missing)}",
        severity="warning",
        summary="The receipts cannot be read",
        description="The exporter does not get them from the Kubernetes API, so that what it tells may be old.",
        hold=thresholds.missing,
        labels={"cause": "unread"},
    )
    waits = series("token_rotation_condition", exporter, {"condition": Reason.BOOTSTRAP_NEEDED})
    for token in facts.tokens:
        created = series("token_rotation_created_timestamp_seconds", exporter, {"token": token.name})
        yield Alert(
            name="TokenReceiptStale",
            expr=f"absent({created}) and on () (max({up}) == 1) unless on (token) {waits}",
            severity="warning",
            summary="There is no receipt of {{ $labels.token }}",
            description="The token stands in the config, but no run has published it and written its receipt.",
            hold=facts.run_interval + thresholds.grace,
            labels={"cause": "absent", "token": token.name},
        )
