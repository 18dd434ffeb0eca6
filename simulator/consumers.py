"""Consumers: each reads its place at its own instants and uses what it read until it reads again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulator.scenario import START, Reader


@dataclass
class Consumer:
    """Reads are not simulated one by one: what it holds at an instant follows from when the place last changed.

    shown, since: what the place holds, and from when on
    before:       what the consumer held when that was put there
    """

    token: str
    reader: Reader
    shown: str = field(default="", repr=False)
    since: datetime = START
    before: str = field(default="", repr=False)

    def holds(self, now: datetime) -> str:
        """The value that it uses; empty before its place held any."""
        return self.shown if self.last_read(now) >= self.since else self.before

    def last_read(self, now: datetime) -> datetime:
        """Its latest read that is not after this instant."""
        elapsed = now - START - self.reader.phase
        return START + self.reader.phase + (elapsed // self.reader.interval) * self.reader.interval

    def changed(self, value: str, now: datetime, *, at_once: bool) -> None:
        """Its place holds another value. `at_once`: it reads now, as after an emergency, or for the first time."""
        self.before = value if at_once else self.holds(now)
        self.shown, self.since = value, now

    def reads_between(self, first: datetime, last: datetime) -> int:
        """How often it read in a stretch of time."""
        length: timedelta = self.reader.interval
        return (last - START) // length - (first - START) // length
