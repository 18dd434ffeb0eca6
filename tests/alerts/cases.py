"""For each rule: worlds in which it fires, with the line that people read, and near misses in which it is silent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from tests.alerts.promtool import FOREVER
from tests.alerts.stack import DAY, FACTS, HOUR
from tests.alerts.world import EPOCH, HERE, World, follows, healthy, with_job

NOW = 6 * HOUR
"""When a case is evaluated, unless it says otherwise."""
MINUTE = timedelta(minutes=1)
GRACE = 2 * HOUR
WELL = healthy()


@dataclass(frozen=True)
class Case:
    """One world and one rule: `rule` names the alert and the values of the labels that tell its rules apart.

    summary: what the alert says; empty where it must be silent
    labels:  what it bears beside its rule's own labels
    """

    rule: str
    world: World
    at: timedelta = NOW
    summary: str = ""
    labels: dict[str, str] = field(default_factory=dict)


def ends_in(world: World, token: str, left: timedelta) -> World:
    """The token ends so long after NOW."""
    return world.of(token, "expires_timestamp_seconds", (NOW + left).total_seconds())


def due_since(world: World, token: str, ago: timedelta) -> World:
    """Its rotation fell due so long before NOW."""
    return world.of(token, "rotates_timestamp_seconds", (NOW - ago).total_seconds())


def aged(world: World, token: str, age: timedelta) -> World:
    """It is so old at NOW."""
    return world.of(token, "created_timestamp_seconds", (NOW - age).total_seconds())


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _expiring()
    yield from _overdue()
    yield from _retiring()
    yield from _runs()
    yield from _conditions()
    yield from _exporter()
    yield from _jobs()
    yield from _secrets()
    yield from _external_secrets()


def _token(name: str) -> dict[str, str]:
    kind = {token.name: token.kind for token in FACTS.tokens}[name]
    return {"token": name, "backend": kind, "kind": kind}


def _expiring() -> Iterator[Case]:
    """A run late is one interval and the grace after the rotation fell due."""
    late, on_time = DAY + GRACE + MINUTE, DAY + GRACE - MINUTE
    for rule, token, days in (
        ("AuthentikTokenExpiring {} 60d", "admin", 60),
        ("AuthentikTokenExpiring {} 30d", "admin", 30),
        ("VaultTokenExpiringSoon {} 3d", "root", 3),
        ("TokenExpiring {} 20d", "team", 20),
    ):
        severe, labels = "critical" if token == "root" else "warning", _token(token)
        labels = {"token": token} if token == "root" else labels
        near = ends_in(WELL, token, timedelta(days=days - 0.5))
        far = ends_in(WELL, token, timedelta(days=days + 0.5))
        said = f"{token} expires in {days - 0.5:.1f} days; its rotation is "
        alert, told = rule.format(severe), rule.format("info")
        yield Case(alert, due_since(near, token, late), summary=said + "a run late", labels=labels)
        yield Case(alert, due_since(near, token, on_time))
        yield Case(alert, due_since(far, token, late))
        yield Case(told, due_since(near, token, on_time), summary=said + "due and on time", labels=labels)
        yield Case(told, due_since(near, token, late))
        yield Case(told, due_since(far, token, on_time))
    unknown = ends_in(WELL, "admin", 29.5 * DAY).without("token_rotation_rotates_timestamp_seconds", token="admin")
    said = "admin expires in 29.5 days; its rotation is a run late"
    yield Case("AuthentikTokenExpiring warning 30d", unknown, summary=said, labels=_token("admin"))
    ended = ends_in(WELL, "team", timedelta(0))
    yield Case("TokenExpired critical", ended, summary="team has expired", labels=_token("team"))
    yield Case("TokenExpired critical", ends_in(WELL, "team", MINUTE))


def _overdue() -> Iterator[Case]:
    late, on_time = DAY + GRACE + MINUTE, DAY + GRACE - MINUTE
    rule = "VaultTokenRotationOverdue warning 30d"
    old = due_since(aged(WELL, "root", 31.5 * DAY), "root", 6 * DAY)
    said = "The rotation of root is overdue by 1.5 days"
    yield Case(rule, old, summary=said, labels={"token": "root"})
    yield Case(rule, due_since(aged(WELL, "root", 30 * DAY - MINUTE), "root", 6 * DAY))
    yield Case(rule, old.tells("vault_token_auto_rotate", 0, token="root"))
    yield Case(rule, due_since(old, "root", on_time))
    rule, said = "TokenRotationOverdue warning", "The rotation of admin was to have begun 1m 0s ago"
    yield Case(rule, due_since(WELL, "admin", late), summary=said, labels=_token("admin"))
    yield Case(rule, due_since(WELL, "admin", on_time))
    yield Case(rule, due_since(WELL, "admin", late).of("admin", "auto_rotate", 0))


def _retiring() -> Iterator[Case]:
    def since(length: timedelta) -> World:
        deadline = (NOW - length).total_seconds()
        return WELL.of("admin", "retires_timestamp_seconds", deadline, generation="g1")

    rule, said = "TokenRetirementOverdue warning", "A superseded generation of admin is alive after its deadline"
    alive = since(HOUR + GRACE + MINUTE)
    yield Case(rule, alive, summary=said, labels={**_token("admin"), "generation": "g1"})
    yield Case(rule, since(HOUR + GRACE - MINUTE))
    yield Case(rule, alive.of("admin", "condition", 1, condition="WaitingForEvidence"))
    rule, said = "TokenRevocationFailing warning", "A superseded generation of root cannot be revoked"
    failing = WELL.of("root", "revocation_failures_total", f"7+0x20 8+0{FOREVER}")
    yield Case(rule, failing, summary=said, labels=_token("root"))
    yield Case(rule, WELL.of("root", "revocation_failures_total", f"7+0x5 8+0{FOREVER}"))


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
    for code in (0, 4):
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
    works = WELL.of("team", "valid", 0)
    yield Case("TokenNotValid critical", works, summary="A published copy of team does not work", labels=_token("team"))
    yield Case("TokenNotValid critical", WELL)
    orphans = WELL.tells("token_rotation_orphans", 2, backend="authentik")
    said = "authentik has 2 generations of ours that no ledger knew"
    yield Case("TokenOrphanFound warning", orphans, summary=said, labels={"backend": "authentik"})
    yield Case("TokenOrphanFound warning", WELL)


def _conditions() -> Iterator[Case]:
    for severity, condition, elsewhere in (
        ("critical", "LedgerFull", "SecondWriter"),
        ("warning", "SecondWriter", "RotationOverdue"),
        ("warning", "NobodyKnowsThisOne", "Paused"),
        ("info", "Paused", "EvidenceMissing"),
    ):
        rule, labels = f"TokenCondition {severity}", {**_token("admin"), "condition": condition}
        stands = WELL.of("admin", "condition", 1, condition=condition)
        yield Case(rule, stands, summary=f"admin: {condition}", labels=labels)
        yield Case(rule, WELL.of("admin", "condition", 1, condition=elsewhere))
    rule, said = "TokenEvidenceMissing warning", "Consumers of admin were not seen to move on"
    missing = WELL.of("admin", "condition", 1, condition="EvidenceMissing")
    yield Case(rule, missing, summary=said, labels=_token("admin"))
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
    for token in ("admin", "root", "team"):
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


assert EPOCH.timestamp() == 0, "promtool's clock begins where the cases' does"
