"""One look at every token of a plan, and a second one at those where something was found."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from operations.cluster import Cluster
from operations.run_log import Log
from operations.validation.findings import Reading, Verdicts, judge, tried
from operations.validation.probing import Connect, Trial, probe_all
from operations.validation.reading import Consumers
from rotation.clock import Clock
from rotation.receipt import Receipt, read_receipt
from rotation.run_record import Validated
from rotation.validation_plan import ValidationPlan

SETTLE = timedelta(seconds=30)
"""A run that is publishing now, a sync that follows it, and a stale read of Connect are over after this long."""


@dataclass(frozen=True)
class Round:
    """A validation of one stack. It reads and probes, and writes nothing anywhere.

    limit: for one probe, and for the reading of one copy
    settle: how long after the first look the second is; zero: there is none
    """

    plan: ValidationPlan
    cluster: Cluster
    consumers: Consumers
    connect: Connect
    clock: Clock
    log: Log
    limit: timedelta
    settle: timedelta = SETTLE
    sleep: Callable[[float], None] = time.sleep

    def run(self) -> dict[str, Validated]:
        """What stands, by token. Raises ClusterError when the receipts cannot be read.

        A fault that is gone at the second look was a write on its way, and nobody is woken for it.
        """
        found = self._look(list(self.plan.tokens))
        doubtful = [token for token, validated in found.items() if not validated.works]
        if doubtful and self.settle:
            self.log.info("looking once more", tokens=doubtful, seconds=self.settle.total_seconds())
            self.sleep(self.settle.total_seconds())
            found |= self._look(doubtful)
        return found

    def _look(self, tokens: Sequence[str]) -> dict[str, Validated]:
        entries = self.cluster.config_map(self.plan.receipts_namespace, self.plan.receipts_name)
        readings = self._read(tokens)
        verdicts = self._probe(readings)
        now = self.clock()
        return {token: judge(_receipt(entries.get(token)), readings[token], verdicts[token], now) for token in tokens}

    def _read(self, tokens: Sequence[str]) -> dict[str, list[Reading]]:
        copies = [(token, copy) for token in tokens for copy in self.plan.tokens[token].copies]
        found = self.consumers.read_all([copy for _, copy in copies])
        readings: dict[str, list[Reading]] = {token: [] for token in tokens}
        for (token, _), reading in zip(copies, found, strict=True):
            readings[token].append(reading)
        return readings

    def _probe(self, readings: Mapping[str, Sequence[Reading]]) -> dict[str, Verdicts]:
        trials = [
            Trial(token, self.plan.tokens[token], fingerprint, value)
            for token, read in readings.items()
            for fingerprint, value in tried(read).items()
        ]
        found = probe_all(trials, self.connect, self.clock, self.limit)
        return {
            token: {trial.fingerprint: found[token, trial.fingerprint] for trial in trials if trial.token == token}
            for token in readings
        }


def _receipt(text: str | None) -> Receipt | None:
    """A token's receipt; None where there is none that this release can read."""
    with suppress(ValidationError):
        return None if text is None else read_receipt(text)
    return None
