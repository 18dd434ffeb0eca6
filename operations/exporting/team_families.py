"""The metrics of an operator's teams: seed 003's names, and each namespace's status.

A namespace that the stack declares has a receipt and a record, one that bootstrapped itself a record alone. Each is
told once. Admission tokens are told as every token is, and have none of these names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from operations.exporting.facts import Facts
from rotation.operator_tokens.published import secret_name
from rotation.operator_tokens.record import OPERATIONAL, Entry, Record, State
from rotation.operator_tokens.standing import current, state_of
from rotation.receipt import Receipt, secret_places

KIND = "operator"
_SEED, _OURS = "keycloak_operator_", "token_rotation_operator_"


def of_teams(facts: Facts, now: datetime) -> Iterator[Metric]:
    """Every family that these facts fill, as they are true now: a run that should have told may not have come."""
    records = facts.teams.records if facts.teams else {}
    known = _Known({one.generation: one for record in records.values() for one in record.entries.values()})
    declared = [one for one in facts.receipts.values() if one.kind == KIND and known.is_operational(one)]
    yield _rotations(declared, records, known)
    yield _expires(declared, records, known)
    if declared or facts.teams is not None:
        active = GaugeMetricFamily(f"{_SEED}operational_tokens_active", "Operational tokens that are in use.")
        unrecorded = [one for one in declared if known.entry(one) is None]
        active.add_metric([], len(unrecorded) + sum(bool(current(record, now)) for record in records.values()))
        yield active
    yield from _of_records(records, now)
    if facts.teams is not None:
        up = GaugeMetricFamily(f"{_OURS}records_up", "1 when the records of teams could be read, else 0.")
        up.add_metric([], not facts.teams.unread)
        yield up


@dataclass(frozen=True)
class _Known:
    """The entries of all records, by generation."""

    entries: Mapping[str, Entry]

    def entry(self, receipt: Receipt) -> Entry | None:
        return self.entries.get(receipt.generation)

    def is_operational(self, receipt: Receipt) -> bool:
        """A receipt does not tell; where no record does, it is taken for one, which nearly all are."""
        entry = self.entry(receipt)
        return entry is None or entry.token_type == OPERATIONAL

    def namespaces(self, receipt: Receipt) -> set[str]:
        entry = self.entry(receipt)
        return {entry.namespace} if entry else {namespace for namespace, _ in _secrets(receipt)}


def _rotations(declared: list[Receipt], records: Mapping[str, Record], known: _Known) -> Metric:
    """A receipt counts the stack's and a record the keeper's: a namespace that changed hands had both."""
    counter = CounterMetricFamily(f"{_SEED}token_rotations", "Rotations.", labels=["namespace"])
    counts = Counter({namespace: record.team.rotations for namespace, record in records.items()})
    for receipt in declared:
        counts.update(dict.fromkeys(known.namespaces(receipt), receipt.rotations))
    for namespace, count in counts.items():
        counter.add_metric([namespace], count)
    return counter


def _expires(declared: list[Receipt], records: Mapping[str, Record], known: _Known) -> Metric:
    """What was revoked has no end to come. A declared token is told by its receipt, which names its Secrets."""
    text = "When it ends, in unix seconds."
    gauge = GaugeMetricFamily(f"{_SEED}token_expires_timestamp", text, labels=["namespace", "secret_name"])
    ends: dict[tuple[str, str], float] = {}
    for receipt in declared:
        entry = known.entry(receipt)
        if entry is None or entry.state is not State.REVOKED:
            ends |= dict.fromkeys(_secrets(receipt), receipt.expires.timestamp())
    for namespace, record in records.items():
        active = _active(record)
        if active and active.kept_by == "admission":
            name = record.team.secret.partition("/")[2] or secret_name(namespace)
            ends[namespace, name] = active.valid_until.timestamp()
    for place, end in ends.items():
        gauge.add_metric(place, end)
    return gauge


def _of_records(records: Mapping[str, Record], now: datetime) -> Iterator[Metric]:
    bootstraps = CounterMetricFamily(
        f"{_SEED}token_bootstrap", "Operational tokens that an admission token made.", labels=["namespace"]
    )
    status = GaugeMetricFamily(
        f"{_OURS}status", "1 for the status of a namespace and its reason.", labels=["namespace", "status", "reason"]
    )
    orphaned = GaugeMetricFamily(
        f"{_OURS}orphaned", "1 for a namespace whose operational token is an orphan.", labels=["namespace"]
    )
    for namespace, record in records.items():
        bootstraps.add_metric([namespace], record.team.bootstraps)
        if _tells_status(record, now):
            state = state_of(record, now)
            status.add_metric([namespace, state.status, state.reason], 1)
        if record.team.orphaned:
            orphaned.add_metric([namespace], 1)
    yield from (bootstraps, status, orphaned)


def _tells_status(record: Record, now: datetime) -> bool:
    """Where no keeper ever looked, a declared token that ended is told by its receipt, or left with its team."""
    return record.team.since is not None or not record.of_type(OPERATIONAL) or bool(record.accepted(now))


def _active(record: Record) -> Entry | None:
    return next((one for one in record.of_type(OPERATIONAL).values() if one.state is State.ACTIVE), None)


def _secrets(receipt: Receipt) -> list[tuple[str, str]]:
    """The Secrets among its published places, as namespace and name."""
    return [(namespace, name) for namespace, _, name in (p.partition("/") for p in secret_places(receipt.published))]
