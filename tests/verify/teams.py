"""Teams whose tokens passed through the real transitions, and one value for each reason that a verdict can have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotation.operator_tokens import changes
from rotation.operator_tokens.changes import Newcomer, lease_end
from rotation.operator_tokens.record import Record, TokenType, hash_of, new_value
from rotation.testing.builders import START
from rotation.verify import Reason, Verifier

LIFETIME = timedelta(days=90)
GRACE = timedelta(days=7)
HOUR = timedelta(hours=1)
OPERATIONAL: TokenType = "operational"
ADMISSION: TokenType = "admission"


class Team:
    """One namespace, its record, and the values that it was given."""

    def __init__(self, namespace: str = "team-a") -> None:
        self.namespace = namespace
        self.record = Record(namespace)
        self._minted = 0

    def admit(self, now: datetime, token_type: TokenType = OPERATIONAL) -> str:
        """Mint, without confirming it."""
        value, self._minted = new_value(), self._minted + 1
        newcomer = Newcomer(f"generation-{self._minted}", now, LIFETIME, lease_end(now, LIFETIME), token_type)
        self.record = changes.admit(self.record, hash_of(value), newcomer)
        return value

    def mint(self, now: datetime, token_type: TokenType = OPERATIONAL) -> str:
        """Mint and confirm; the one before is superseded, its grace still open."""
        value = self.admit(now, token_type)
        self.record = changes.confirm(self.record, self.generation(value), now, LIFETIME)
        return value

    def close_grace(self, value: str, until: datetime) -> None:
        """Give the grace of a superseded one its end."""
        self.record = changes.supersede(self.record, self.generation(value), until)

    def revoke(self, value: str, now: datetime) -> None:
        """Revoke one generation."""
        self.record = changes.revoke(self.record, self.generation(value), now)

    def generation(self, value: str) -> str:
        """The id of the generation that a value belongs to."""
        return self.record.entries[hash_of(value)].generation


@dataclass(frozen=True)
class Case:
    """A value as it is presented at `now`, and what is answered."""

    team: Team
    value: object
    now: datetime
    reason: Reason

    def shown_to(self, verifier: Verifier) -> object:
        """The verdict of a verifier that has read the team's record."""
        verifier.put(self.team.namespace, self.team.record)
        return verifier.check(self.team.namespace, self.value)


def _current() -> Case:
    team = Team()
    return Case(team, team.mint(START), START + HOUR, Reason.ACCEPTED_CURRENT)


def _pending() -> Case:
    team = Team()
    return Case(team, team.admit(START), START, Reason.ACCEPTED_PENDING)


def _pending_expired() -> Case:
    team = Team()
    return Case(team, team.admit(START), START + HOUR, Reason.PENDING_EXPIRED)


def _previous(after: timedelta = HOUR, reason: Reason = Reason.ACCEPTED_PREVIOUS) -> Case:
    team = Team()
    value = team.mint(START)
    team.mint(START + HOUR)
    team.close_grace(value, START + HOUR + GRACE)
    return Case(team, value, START + HOUR + after, reason)


def _expired() -> Case:
    team = Team()
    return Case(team, team.mint(START), START + LIFETIME, Reason.EXPIRED)


def _previous_that_expired() -> Case:
    team = Team()
    value = team.mint(START)
    rotated = START + LIFETIME - HOUR
    team.mint(rotated)
    team.close_grace(value, rotated + GRACE)
    return Case(team, value, START + LIFETIME, Reason.EXPIRED)


def _revoked() -> Case:
    team = Team()
    value = team.mint(START)
    team.revoke(value, START + HOUR)
    return Case(team, value, START + HOUR, Reason.REVOKED)


def _team_revoked() -> Case:
    team = Team()
    value = team.mint(START)
    team.record = changes.revoke_all(team.record, START + HOUR)
    return Case(team, value, START + HOUR, Reason.TEAM_REVOKED)


def _admission() -> Case:
    team = Team()
    value = team.mint(START, ADMISSION)
    return Case(team, value, START + HOUR, Reason.WRONG_TYPE)


def _copied() -> Case:
    other, team = Team("team-b"), Team()
    value = other.mint(START)
    team.record = Record(team.namespace, other.record.entries)
    return Case(team, value, START + HOUR, Reason.WRONG_NAMESPACE)


def _of_another_team() -> Case:
    team = Team()
    team.mint(START)
    return Case(team, Team("team-b").mint(START), START + HOUR, Reason.UNKNOWN)


def _presented(make: Callable[[str], object], reason: Reason = Reason.MALFORMED) -> Case:
    team = Team()
    return Case(team, make(team.mint(START)), START + HOUR, reason)


CASES: dict[str, Callable[[], Case]] = {
    "current": _current,
    "previous in its grace": _previous,
    "pending": _pending,
    "unknown": lambda: _presented(lambda _value: new_value(), Reason.UNKNOWN),
    "another team's": _of_another_team,
    "revoked": _revoked,
    "of a revoked team": _team_revoked,
    "expired": _expired,
    "previous after its grace": lambda: _previous(GRACE, Reason.GRACE_OVER),
    "previous, its own end before that of its grace": _previous_that_expired,
    "pending that nobody confirmed": _pending_expired,
    "admission": _admission,
    "in a copied record": _copied,
    "truncated": lambda: _presented(lambda value: value[:-1]),
    "with a line's end": lambda: _presented(lambda value: value + "\n"),
    "empty": lambda: _presented(lambda _value: ""),
    "huge": lambda: _presented(lambda value: value * 100_000),
    "bytes": lambda: _presented(str.encode),
    "nothing": lambda: _presented(lambda _value: None),
    "no unicode": lambda: _presented(lambda value: value[:-1] + "\ud800", Reason.UNKNOWN),
}
"""By what is presented."""
