"""The series of a stack that is well, as our exporter, kube-state-metrics and External Secrets tell them.

promtool's clock begins at the unix epoch, so that this is when the world begins, too. Nothing changes in it but what
follows the clock: records of jobs that keep ending, and receipts that are read again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from operations.exporting.facts import Facts
from operations.exporting.families import families
from operations.exporting.teams import Teams
from rotation.operator_tokens.record import Entry, Record, State, Status, Team, hash_of
from rotation.receipt import Receipt
from rotation.run_record import RunRecord, Validated
from rotation.templates.record import TemplateRecord
from tests.alerts.promtool import FOREVER, STEP, Series, selector
from tests.alerts.stack import BOOTSTRAPPED, DAY, FACTS, HOUR, OPERATOR

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HERE = FACTS.namespace
_SCRAPED = {"namespace": HERE, "job": "token-rotation-exporter", "instance": "exporter:9464"}
_OURS = ("token_rotation", "vault_token", "keycloak_operator_token", "keycloak_operator_operational_tokens")


def steady(value: float) -> str:
    """A series that stands still."""
    return f"{value:.15g}+0{FOREVER}"


def follows(behind: timedelta = timedelta(0)) -> str:
    """A series that tells the time, some length behind."""
    return f"{-behind.total_seconds():.15g}+{STEP}{FOREVER}"


@dataclass(frozen=True)
class World:
    """Series by their names. Each change gives another world."""

    series: Series

    def tells(self, metric: str, values: str | float, **labels: str) -> World:
        """The same with this series, scraped from our exporter where it is one of ours; its own labels stand."""
        scraped = _SCRAPED if metric.startswith(_OURS) else {}
        written = values if isinstance(values, str) else steady(values)
        return World({**self.series, selector(metric, {**scraped, **labels}): written})

    def of(self, token: str, metric: str, values: str | float, **labels: str) -> World:
        """The same with this series of a token."""
        kind = {known.name: known.kind for known in FACTS.tokens}[token]
        return self.tells(f"token_rotation_{metric}", values, token=token, backend=kind, kind=kind, **labels)

    def without(self, metric: str, **labels: str) -> World:
        """The same without the series of this name that bear these labels."""
        asked = [f'{label}="{value}"' for label, value in labels.items()]
        gone = {
            name for name in self.series if name.partition("{")[0] == metric and all(each in name for each in asked)
        }
        assert gone, f"no series {metric} {labels} was there"
        return World({name: values for name, values in self.series.items() if name not in gone})


def healthy() -> World:
    """Everything is well and stays so."""
    world = World({})
    told = Facts(dict(_receipts()), dict(_records()), templates=_templates(), teams=Teams(dict(_teams())))
    for metric in families(told, EPOCH):
        for sample in metric.samples:
            clocked = "run_ended" in sample.name or "last_success" in sample.name
            world = world.tells(sample.name, follows() if clocked else sample.value, **sample.labels)
    world = world.tells("token_rotation_receipts_up", 1).tells(
        "token_rotation_receipts_read_timestamp_seconds", follows()
    )
    for job in FACTS.jobs.values():
        world = with_job(world, f"{job.cronjob}-1", job.cronjob, failed=0)
        world = world.tells("kube_cronjob_status_last_successful_time", follows(), namespace=HERE, cronjob=job.cronjob)
    return _with_objects(world)


def with_job(world: World, name: str, cronjob: str, *, failed: float | str, began: float | str = 0) -> World:
    """One Job of a CronJob, as kube-state-metrics tells of it."""
    job = {"namespace": HERE, "job_name": name}
    owner = {"owner_kind": "CronJob", "owner_name": cronjob, "owner_is_controller": "true"}
    return (
        world.tells("kube_job_owner", 1, **job, **owner)
        .tells("kube_job_status_start_time", began, **job)
        .tells("kube_job_status_failed", failed, **job, reason="BackoffLimitExceeded")
        .tells("kube_job_status_failed", 0, **job, reason="DeadlineExceeded")
    )


def _with_objects(world: World) -> World:
    places = [place for token in FACTS.tokens for place in token.secrets]
    for namespace, secret in [*places, *([FACTS.config_secret] if FACTS.config_secret else [])]:
        world = world.tells("kube_secret_info", 1, namespace=namespace, secret=secret)
    for namespace, name in [place for token in FACTS.tokens for place in token.external_secrets]:
        synced = {"namespace": namespace, "name": name, "condition": "Ready"}
        world = world.tells("externalsecret_status_condition", 1, **synced, status="True")
        world = world.tells("externalsecret_status_condition", 0, **synced, status="False")
    return world


def _receipts() -> Iterator[tuple[str, Receipt]]:
    for token in FACTS.tokens:
        created = EPOCH - DAY
        yield (
            token.name,
            Receipt(
                token=token.name,
                backend=token.kind,
                kind=token.kind,
                generation=_generation(token.name),
                reason="FirstGeneration",
                fingerprint="",
                created=created,
                expires=created + token.policy.lifetime,
                rotates=created + token.rotation_age,
                published_at=created,
                published=tuple(f"kubernetesSecret:{'/'.join(place)}" for place in token.secrets),
            ),
        )


def _teams() -> Iterator[tuple[str, Record]]:
    """Of the namespaces that the stack declares, and of those that it does not know."""
    assert FACTS.teams is not None
    for namespace in (*FACTS.teams.declared, *BOOTSTRAPPED):
        entry = Entry(
            namespace=namespace,
            state=State.ACTIVE,
            generation=_generation(namespace),
            version=1,
            issued_at=EPOCH - DAY,
            valid_until=EPOCH - DAY + OPERATOR.lifetime,
            kept_by="admission" if namespace in BOOTSTRAPPED else "stack",
        )
        team = Team(status=Status.AUTHORIZED, reason="Accepted", since=EPOCH - DAY)
        yield namespace, Record(namespace, {hash_of(namespace): entry}, team)


def _templates() -> dict[str, TemplateRecord]:
    return {name: TemplateRecord(template=name, backend="coder", deployed_at=EPOCH) for name in FACTS.templates}


def _generation(token: str) -> str:
    return f"homelab-00000000_{token}_19691231t000000z_aaaaaa"


def _records() -> Iterator[tuple[str, RunRecord]]:
    for job in FACTS.jobs:
        yield (
            job,
            RunRecord(
                job=job,
                run="0",
                began=EPOCH - HOUR,
                ended=EPOCH,
                outcome="fine",
                exit_code=0,
                last_success=EPOCH,
                runs=1,
                validated={token: Validated(generation=r.generation, works=True) for token, r in _receipts()},
                orphans={"authentik": 0},
            ),
        )
