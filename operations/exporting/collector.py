"""One scrape: read what there is, within a limit, and say whether it could be read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from operations.deadlines import answers
from operations.exporting.facts import Facts
from operations.exporting.families import PREFIX, families
from operations.run_log import Log
from rotation.clock import Clock
from rotation.errors import ClusterError

LIMIT = timedelta(seconds=5)
"""Shorter than a scrape's usual 10 s, so that an API server that hangs is told as such and not as a dead exporter."""


@dataclass(eq=False)  # a registry keeps its collectors by identity
class ReceiptsCollector(Collector):
    """Asked by each scrape. What was read serves for `keep`, so that several scrapers ask the API server once."""

    read: Callable[[], Facts]
    log: Log
    clock: Clock
    keep: timedelta = timedelta(seconds=5)
    limit: timedelta = LIMIT
    _facts: Facts | None = None
    _asked: datetime | None = None
    _read_at: datetime | None = None
    _records_told: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def collect(self) -> Iterator[Metric]:
        """While nothing can be read, no token has a series.

        The last known instants may still be true, but nobody can tell: the tokens may have been rotated by a run that
        reaches the API server where we do not, and then they would call every one of them expired. Series that end
        are seen by `absent`, and `receipts_up` and `receipts_read` say why they ended and since when.
        """
        facts, read_at = self._known()
        yield _single("receipts_up", "1 when receipts and run records could be read, else 0.", float(facts is not None))
        if read_at is not None:
            text = "When they were last read, in unix seconds."
            yield _single("receipts_read_timestamp_seconds", text, read_at.timestamp())
        if facts is not None:
            yield from families(facts, self.clock())

    def _known(self) -> tuple[Facts | None, datetime | None]:
        with self._lock:
            now = self.clock()
            if self._asked is None or abs(now - self._asked) >= self.keep:  # a clock may be set back
                self._facts, self._asked = self._answer(), now
                if self._facts is not None:
                    self._read_at = now
                    self._tell_of_records(self._facts)
            return self._facts, self._read_at

    def _answer(self) -> Facts | None:
        """What could be read within the limit. A failure is told once, until something is read again."""
        (found,) = answers([self._ask], self.limit)
        failed = found if isinstance(found, str) else ""
        if found is None:
            failed = f"no answer within {self.limit.total_seconds():g} s"
        if failed and (self._facts is not None or self._asked is None):
            self.log.error("receipts cannot be read", cause=failed)
        return found if isinstance(found, Facts) else None

    def _tell_of_records(self, facts: Facts) -> None:
        """Records that cannot be read hide no receipt. It is told once, until they are read again."""
        cause = facts.teams.unread if facts.teams else ""
        if cause and not self._records_told:
            self.log.error("records of teams cannot be read", cause=cause)
        self._records_told = bool(cause)

    def _ask(self) -> Facts | str:
        try:
            return self.read()
        except (ClusterError, OSError, ValueError) as error:  # ValueError: a file that is no text
            return str(error)


def _single(name: str, text: str, value: float) -> Metric:
    gauge = GaugeMetricFamily(f"{PREFIX}{name}", text)
    gauge.add_metric([], value)
    return gauge
