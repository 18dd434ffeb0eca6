"""Alerts on objects of the cluster, from kube-state-metrics and External Secrets.

Names and labels: the metrics pages of kube-state-metrics (`docs/metrics`), and `externalsecret_status_condition` of the
External Secrets operator. What those do not tell of is told as missing: silence is no proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from components.monitoring.alert import Alert, Severity, in_seconds, series
from components.monitoring.facts import Job, Place, StackFacts, TokenFacts
from components.monitoring.records import JOB_FAILED
from components.monitoring.settings import Thresholds
from rotation.run_record import RETIRE, ROTATE, VALIDATE

_JOB_ALERTS: Mapping[str, tuple[str, Severity]] = {
    ROTATE: ("AuthentikTokenRotationJobFailed", "critical"),
    VALIDATE: ("AuthentikTokenValidationJobFailed", "warning"),
    RETIRE: ("TokenRetirementJobFailed", "warning"),
}
_PREFIX = {"authentik": "Authentik", "vault": "Vault"}


def alerts(facts: StackFacts, thresholds: Thresholds) -> Iterator[Alert]:
    """All of them."""
    for job in facts.jobs.values():
        yield from _job_failed(job, facts, thresholds)
    if ROTATE in facts.jobs:
        yield from _job_not_run(facts.jobs[ROTATE], facts, thresholds)
    for token in facts.tokens:
        yield from (_secret_missing(token, place, thresholds) for place in token.secrets)
        for place in token.external_secrets:
            yield from _not_synced(token, place, thresholds)
    if facts.config_secret:
        yield _config_secret_missing(facts.config_secret, thresholds)


def _job_failed(job: Job, facts: StackFacts, thresholds: Thresholds) -> Iterator[Alert]:
    """The last Job that failed began after the last success; an older failure only stands in the history."""
    name, severity = _JOB_ALERTS[job.name]
    cronjob = {"namespace": facts.namespace, "cronjob": job.cronjob}
    failed, success = series(JOB_FAILED, cronjob), series("kube_cronjob_status_last_successful_time", cronjob)
    jobs = series("kube_job_status_failed", {"namespace": facts.namespace}, job_name=f"{job.cronjob}-[0-9]+")
    yield Alert(
        name=name,
        expr=f"{failed} unless on (namespace, cronjob) ({failed} <= on (namespace, cronjob) {success})",
        severity=severity,
        summary=f"A Job of the CronJob {facts.namespace}/{job.cronjob} has failed",
        description="No Job that began later has succeeded.",
        labels={"cause": "failed", **cronjob},
    )
    yield Alert(
        name=name,
        expr=f"absent({jobs})",
        severity=severity,
        summary=f"Nothing tells of any Job of the CronJob {facts.namespace}/{job.cronjob}",
        description="There was none of late, or kube-state-metrics does not tell of it: a failure would go unseen.",
        hold=job.interval + thresholds.grace,
        labels={"cause": "absent", **cronjob},
    )


def _job_not_run(job: Job, facts: StackFacts, thresholds: Thresholds) -> Iterator[Alert]:
    """Two days without a success, or two intervals where runs are rarer."""
    cronjob = {"namespace": facts.namespace, "cronjob": job.cronjob}
    success = series("kube_cronjob_status_last_successful_time", cronjob)
    patience = max(thresholds.job_not_run, 2 * job.interval)
    not_run = partial(Alert, name="AuthentikTokenRotationJobNotRun", severity="warning")
    named = f"the CronJob {facts.namespace}/{job.cronjob}"
    yield not_run(
        expr=f"time() - max by (namespace, cronjob) ({success}) > {in_seconds(patience)}",
        summary=f"The last success of {named} was {{{{ $value | humanizeDuration }}}} ago",
        description="Tokens are not rotated while it does not run.",
        labels={"cause": "late", **cronjob},
    )
    yield not_run(
        expr=f"absent({success})",
        summary=f"Nothing tells of a success of {named}",
        description="It has never succeeded, it is gone, or kube-state-metrics does not tell of it.",
        hold=patience,
        labels={"cause": "absent", **cronjob},
    )


def _secret_missing(token: TokenFacts, place: Place, thresholds: Thresholds) -> Alert:
    return Alert(
        name=f"{_PREFIX.get(token.kind, '')}TokenSecretMissing",
        expr=_absent_secret(place),
        severity="critical",
        summary=f"The Secret {'/'.join(place)} of {token.name} is missing",
        description="Its consumers find no token, or kube-state-metrics does not tell of Secrets in its namespace.",
        hold=thresholds.missing,
        labels={"token": token.name, "namespace": place[0], "secret": place[1]},
        section="AuthentikTokenSecretMissing",
    )


def _not_synced(token: TokenFacts, place: Place, thresholds: Thresholds) -> Iterator[Alert]:
    """The operator's own labels may have been renamed when they were scraped, so both forms are asked for."""
    forms = [
        {"namespace": place[0], "name": place[1], "condition": "Ready"},
        {"exported_namespace": place[0], "name": place[1], "condition": "Ready"},
    ]
    ready = [series("externalsecret_status_condition", form) for form in forms]
    failed = [series("externalsecret_status_condition", form, {"status": "False"}) for form in forms]
    labels = {"token": token.name, "namespace": place[0], "external_secret": place[1]}
    not_synced = partial(
        Alert,
        name=f"{_PREFIX.get(token.kind, '')}ExternalSecretNotSynced",
        severity="warning",
        section="AuthentikExternalSecretNotSynced",
    )
    yield not_synced(
        expr=f"max({' or '.join(failed)}) == 1",
        summary=f"The ExternalSecret {'/'.join(place)} of {token.name} cannot sync",
        description="Its consumers keep what was synced last, which ends with the overlap.",
        hold=thresholds.missing,
        labels={"cause": "failed", **labels},
    )
    yield not_synced(
        expr=f"absent({' or '.join(ready)})",
        summary=f"Nothing tells of the ExternalSecret {'/'.join(place)} of {token.name}",
        description="It is gone, or the metrics of External Secrets are not scraped: a failed sync would go unseen.",
        hold=thresholds.missing,
        labels={"cause": "absent", **labels},
    )


def _config_secret_missing(place: Place, thresholds: Thresholds) -> Alert:
    return Alert(
        name="AuthentikTokenConfigSecretMissing",
        expr=_absent_secret(place),
        severity="warning",
        summary=f"The Secret {'/'.join(place)} of the resolved settings is missing",
        description="Jobs go on with the defaults, so that a notification or a pause may be lost.",
        hold=thresholds.missing,
    )


def _absent_secret(place: Place) -> str:
    return f"absent({series('kube_secret_info', {'namespace': place[0], 'secret': place[1]})})"
