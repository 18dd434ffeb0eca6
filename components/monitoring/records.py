"""Recording rules. The exporter gives instants; ages and distances are computed here, so that none can freeze."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta

from components.monitoring.alert import BY_TOKEN, Record, in_days, in_seconds, series, told_by
from components.monitoring.facts import StackFacts, TeamFacts, TokenFacts, names
from components.monitoring.settings import Thresholds

AGE_DAYS = "token_rotation:age_days"
EXPIRY_DAYS = "token_rotation:expiry_days"
LATE = "token_rotation:late_timestamp_seconds"
"""The instant from which a rotation is a run late."""
TEAM_EXPIRY_DAYS = "token_rotation:team_expiry_days"
"""Days until the operational token of a namespace ends that bootstrapped itself."""
JOB_FAILED = "token_rotation:job_failed_timestamp_seconds"
"""When the last Job of a CronJob began that has failed."""
VAULT_AGE, VAULT_EXPIRY, VAULT_OVERDUE = (
    "vault_token_age_days",
    "vault_token_expiry_days",
    "vault_token_rotation_overdue",
)
"""The names of the seed; each has the label `token` alone."""


def of_tokens(facts: StackFacts, thresholds: Thresholds, exporter: Mapping[str, str]) -> list[Record]:
    """Of every token: its age, what is left of it, and from when on its rotation is late.

    exporter: the labels of this stack's exporter
    """
    created = f"max by ({BY_TOKEN}) ({series('token_rotation_created_timestamp_seconds', exporter)})"
    expires = f"max by ({BY_TOKEN}) ({series('token_rotation_expires_timestamp_seconds', exporter)})"
    return [
        Record(AGE_DAYS, f"(time() - {created}) / 86400"),
        Record(EXPIRY_DAYS, f"({expires} - time()) / 86400"),
        *_late(facts, thresholds, exporter),
    ]


def of_vault(facts: StackFacts, thresholds: Thresholds, exporter: Mapping[str, str]) -> list[Record]:
    """The seed's names. Overdue is 1 where a token is too old, rotates by itself, and its rotation is a run late."""
    auto = f"max by (token) ({series('vault_token_auto_rotate', exporter)})"
    late = f"max by (token) (time() > bool {series(LATE, {'kind': 'vault'})})"
    return [
        Record(VAULT_AGE, f"max by (token) ({series(AGE_DAYS, {'kind': 'vault'})})"),
        Record(VAULT_EXPIRY, f"min by (token) ({series(EXPIRY_DAYS, {'kind': 'vault'})})"),
        *(
            Record(
                VAULT_OVERDUE,
                f"({series(VAULT_AGE, token=names(tokens))} > bool {in_days(age)})"
                f" * on (token) {auto} * on (token) {late}",
            )
            for age, tokens in by_overdue_age(facts, thresholds).items()
        ),
    ]


def of_teams(teams: TeamFacts, exporter: Mapping[str, str]) -> list[Record]:
    """What is left of the tokens that no config knows; a declared one is recorded as every token is."""
    declared = {"namespace": "|".join(sorted(teams.declared))} if teams.declared else None
    expires = told_by(series("keycloak_operator_token_expires_timestamp", unlike=declared), exporter)
    return [Record(TEAM_EXPIRY_DAYS, f"(max by (namespace, secret_name) ({expires}) - time()) / 86400")]


def of_jobs(facts: StackFacts) -> list[Record]:
    """When the last failed Job of each CronJob began. A Job keeps its failure while it stands in the history."""
    here = {"namespace": facts.namespace}
    cronjobs = "|".join(job.cronjob for job in facts.jobs.values())
    began = series("kube_job_status_start_time", here)
    failed = f"max by (namespace, job_name) ({series('kube_job_status_failed', here)}) > 0"
    owner = series("kube_job_owner", here, {"owner_kind": "CronJob"}, owner_name=cronjobs)
    labelled = f'label_replace({owner}, "cronjob", "$1", "owner_name", "(.+)")'
    expr = f"max by (namespace, cronjob) (({began} and on (namespace, job_name) ({failed}))"
    return [Record(JOB_FAILED, f"{expr} * on (namespace, job_name) group_left (cronjob) {labelled})")]


def by_overdue_age(facts: StackFacts, thresholds: Thresholds) -> dict[timedelta, list[TokenFacts]]:
    """The Vault tokens by the age at which each is overdue: never before its own rotation is due."""
    found: dict[timedelta, list[TokenFacts]] = defaultdict(list)
    for token in facts.of_kind("vault"):
        found[max(thresholds.vault_age, token.rotation_age)].append(token)
    return dict(found)


def _late(facts: StackFacts, thresholds: Thresholds, exporter: Mapping[str, str]) -> list[Record]:
    """A rotation is to begin in the first run from `rotates` on; where a limit may hold it, at its latest start."""
    patience = in_seconds(facts.run_interval + thresholds.grace)
    if not facts.rotation_limit:
        return [Record(LATE, f"{_instant('rotates', exporter)} + {patience}")]
    by_distance = _by_latest_start(facts).items()
    return [_late_by_limit(distance, tokens, exporter, patience) for distance, tokens in by_distance]


def _late_by_limit(distance: timedelta, tokens: list[TokenFacts], exporter: Mapping[str, str], patience: str) -> Record:
    rotates, expires = (_instant(name, exporter, token=names(tokens)) for name in ("rotates", "expires"))
    latest = f"({expires} - {in_seconds(distance)})"
    return Record(LATE, f"(({rotates} > {latest}) or {latest}) + {patience}")


def _by_latest_start(facts: StackFacts) -> dict[timedelta, list[TokenFacts]]:
    found: dict[timedelta, list[TokenFacts]] = defaultdict(list)
    for token in facts.tokens:
        found[token.policy.overlap + token.policy.tolerated_outage].append(token)
    return dict(found)


def _instant(name: str, exporter: Mapping[str, str], *, token: str = "") -> str:
    """An instant of every token, or of those that a pattern matches."""
    metric = f"token_rotation_{name}_timestamp_seconds"
    selected = series(metric, exporter, token=token) if token else series(metric, exporter)
    return f"max by ({BY_TOKEN}) ({selected})"
