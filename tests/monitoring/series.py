"""Many instants of facts as series: what the exporter would have told at each, and kube-state-metrics beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from operations.exporting.facts import Facts
from operations.exporting.families import families
from rotation.run_record import RunRecord

Labels = tuple[tuple[str, str], ...]
JOB_STARTED_BEFORE_ITS_RECORD = 60


@dataclass(frozen=True)
class Sample:
    """One value of one series."""

    metric: str
    labels: Labels
    value: float


def samples(facts: Facts, now: datetime, **scraped: str) -> Iterator[Sample]:
    """What the exporter tells of these facts; `scraped` are the labels that Prometheus adds where there is no such."""
    yield Sample("token_rotation_receipts_up", tuple(sorted(scraped.items())), 1)
    yield Sample("token_rotation_receipts_read_timestamp_seconds", tuple(sorted(scraped.items())), now.timestamp())
    for metric in families(facts, now):
        for sample in metric.samples:
            yield Sample(sample.name, tuple(sorted({**scraped, **sample.labels}.items())), sample.value)


def of_job(namespace: str, cronjob: str, record: RunRecord) -> Iterator[Sample]:
    """What kube-state-metrics tells of a CronJob: its last Job, which succeeded, and an old one that had failed."""
    here = {"namespace": namespace}
    began = record.ended.timestamp() - JOB_STARTED_BEFORE_ITS_RECORD
    for name, failed, at in ((f"{cronjob}-2", 0, began), (f"{cronjob}-1", 1, -86400.0)):
        job = {**here, "job_name": name}
        owner = {**job, "owner_kind": "CronJob", "owner_name": cronjob, "owner_is_controller": "true"}
        yield _sample("kube_job_owner", 1, owner)
        yield _sample("kube_job_status_start_time", at, job)
        yield _sample("kube_job_status_failed", failed, job)
    if record.last_success:
        succeeded = {**here, "cronjob": cronjob}
        yield _sample("kube_cronjob_status_last_successful_time", record.last_success.timestamp(), succeeded)


def _sample(metric: str, value: float, labels: dict[str, str]) -> Sample:
    return Sample(metric, tuple(sorted(labels.items())), value)


def for_promtool(instants: Iterable[Iterable[Sample]]) -> dict[str, str]:
    """Every series in promtool's form, one value for each instant; `_` where it told nothing."""
    found: dict[tuple[str, Labels], dict[int, float]] = defaultdict(dict)
    count = 0
    for count, told in enumerate(instants, start=1):
        for sample in told:
            found[sample.metric, sample.labels][count - 1] = sample.value
    return {_name(*series): _values(values, count) for series, values in found.items()}


def _name(metric: str, labels: Labels) -> str:
    inner = ",".join(f'{label}="{value}"' for label, value in labels)
    return f"{metric}{{{inner}}}"


def _values(values: dict[int, float], count: int) -> str:
    """Runs of one value are written as such."""
    runs = [(value, len(list(same))) for value, same in groupby(values.get(step) for step in range(count))]
    return " ".join(_run(value, length) for value, length in runs)


def _run(value: float | None, length: int) -> str:
    if value is None:
        return f"_x{length}"
    return f"{value:.15g}+0x{length - 1}" if length > 1 else f"{value:.15g}"
