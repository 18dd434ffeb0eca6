"""The record of a job's last run, beside the receipts: read at the end of a run, grown by it, and written again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from operations.cluster import Cluster
from operations.exit_code import ExitCode
from operations.places import ObjectPlace
from operations.told import Told, added
from rotation.model import TOKEN_NAME
from rotation.run_record import RunRecord, read_run_record, runs_name


@dataclass(frozen=True)
class RunHistory:
    """The records of a stack's jobs; each job applies its own entry under a field manager of its own."""

    cluster: Cluster
    receipts: ObjectPlace

    def tokens(self) -> list[str]:
        """Every token that has a receipt. Raises ClusterError."""
        entries = self.cluster.config_map(self.receipts.namespace, self.receipts.name)
        return [name for name in entries if TOKEN_NAME.fullmatch(name)]

    def last(self, job: str) -> RunRecord | None:
        """The last run of a job; None where none is told, or not in a form that can be read. Raises ClusterError."""
        entry = self.cluster.config_map(self.receipts.namespace, runs_name(self.receipts.name)).get(job)
        try:
            return read_run_record(entry) if entry else None
        except ValidationError:
            return None

    def write(self, record: RunRecord) -> None:
        """Raises ClusterError."""
        place = self.receipts
        data = {record.job: record.model_dump_json()}
        self.cluster.apply_config_map(place.namespace, runs_name(place.name), data, f"token-rotation-{record.job}")


@dataclass(frozen=True)
class Span:
    """Which run, and when it was."""

    job: str
    run: str
    began: datetime
    ended: datetime


def next_record(
    before: RunRecord | None,
    span: Span,
    code: ExitCode,
    told: Told,
    *,
    tokens: Sequence[str] = (),
    undelivered: Sequence[str] = (),
) -> RunRecord:
    """The record after one more run: every count goes on from what stood there. `tokens` are those with a receipt."""
    failed = code is not ExitCode.FINE
    return RunRecord(
        job=span.job,
        run=span.run,
        began=span.began,
        ended=span.ended,
        outcome=code.name.lower(),
        exit_code=int(code),
        last_success=(before.last_success if before else None) if failed else span.ended,
        runs=(before.runs if before else 0) + 1,
        failures=(before.failures if before else 0) + failed,
        tokens=added(before.tokens if before else {}, told.counts(tokens)),
        orphans=told.orphans(),
        undelivered=tuple(undelivered),
    )
