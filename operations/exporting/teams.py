"""The records of an operator's teams as the exporter reads them: by one listing of the cluster, or from a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

from operations.deadlines import answers
from rotation.errors import BackendError
from rotation.operator_tokens.record import Record, read_record
from rotation.operator_tokens.store import RecordStore

LIMIT = timedelta(seconds=3)
"""Less than a whole scrape has, so that records which cannot be read keep no receipt from being told."""


@dataclass(frozen=True)
class Teams:
    """The records by namespace.

    unreadable: the namespaces whose record is there and cannot be read
    unread:     why none of them could be read; empty when they were
    """

    records: Mapping[str, Record] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    unread: str = ""


def listed(store: RecordStore) -> Teams:
    """Every record of a place. Raises BackendError."""
    survey = store.survey()
    return Teams({record.namespace: record for record in survey.records}, tuple(survey.unreadable))


def mounted(folder: Path, name: str) -> Teams:
    """Those of the records called `name` that are mounted: each in a folder `name-NAMESPACE`, a file for each entry.

    A pod names what it mounts when it starts, and mounts from its own namespace only: so these are teams that were
    known then, and the exporter stands beside the operator. Raises OSError.
    """
    prefix, records, unreadable = f"{name}-", {}, []
    for one in sorted(folder.glob(f"{prefix}*/")):
        namespace = one.name.removeprefix(prefix)
        try:
            records[namespace] = read_record(namespace, entries(one))
        except ValidationError:
            unreadable.append(namespace)
    return Teams(records, tuple(unreadable))


def within(limit: timedelta, read: Callable[[], Teams]) -> Teams:
    """What could be read within a limit; else why not."""

    def ask() -> Teams:
        try:
            return read()
        except BackendError as error:
            return Teams(unread=str(error))

    (found,) = answers([ask], limit)
    return found or Teams(unread=f"no answer within {limit.total_seconds():g} s")


def entries(folder: Path) -> dict[str, str]:
    """The entries of a mounted ConfigMap; the kubelet's own links begin with two dots. Raises OSError."""
    return {file.name: file.read_text() for file in sorted(folder.iterdir()) if not file.name.startswith("..")}
