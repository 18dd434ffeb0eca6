"""Checks per second in one process, beside a plain baseline in the same run, and the memory of many namespaces.

The baseline is the least that any check must do: hash what was presented, and compare it once. Rounds of each kind take
turns, so that a machine that is busy for a while slows all of them, and the ratio stays.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from prometheus_client import CollectorRegistry

from rotation.clock import system_clock
from rotation.operator_tokens import changes
from rotation.operator_tokens.changes import Newcomer, lease_end
from rotation.operator_tokens.record import Record, data_of, hash_of, new_value
from rotation.verify import Reason, Verifier
from rotation.verify.prometheus import PrometheusFailures

LIFETIME = timedelta(days=90)
GRACE = timedelta(days=7)
ROUNDS = 7
_GENERATIONS = 6


@dataclass(frozen=True)
class Rate:
    """How often per second, as the median of the rounds."""

    name: str
    per_second: float


@dataclass(frozen=True)
class Measured:
    """The rates, the baseline's last, and the bytes that a verifier holds for each namespace."""

    rates: tuple[Rate, ...]
    bytes_per_namespace: float

    @property
    def baseline(self) -> Rate:
        """What the others are compared with."""
        return self.rates[-1]


def measure(namespaces: int, repeated: int) -> Measured:
    """Fill a verifier and check, in each round one value of each kind for each namespace, and all that repeatedly."""
    now = system_clock()
    records, values = {}, {}
    for number in range(namespaces):
        name = f"team-{number}"
        records[name], values[name] = _record(name, now)
    held = _bytes_of(records)
    verifier = Verifier(system_clock, PrometheusFailures(CollectorRegistry()))
    verifier.replace_all(records)
    names = list(records)
    rates = _rates(
        {
            "accepted, current": _checking(
                verifier, Reason.ACCEPTED_CURRENT, [(name, values[name][-1]) for name in names]
            ),
            "accepted, previous": _checking(
                verifier, Reason.ACCEPTED_PREVIOUS, [(name, values[name][-2]) for name in names]
            ),
            "refused, revoked": _checking(verifier, Reason.REVOKED, [(name, values[name][0]) for name in names]),
            "refused, unknown": _checking(verifier, Reason.UNKNOWN, [(name, new_value()) for name in names]),
            "refused, truncated": _checking(
                verifier, Reason.MALFORMED, [(name, values[name][-1][:-1]) for name in names]
            ),
            "baseline: one hash, one comparison": _baseline([values[name][-1] for name in names]),
        },
        namespaces,
        repeated,
    )
    return Measured(tuple(rates), held / namespaces)


def _record(namespace: str, now: datetime) -> tuple[Record, list[str]]:
    """A team that has rotated some times: one current, one previous in its grace, the others revoked."""
    record, values = Record(namespace), []
    for number in range(_GENERATIONS):
        values.append(new_value())
        generation = f"{namespace}-{number}"
        newcomer = Newcomer(generation, now, LIFETIME, lease_end(now, LIFETIME))
        record = changes.admit(record, hash_of(values[-1]), newcomer)
        record = changes.confirm(record, generation, now, LIFETIME)
        if number >= 2:
            record = changes.revoke(record, f"{namespace}-{number - 2}", now)
    return changes.supersede(record, f"{namespace}-{_GENERATIONS - 2}", now + GRACE), values


def _bytes_of(records: Mapping[str, Record]) -> int:
    """What a verifier holds that has read these records from ConfigMaps."""
    data = {namespace: data_of(record) for namespace, record in records.items()}
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        verifier = Verifier(system_clock)
        verifier.replace_all(data)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


_Round = Callable[[], None]


def _checking(verifier: Verifier, reason: Reason, presented: list[tuple[str, str]]) -> _Round:
    assert {verifier.check(namespace, value).reason for namespace, value in presented} == {reason}

    def once() -> None:
        check = verifier.check
        for namespace, value in presented:
            check(namespace, value)

    return once


def _baseline(values: list[str]) -> _Round:
    kept = hashlib.sha256(b"another").digest()

    def once() -> None:
        for value in values:
            hmac.compare_digest(kept, hashlib.sha256(value.encode()).digest())

    return once


def _rates(kinds: Mapping[str, _Round], namespaces: int, repeated: int) -> list[Rate]:
    took: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        for name, once in kinds.items():
            begun = time.perf_counter()
            for _ in range(repeated):
                once()
            took[name].append(time.perf_counter() - begun)
    return [Rate(name, namespaces * repeated / median(seconds)) for name, seconds in took.items()]
