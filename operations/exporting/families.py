"""The metrics, by name. Each number is an instant or a count that a receipt or a record holds.

Nothing is computed against the clock: an age in a gauge would stand still when the exporter does, an instant cannot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from operations.exit_code import ExitCode
from operations.exporting.facts import Facts
from operations.exporting.team_families import KIND as OPERATOR
from operations.exporting.team_families import of_teams
from operations.exporting.template_families import of_templates
from rotation.model import is_generation
from rotation.reasons import Reason
from rotation.receipt import Receipt
from rotation.run_record import RETIRE, ROTATE, VALIDATE, RunRecord, TokenCounts

PREFIX = "token_rotation_"
LABELS = ("token", "backend", "kind")
UNREADABLE = "ReceiptUnreadable"
"""The condition of a token whose receipt this release cannot read: its other series are missing."""
RECORD_UNREADABLE = "RecordUnreadable"
"""The same of a team's record; its namespace stands in the token's place."""

_VAULT = "vault"
_NOT_SWEPT = (ExitCode.REFUSED_INPUT, ExitCode.LOCKED)

_INSTANTS: dict[str, tuple[str, Callable[[Receipt], datetime]]] = {
    "created": ("When the current generation was minted", lambda receipt: receipt.created),
    "expires": ("When the current generation ends", lambda receipt: receipt.expires),
    "rotates": ("When the current generation is planned to be rotated", lambda receipt: receipt.rotates),
    "published": ("When the current generation had been published everywhere", lambda receipt: receipt.published_at),
}
_COUNTS: dict[str, tuple[str, Callable[[Receipt], int]]] = {
    "rotations": ("Generations minted after the first", lambda receipt: receipt.rotations),
    "renewals": ("Renewals", lambda receipt: receipt.renewals),
    "revocation_failures": ("Attempts to revoke that failed", lambda receipt: receipt.revocation_failures),
}
_FAILURES: dict[str, tuple[str, Callable[[TokenCounts], int]]] = {
    "mint_failures": ("Mints that failed", lambda counts: counts.mint_failures),
    "renewal_failures": ("Renewals that failed", lambda counts: counts.renewal_failures),
    "publication_failures": ("Publications that failed", lambda counts: counts.publication_failures),
    "validation_failures": ("Validations that found a fault", lambda counts: counts.validation_failures),
}
_SWITCHES: dict[str, tuple[str, Callable[[Receipt], bool]]] = {
    "auto_rotate": ("0 where a person's annotation pauses rotation", lambda receipt: receipt.auto_rotate),
    "auto_renew": ("0 where a person's annotation pauses renewal", lambda receipt: receipt.auto_renew),
}


def families(facts: Facts, now: datetime) -> Iterator[Metric]:
    """Every family that these facts fill now."""
    yield from _of_receipts(facts.receipts)
    yield _conditions(facts)
    yield _retires(facts.receipts)
    yield from _of_counts(facts)
    yield _valid(facts)
    yield from _of_runs(facts.runs)
    yield from _of_vault(facts)
    yield from of_teams(facts, now)
    yield from of_templates(facts.templates)


def _of_receipts(receipts: Mapping[str, Receipt]) -> Iterator[Metric]:
    for name, (text, instant) in _INSTANTS.items():
        gauge = GaugeMetricFamily(f"{PREFIX}{name}_timestamp_seconds", f"{text}, in unix seconds.", labels=LABELS)
        for token, receipt in receipts.items():
            gauge.add_metric(_labels(token, receipt), instant(receipt).timestamp())
        yield gauge
    for name, (text, count) in _COUNTS.items():
        counter = CounterMetricFamily(f"{PREFIX}{name}", f"{text}.", labels=LABELS)
        for token, receipt in receipts.items():
            counter.add_metric(_labels(token, receipt), count(receipt))
        yield counter
    for name, (text, switch) in _SWITCHES.items():
        gauge = GaugeMetricFamily(f"{PREFIX}{name}", f"{text}, else 1.", labels=LABELS)
        for token, receipt in receipts.items():
            gauge.add_metric(_labels(token, receipt), switch(receipt))
        yield gauge


def _conditions(facts: Facts) -> Metric:
    """A note goes with the token's first receipt; one that a run could not take away says nothing any more."""
    text = "1 for each reason code that stands in a token's receipt until it is gone."
    gauge = GaugeMetricFamily(f"{PREFIX}condition", text, labels=(*LABELS, "condition"))
    for token, receipt in facts.receipts.items():
        for condition in dict.fromkeys(receipt.conditions):
            gauge.add_metric([*_labels(token, receipt), condition], 1)
    for token, note in facts.waiting.items():
        if token not in facts.receipts:
            gauge.add_metric([token, note.backend, note.kind, Reason.BOOTSTRAP_NEEDED], 1)
    for name in dict.fromkeys(facts.unreadable):
        gauge.add_metric([name, "", "", UNREADABLE], 1)
    for namespace in facts.teams.unreadable if facts.teams else ():
        gauge.add_metric([namespace, "", OPERATOR, RECORD_UNREADABLE], 1)
    return gauge


