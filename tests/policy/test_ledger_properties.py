"""The ledger in its surroundings, in any order of acts and failures: it loses nothing alive, and spares the current.

`Surroundings` is what a ledger works amid: a pair that names what is superseded, a backend that fails and lies, and
runs that end before they could store what they did.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rotation import lifecycle
from rotation.backends.protocol import Backend
from rotation.checks import LEDGER_LIMIT
from rotation.errors import Refused, Unavailable
from rotation.ledger import Ledger, Superseded
from rotation.testing.builders import DAY, START
from rotation.testing.strategies import ledgers

OVERLAP = 30 * DAY
ANSWERS = st.lists(st.sampled_from(["ends it", "ends it", "refuses", "loses the answer", "lies", "cannot tell"]))


class Unreliable:
    """A backend that does to each revocation what its list of answers says, and at the list's end what is right."""

    def __init__(self) -> None:
        self.alive: set[str] = set()
        self.verified: set[str] = set()
        self.answers: list[str] = []
        self._answer = ""

    def revoke(self, handle: str) -> None:
        self._answer = self.answers.pop() if self.answers else "ends it"
        if self._answer not in ("refuses", "lies"):
            self.alive.discard(handle)
        if self._answer in ("refuses", "loses the answer"):
            raise (Refused if self._answer == "refuses" else Unavailable)("revoke", "as drawn")

    def is_dead(self, handle: str) -> bool:
        if self._answer == "cannot tell":
            raise Unavailable("look up", "as drawn")
        if handle not in self.alive:
            self.verified.add(handle)
        return handle not in self.alive


@given(ledgers(), st.sampled_from("abcdefgh"), ANSWERS)
def test_the_current_generation_is_never_revoked(ledger: Ledger, current: str, answers: list[str]) -> None:
    """Even a ledger that names it, with a deadline long past, does not end it and counts no attempt."""
    backend = Unreliable()
    backend.alive, backend.answers = {entry.handle for entry in ledger.entries}, answers
    settled = lifecycle.retire(cast(Backend, backend), ledger, datetime.max.replace(tzinfo=UTC), [current])
    before = [entry for entry in ledger.entries if entry.generation == current]
    assert [entry for entry in settled.entries if entry.generation == current] == before
    assert {entry.handle for entry in before} <= backend.alive


class Surroundings(RuleBasedStateMachine):
    """One token: its pair, its ledger, the ledger of the sweep, and the backend."""

    @initialize()
    def begin(self) -> None:
        self.now = START
        self.backend = Unreliable()
        self.minted: list[str] = []
        self.seen: set[str] = set()
        self.current = self._mint()
        self.named: list[str] = []  # superseded, as the pair tells
        self.told_dead: list[str] = []  # as the receipt tells
        self.ledger, self.sweep = Ledger(), Ledger()

    def _mint(self) -> str:
        name = f"g{len(self.minted)}"
        self.minted.append(name)
        self.backend.alive.add(name)
        return name

    @rule(length=st.integers(1, 40))
    def time_passes(self, length: int) -> None:
        self.now += timedelta(days=length)

    @precondition(lambda self: len(self.named) < LEDGER_LIMIT)
    @rule()
    def rotate(self) -> None:
        """The policy lets none begin when so many wait."""
        self.named.append(self.current)
        self.current = self._mint()

    @rule()
    def mint_is_lost(self) -> None:
        """A run was killed after its mint: nobody but the backend knows."""
        if sum(name in self.backend.alive for name in self.minted) < 2 * LEDGER_LIMIT:
            self._mint()

    @rule(choice=st.integers(0, LEDGER_LIMIT))
    def roll_back(self, choice: int) -> None:
        """One that still works becomes current again."""
        working = [name for name in self.named if name in self.backend.alive]
        if working:
            back = working[choice % len(working)]
            self.named = [*(name for name in self.named if name != back), self.current]
            self.current = back

    @rule(answers=ANSWERS, emergency=st.booleans(), kept=st.booleans())
    def settle(self, answers: list[str], emergency: bool, kept: bool) -> None:
        """What a retirement does; when the run could not store it, only the backend knows what happened."""
        stored = json.loads(json.dumps(self.ledger.to_state()))
        superseded = [Superseded(name, name) for name in self.named]
        ledger = Ledger.from_state(stored).reinstate(self.current).admit(superseded, self.now, OVERLAP)
        ledger = ledger.expedite(self.now) if emergency else ledger
        ledger = self._retired(ledger, answers, self.current)
        if kept:
            self.told_dead = [entry.generation for entry in ledger.entries if entry.retired]
            self.ledger = ledger.forget(self.named)
            assert {entry.generation for entry in self.ledger.entries} <= set(self.named), (
                "not the current, nor the dead"
            )

    @rule()
    def pair_lets_go(self) -> None:
        """It forgets what the receipt tells to be dead."""
        self.named = [name for name in self.named if name not in self.told_dead]

    @rule(answers=ANSWERS, kept=st.booleans())
    def sweep_up(self, answers: list[str], kept: bool) -> None:
        """What a sweep does: it leaves to the token's own ledger what that answers for."""
        known = [self.current, *self.named, *(entry.generation for entry in self.ledger.entries)]
        ledger = Ledger.from_state(self.sweep.to_state()).without(known)
        entered = {*known, *(entry.generation for entry in ledger.entries)}
        orphans = [Superseded(name, name) for name in sorted(self.backend.alive - entered)]
        ledger = self._retired(ledger.admit(orphans, self.now, OVERLAP), answers).forget([])
        if kept:
            self.sweep = ledger

    def _retired(self, ledger: Ledger, answers: list[str], *keep: str) -> Ledger:
        self.backend.answers = list(answers)
        return lifecycle.retire(cast(Backend, self.backend), ledger, self.now, keep)

    @invariant()
    def no_id_is_lost(self) -> None:
        """What was named once stays named by somebody until its death was verified."""
        entered = {entry.generation for entry in (*self.ledger.waiting(), *self.sweep.waiting())}
        answered_for = {self.current, *self.named, *entered}
        self.seen |= answered_for  # all but the mints that no run has found yet
        assert self.seen - self.backend.verified <= answered_for

    @invariant()
    def the_current_one_lives(self) -> None:
        """No act of either ledger reaches it."""
        assert self.current in self.backend.alive

    @invariant()
    def it_is_bounded(self) -> None:
        """An id stands in it once, and there are never more than the policy lets wait."""
        names = [entry.generation for entry in self.ledger.entries]
        assert len(names) == len(set(names)) <= LEDGER_LIMIT

    @invariant()
    def no_deadline_is_beyond_an_overlap(self) -> None:
        """Whatever happened, each ends within an overlap from now."""
        assert all(entry.deadline <= self.now + OVERLAP for entry in (*self.ledger.waiting(), *self.sweep.waiting()))


TestTheLedgerInItsSurroundings = Surroundings.TestCase
TestTheLedgerInItsSurroundings.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
