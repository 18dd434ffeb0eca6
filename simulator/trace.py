"""One line for each event. docs/simulator.md explains the columns."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

TAIL = 40


@dataclass(frozen=True)
class Event:
    """run, instant, step, token, act, subject, outcome: the columns of a trace line. No value is ever one of them."""

    run: int
    instant: datetime
    step: str
    token: str
    act: str
    subject: str
    outcome: str

    def __str__(self) -> str:
        where = f"{self.run:5d} {self.instant:%Y-%m-%dT%H:%M:%S}Z {self.step:<10} {self.token:<14}"
        return f"{where} {self.act:<16} {self.subject or '-'} -> {self.outcome}"


@dataclass
class Trace:
    """Keeps the tail, or all, of what happened; `listen` is told each event as it happens."""

    keep_all: bool = False
    listen: Callable[[Event], None] | None = None
    count: int = 0
    _events: deque[Event] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._events = deque(maxlen=None if self.keep_all else TAIL)

    def add(self, event: Event) -> None:
        self.count += 1
        self._events.append(event)
        if self.listen:
            self.listen(event)

    @property
    def events(self) -> list[Event]:
        """What was kept, oldest first."""
        return list(self._events)