def _retires(receipts: Mapping[str, Receipt]) -> Metric:
    text = "The deadline of each superseded generation that is not known dead, in unix seconds."
    gauge = GaugeMetricFamily(f"{PREFIX}retires_timestamp_seconds", text, labels=(*LABELS, "generation"))
    for token, receipt in receipts.items():
        for waiting in receipt.superseded:
            labels = [*_labels(token, receipt), shown_generation(waiting.generation)]
            gauge.add_metric(labels, waiting.deadline.timestamp())
    return gauge


def _of_counts(facts: Facts) -> Iterator[Metric]:
    """What the jobs counted by token, summed over the jobs; also of a token that has no receipt yet.

    A token that no record names has failed 0 times: a series that began with its first failure would not show it as an
    increase.
    """
    counted = [token for record in facts.runs.values() for token in record.tokens]
    tokens = dict.fromkeys([*(facts.receipts if facts.runs else ()), *counted])
    for name, (text, count) in _FAILURES.items():
        counter = CounterMetricFamily(f"{PREFIX}{name}", f"{text}.", labels=LABELS)
        for token in tokens:
            counter.add_metric(_labels(token, facts.receipts.get(token)), _sum(facts, token, count))
        yield counter


def _valid(facts: Facts) -> Metric:
    """A verdict on a generation that is no longer the current one says nothing of the current one."""
    text = "1 when the last validation found that every copy works, 0 when it did not."
    gauge = GaugeMetricFamily(f"{PREFIX}valid", text, labels=LABELS)
    record = facts.runs.get(VALIDATE)
    for token, validated in (record.validated if record else {}).items():
        receipt = facts.receipts.get(token)
        if validated.generation == (receipt.generation if receipt else ""):
            gauge.add_metric(_labels(token, receipt), validated.works)
    return gauge


def _of_runs(runs: Mapping[str, RunRecord]) -> Iterator[Metric]:
    ended = GaugeMetricFamily(
        f"{PREFIX}run_ended_timestamp_seconds", "When a job last ended, in unix seconds.", labels=["run_job"]
    )
    success = GaugeMetricFamily(
        f"{PREFIX}run_last_success_timestamp_seconds", "When it last ended with 0, in unix seconds.", labels=["run_job"]
    )
    code = GaugeMetricFamily(f"{PREFIX}run_exit_code", "What it last ended with.", labels=["run_job"])
    total = CounterMetricFamily(f"{PREFIX}runs", "Its runs.", labels=["run_job"])
    failures = CounterMetricFamily(f"{PREFIX}run_failures", "Its runs that did not end with 0.", labels=["run_job"])
    orphans = GaugeMetricFamily(
        f"{PREFIX}orphans", "Unknown generations that wait for their end, as the last run told.", labels=["backend"]
    )
    for job, record in runs.items():
        ended.add_metric([job], record.ended.timestamp())
        if record.last_success is not None:
            success.add_metric([job], record.last_success.timestamp())
        code.add_metric([job], record.exit_code)
        total.add_metric([job], record.runs)
        failures.add_metric([job], record.failures)
    for backend, count in _orphans(runs).items():
        orphans.add_metric([backend], count)
    yield from (ended, success, code, total, failures, orphans)


def _orphans(runs: Mapping[str, RunRecord]) -> Mapping[str, int]:
    """What the last sweep found. A run that was refused, or that another one kept out, did not sweep."""
    swept = [runs[job] for job in (ROTATE, RETIRE) if job in runs and runs[job].exit_code not in _NOT_SWEPT]
    return max(swept, key=lambda record: record.ended).orphans if swept else {}


def _of_vault(facts: Facts) -> Iterator[Metric]:
    """The names of the hybrid Vault design; its ages are recording rules, from the instants above."""
    rotates = GaugeMetricFamily("vault_token_auto_rotate", "1 unless a person paused rotation.", labels=["token"])
    failed = CounterMetricFamily("vault_token_renewal_failed", "Renewals that failed.", labels=["token"])
    for token, receipt in facts.receipts.items():
        if receipt.kind == _VAULT:
            rotates.add_metric([token], receipt.auto_rotate)
            failed.add_metric([token], _sum(facts, token, lambda counts: counts.renewal_failures))
    yield from (rotates, failed)


def shown_generation(generation: str) -> str:
    """An id as a metric may tell it. A token that was taken over may bear its handle as its id: a digest then."""
    if is_generation(generation):
        return generation
    return f"taken-{hashlib.sha256(generation.encode()).hexdigest()[:12]}"


def _labels(token: str, receipt: Receipt | None) -> list[str]:
    """Without a receipt nothing is known but the name."""
    return [token, receipt.backend if receipt else "", receipt.kind if receipt else ""]


def _sum(facts: Facts, token: str, count: Callable[[TokenCounts], int]) -> int:
    return sum(count(record.tokens[token]) for record in facts.runs.values() if token in record.tokens)
