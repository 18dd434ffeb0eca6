"""The superseded generations of a token: each with its deadline, until it is known dead. Pure: it revokes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from rotation.clock import from_rfc3339, to_rfc3339


@dataclass(frozen=True)
class Superseded:
    """A generation that has a successor: enough to revoke it, and no value."""

    generation: str
    handle: str


@dataclass(frozen=True)
class Entry:
    """A superseded generation and what became of it.

    deadline: the instant from which it is revoked
    retired:  when it was verified dead; None while it is not
    error:    why the last attempt to revoke it failed; empty when none failed
    attempts: how many attempts failed
    """

    generation: str
    handle: str
    deadline: datetime
    retired: datetime | None = None
    error: str = ""
    attempts: int = 0

    def to_state(self) -> dict[str, Any]:
        """The form in which a Pulumi state holds it."""
        return {
            "generation": self.generation,
            "handle": self.handle,
            "deadline": to_rfc3339(self.deadline),
            "retired": to_rfc3339(self.retired) if self.retired else "",
            "error": self.error,
            "attempts": self.attempts,
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Entry:
        """Read what `to_state` wrote; raises KeyError or ValueError for anything else."""
        return Entry(
            state["generation"],
            state["handle"],
            from_rfc3339(state["deadline"]),
            from_rfc3339(state["retired"]) if state["retired"] else None,
            state["error"],
            int(state["attempts"]),
        )


@dataclass(frozen=True)
class Ledger:
    """All superseded generations of one token, oldest first; a new ledger comes of each act."""

    entries: tuple[Entry, ...] = field(default=())

    def admit(self, superseded: Iterable[Superseded], published_at: datetime, overlap: timedelta) -> Ledger:
        """Enter what is not known yet: its overlap starts at the publication of its successor. Deadlines stay."""
        known = {entry.generation for entry in self.entries}
        fresh = [
            Entry(item.generation, item.handle, published_at + overlap)
            for item in superseded
            if item.generation not in known
        ]
        return Ledger((*self.entries, *fresh))

    def expedite(self, now: datetime) -> Ledger:
        """Pull every later deadline to now: an emergency."""
        return Ledger(tuple(replace(entry, deadline=min(entry.deadline, now)) for entry in self.entries))

    def due(self, now: datetime) -> tuple[Entry, ...]:
        """What must be revoked now: past its deadline and not known dead."""
        return tuple(entry for entry in self.entries if entry.retired is None and entry.deadline <= now)

    def waiting(self) -> tuple[Entry, ...]:
        """All that is not known dead."""
        return tuple(entry for entry in self.entries if entry.retired is None)

    def settle(self, outcome: Entry) -> Ledger:
        """Replace one entry by what became of it."""
        return Ledger(tuple(outcome if entry.generation == outcome.generation else entry for entry in self.entries))

    def forget(self, still_named: Iterable[str]) -> Ledger:
        """Drop what is known dead and no longer named by the pair; what is not known dead is never dropped."""
        named = set(still_named)
        return Ledger(tuple(e for e in self.entries if e.retired is None or e.generation in named))

    def without(self, elsewhere: Iterable[str]) -> Ledger:
        """Drop what another ledger answers for."""
        names = set(elsewhere)
        return Ledger(tuple(entry for entry in self.entries if entry.generation not in names))

    def to_state(self) -> list[dict[str, Any]]:
        """The form in which a Pulumi state holds it."""
        return [entry.to_state() for entry in self.entries]

    @staticmethod
    def from_state(state: Iterable[Mapping[str, Any]] | None) -> Ledger:
        """Read what `to_state` wrote; nothing is an empty ledger."""
        return Ledger(tuple(Entry.from_state(item) for item in state or ()))
