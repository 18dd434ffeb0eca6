"""The superseded generations of a token: each with its deadline, until it is known dead. Pure: it revokes nothing.

The stored form is a public format: a list whose entries each name their version.

    1  generation, handle, deadline, retired, error, attempts; no `version`
    2  and published_at, expedited: what a judgement of evidence asks

An entry of an older version is read as it is and stored in the newest form by the next act.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from rotation.clock import from_rfc3339, to_rfc3339
from rotation.errors import StateIsNewer

VERSION = 2


@dataclass(frozen=True)
class Superseded:
    """A generation that has a successor: enough to revoke it, and no value."""

    generation: str
    handle: str


@dataclass(frozen=True)
class Entry:
    """A superseded generation and what became of it.

    deadline:     the instant from which it is revoked
    retired:      when it was verified dead; None while it is not
    error:        why the last attempt to revoke it failed; empty when none failed
    attempts:     how many attempts failed
    published_at: when its successor was published; None where an older release did not note it
    expedited:    an emergency asks for its end, whatever else would have it wait
    """

    generation: str
    handle: str
    deadline: datetime
    retired: datetime | None = None
    error: str = ""
    attempts: int = 0
    published_at: datetime | None = None
    expedited: bool = False

    def to_state(self) -> dict[str, Any]:
        """The form in which a Pulumi state holds it."""
        return {
            "version": VERSION,
            "generation": self.generation,
            "handle": self.handle,
            "deadline": to_rfc3339(self.deadline),
            "retired": _text(self.retired),
            "error": self.error,
            "attempts": self.attempts,
            "published_at": _text(self.published_at),
            "expedited": self.expedited,
        }

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Entry:
        """Read what this or an older release wrote.

        What an older release did not note is what a fresh entry has; an entry without its ids or its deadline is no
        entry. Raises StateIsNewer for a newer form, KeyError or ValueError for anything else.
        """
        _refuse_newer(int(state.get("version") or 1))
        return Entry(
            generation=_id(state, "generation"),
            handle=_id(state, "handle"),
            deadline=from_rfc3339(state["deadline"]),
            retired=_instant(state.get("retired")),
            error=state.get("error") or "",
            attempts=int(state.get("attempts") or 0),
            published_at=_instant(state.get("published_at")),
            expedited=bool(state.get("expedited")),
        )


@dataclass(frozen=True)
class Ledger:
    """All superseded generations of one token, oldest first; a new ledger comes of each act."""

    entries: tuple[Entry, ...] = field(default=())

    def admit(self, superseded: Iterable[Superseded], published_at: datetime, overlap: timedelta) -> Ledger:
        """Enter what is not known yet: its overlap starts at the publication of its successor. Deadlines stay."""
        known = {entry.generation for entry in self.entries}
        fresh = [
            Entry(item.generation, item.handle, published_at + overlap, published_at=published_at)
            for item in superseded
            if item.generation not in known
        ]
        return Ledger((*self.entries, *fresh))

    def expedite(self, now: datetime) -> Ledger:
        """Pull every later deadline to now: an emergency."""
        hurried = (replace(entry, deadline=min(entry.deadline, now), expedited=True) for entry in self.entries)
        return Ledger(tuple(hurried))

    def due(self, now: datetime) -> tuple[Entry, ...]:
        """What must be revoked now: past its deadline and not known dead."""
        return tuple(entry for entry in self.entries if entry.retired is None and entry.deadline <= now)

    def attempts(self) -> int:
        """How many attempts to revoke one of these failed."""
        return sum(entry.attempts for entry in self.entries)

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

    def reinstate(self, generation: str) -> Ledger:
        """Drop what is current again: it has no deadline, and is given a whole overlap when it is next superseded."""
        return self.without([generation])

    def without(self, elsewhere: Iterable[str]) -> Ledger:
        """Drop what another ledger answers for."""
        names = set(elsewhere)
        return Ledger(tuple(entry for entry in self.entries if entry.generation not in names))

    def to_state(self) -> list[dict[str, Any]]:
        """The form in which a Pulumi state holds it."""
        return [entry.to_state() for entry in self.entries]

    @staticmethod
    def from_state(state: Iterable[Mapping[str, Any]] | None) -> Ledger:
        """Read what this or an older release wrote; nothing is an empty ledger. Raises as `Entry.from_state` does."""
        return Ledger(tuple(Entry.from_state(item) for item in state or ()))


def _refuse_newer(version: int) -> None:
    if version > VERSION:
        cause = f"its entries are of version {version}, and this release reads up to {VERSION}"
        raise StateIsNewer("read the ledger of", cause, "Run the release that wrote the state, or a newer one.")


def _id(state: Mapping[str, Any], name: str) -> str:
    text = state[name]
    if not text or not isinstance(text, str):
        raise ValueError(f"an entry of a ledger has no {name}")
    return text


def _text(instant: datetime | None) -> str:
    return to_rfc3339(instant) if instant else ""


def _instant(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text else None
