"""For each rule: worlds in which it fires, with the line that people read, and near misses in which it is silent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tests.alerts.case import GRACE, MINUTE, NOW, WELL, Case, labels_of
from tests.alerts.stack import DAY, HOUR, KINDS
from tests.alerts.team_cases import of_teams, of_templates
from tests.alerts.token_cases import of_tokens
from tests.alerts.world import EPOCH, HERE, follows, with_job


def cases() -> Iterator[Case]:
    """All of them."""
    yield from of_tokens()
    yield from of_teams()
    yield from of_templates()
    yield from _runs()
    yield from _conditions()
    yield from _exporter()
    yield from _jobs()
    yield from _secrets()
    yield from _external_secrets()
    yield from _waiting()


def _runs() -> Iterator[Case]:
    for job, severity, interval in (
        ("rotate", "critical", DAY),
        ("retire", "warning", HOUR),
        ("validate", "warning", 6 * HOUR),
    ):
        patience, ended = 2 * interval + GRACE, "token_rotation_run_ended_timestamp_seconds"
        rule = f"TokenRotatorSilent {severity} {job} silent"
        told = {"rotate": "2d 2h 1m 0s", "retire": "4h 1m 0s", "validate": "14h 1m 0s"}[job]
        last = (NOW - patience).total_seconds()
        silent = WELL.tells(ended, last - 60, run_job=job)
        yield Case(rule, silent, NOW, f"No run of {job} has ended for {told}")
        yield Case(rule, WELL.tells(ended, last + 60, run_job=job))
        rule, away = f"TokenRotatorSilent {severity} {job} absent", WELL.without(ended, run_job=job)
        scraped = {"namespace": HERE}
        yield Case(rule, away, patience, f"Nothing tells of any run of {job}", scraped)
        yield Case(rule, away, patience - 15 * MINUTE)
    for code in (0, 4, 5):
        yield Case("TokenRotationRunFailed warning", WELL.tells("token_rotation_run_exit_code", code, run_job="rotate"))
    for code in (1, 2):
        failed = WELL.tells("token_rotation_run_exit_code", code, run_job="rotate")
        said = f"The last run of rotate ended with {code}"
        yield Case("TokenRotationRunFailed warning", failed, summary=said, labels={"run_job": "rotate"})
        yield Case("TokenRotationNeedsPerson critical", failed)
    failed = WELL.tells("token_rotation_run_exit_code", 3, run_job="retire")
    said = "The last run of retire needs a person"
    yield Case("TokenRotationNeedsPerson critical", failed, summary=said, labels={"run_job": "retire"})
    yield Case("TokenRotationRunFailed warning", failed)
    rule, said = "TokenNotValid critical", "A published copy of team does not work"
    yield Case(rule, WELL.of("team", "valid", 0), summary=said, labels=labels_of("team"))
    yield Case(rule, WELL)
    orphans = WELL.tells("token_rotation_orphans", 2, backend="authentik")
    said = "authentik has 2 generations of ours that no ledger knew"
    yield Case("TokenOrphanFound warning", orphans, summary=said, labels={"backend": "authentik"})
    yield Case("TokenOrphanFound warning", WELL)


def _conditions() -> Iterator[Case]:
    for severity, condition, elsewhere in (
        ("critical", "LedgerFull", "SecondWriter"),
        ("warning", "SecondWriter", "RotationOverdue"),
        ("warning", "BootstrapNeeded", "WaitingForEvidence"),
        ("warning", "RecordUnreadable", "RolledBack"),
        ("warning", "NobodyKnowsThisOne", "Paused"),
        ("info", "Paused", "EvidenceMissing"),
    ):
        rule, labels = f"TokenCondition {severity}", {**labels_of("admin"), "condition": condition}
        stands = WELL.of("admin", "condition", 1, condition=condition)
        yield Case(rule, stands, summary=f"admin: {condition}", labels=labels)
        yield Case(rule, WELL.of("admin", "condition", 1, condition=elsewhere))
    rule, said = "TokenEvidenceMissing warning", "Consumers of admin were not seen to move on"
    missing = WELL.of("admin", "condition", 1, condition="EvidenceMissing")
    yield Case(rule, missing, summary=said, labels=labels_of("admin"))
    yield Case(rule, WELL.of("admin", "condition", 1, condition="WaitingForEvidence"))


def _exporter() -> Iterator[Case]:
    down = WELL.without("token_rotation_receipts_up")
    said, labels = "The exporter of token-rotation is not scraped", {"namespace": HERE}
    yield Case("TokenExporterDown critical", down, 15 * MINUTE, said, labels)
    yield Case("TokenExporterDown critical", down, timedelta(0))
    yield Case("TokenExporterDown critical", WELL.tells("token_rotation_receipts_up", 0))
    rule, said = "TokenReceiptStale warning unread", "The receipts cannot be read"
    yield Case(rule, WELL.tells("token_rotation_receipts_up", 0), summary=said)
    old = "token_rotation_receipts_read_timestamp_seconds"
    yield Case(rule, WELL.tells(old, follows(16 * MINUTE)), summary=said)
    yield Case(rule, WELL.tells(old, follows(14 * MINUTE)))
    for token in KINDS:
        rule, said = f"TokenReceiptStale warning absent {token}", f"There is no receipt of {token}"
        gone = WELL.without("token_rotation_created_timestamp_seconds", token=token)
        yield Case(rule, gone, DAY + GRACE, said, {"namespace": HERE})
        yield Case(rule, gone, DAY + GRACE - 15 * MINUTE)
        yield Case(rule, gone.tells("token_rotation_receipts_up", 0), DAY + GRACE)


def _jobs() -> Iterator[Case]:
    success = "kube_cronjob_status_last_successful_time"
    for alert, cronjob, patience in (
        ("AuthentikTokenRotationJobFailed critical", "token-rotation", DAY + GRACE),
        ("TokenRetirementJobFailed warning", "token-rotation-retirement", HOUR + GRACE),
        ("AuthentikTokenValidationJobFailed warning", "token-rotation-validation", 6 * HOUR + GRACE),
    ):
        rule, labels = f"{alert} failed {HERE} {cronjob}", {"namespace": HERE, "cronjob": cronjob}
        said = f"A Job of the CronJob {HERE}/{cronjob} has failed"
        stopped = WELL.tells(success, (NOW - HOUR).total_seconds(), **labels)
        failed = with_job(stopped, f"{cronjob}-2", cronjob, failed=1, began=(NOW - HOUR / 2).total_seconds())
        yield Case(rule, failed, summary=said, labels=labels)
        yield Case(rule, failed.without(success, cronjob=cronjob), summary=said, labels=labels)
        yield Case(rule, with_job(stopped, f"{cronjob}-2", cronjob, failed=0, began=NOW.total_seconds()))
        yield Case(rule, failed.tells(success, NOW.total_seconds(), **labels))
        others = with_job(stopped, "backup-2", "backup", failed=1, began=NOW.total_seconds())
        yield Case(rule, others)
        rule, said = f"{alert} absent {HERE} {cronjob}", f"Nothing tells of any Job of the CronJob {HERE}/{cronjob}"
        untold = WELL.without("kube_job_status_failed", job_name=f"{cronjob}-1")
        yield Case(rule, untold, patience, said)
        yield Case(rule, untold, patience - 15 * MINUTE)
    labels = {"namespace": HERE, "cronjob": "token-rotation"}
    rule = f"AuthentikTokenRotationJobNotRun warning late {HERE} token-rotation"
    said = "The last success of the CronJob token-rotation/token-rotation was 2d 0h 1m 0s ago"
    last = (NOW - 2 * DAY).total_seconds()
    yield Case(rule, WELL.tells(success, last - 60, **labels), NOW, said)
    yield Case(rule, WELL.tells(success, last + 60, **labels))
    rule = f"AuthentikTokenRotationJobNotRun warning absent {HERE} token-rotation"
    said = "Nothing tells of a success of the CronJob token-rotation/token-rotation"
    yield Case(rule, WELL.without(success, cronjob="token-rotation"), 2 * DAY, said)
    yield Case(rule, WELL.without(success, cronjob="token-rotation"), 2 * DAY - 15 * MINUTE)


def _secrets() -> Iterator[Case]:
    for alert, token, namespace, secret in (
        ("AuthentikTokenSecretMissing", "admin", "authentik", "admin-token"),
        ("VaultTokenSecretMissing", "root", "vault", "root-token"),
        ("TokenSecretMissing", "team", "team", "team-token"),
        ("TokenSecretMissing", "blue", "blue", "blue-operator-token"),
    ):
        rule = f"{alert} critical {token} {namespace} {secret}"
        gone = WELL.without("kube_secret_info", secret=secret)
        yield Case(rule, gone, 15 * MINUTE, f"The Secret {namespace}/{secret} of {token} is missing")
        yield Case(rule, gone, timedelta(0))
    rule, secret = "AuthentikTokenConfigSecretMissing warning", "authentik-token-rotation-config"
    gone = WELL.without("kube_secret_info", secret=secret)
    said = f"The Secret authentik/{secret} of the resolved settings is missing"
    yield Case(rule, gone, 15 * MINUTE, said, {"namespace": "authentik", "secret": secret})
    yield Case(rule, gone, timedelta(0))


def _external_secrets() -> Iterator[Case]:
    metric = "externalsecret_status_condition"
    for alert, token, namespace, name in (
        ("AuthentikExternalSecretNotSynced", "admin", "apps", "admin"),
        ("ExternalSecretNotSynced", "team", "team", "synced"),
    ):
        synced = {"namespace": namespace, "name": name, "condition": "Ready"}
        rule = f"{alert} warning failed {token} {namespace} {name}"
        failed = WELL.tells(metric, 0, **synced, status="True").tells(metric, 1, **synced, status="False")
        said = f"The ExternalSecret {namespace}/{name} of {token} cannot sync"
        yield Case(rule, failed, summary=said)
        yield Case(rule, failed, timedelta(0))
        gone = WELL.without(metric, namespace=namespace)
        renamed = {
            "exported_namespace": namespace,
            "namespace": "external-secrets",
            "name": name,
            "condition": "Ready",
        }
        yield Case(rule, gone.tells(metric, 1, **renamed, status="False"), summary=said)
        rule = f"{alert} warning absent {token} {namespace} {name}"
        yield Case(rule, gone, 15 * MINUTE, f"Nothing tells of the ExternalSecret {namespace}/{name} of {token}")
        yield Case(rule, gone.tells(metric, 1, **renamed, status="True"))
        yield Case(rule, gone, timedelta(0))


def _waiting() -> Iterator[Case]:
    """A token that has no receipt because its server waits for a person is told as such, and not as forgotten."""
    rule, created = "TokenReceiptStale warning absent coder", "token_rotation_created_timestamp_seconds"
    first = WELL.without(created, token="coder")
    yield Case(rule, first.of("coder", "condition", 1, condition="BootstrapNeeded"), DAY + GRACE)
    said = "There is no receipt of coder"
    yield Case(
        rule, first.of("owner", "condition", 1, condition="BootstrapNeeded"), DAY + GRACE, said, {"namespace": HERE}
    )


assert EPOCH.timestamp() == 0, "promtool's clock begins where the cases' does"
