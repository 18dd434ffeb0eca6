"""Whatever happens in whatever order, with processes that are killed at any write: the promises that always hold."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rotation.checks import LEDGER_LIMIT
from rotation.errors import Refused
from rotation.operator_tokens.changes import REMEMBERED
from rotation.operator_tokens.published import TOKEN
from rotation.operator_tokens.record import State, Status, hash_of
from rotation.operator_tokens.standing import kept
from rotation.testing.builders import DAY
from tests.operator_tokens.team_world import TEAM, TeamWorld
from tests.operator_tokens.trouble import Cut, KilledError

MOMENT = timedelta(minutes=2)  # longer than any claim


class TeamMachine(RuleBasedStateMachine):
    """One team. `served`: its workloads can read a token that must be let in, until somebody takes it from them."""

    def __init__(self) -> None:
        super().__init__()
        self.world = TeamWorld()
        self.admission = self.world.enter(life=4000 * DAY)
        self.served = False

    @rule()
    def present(self) -> None:
        with suppress(Refused):
            self.world.present(self.admission)
            self.served = True

    @rule(at=st.integers(1, 4), arrives=st.booleans())
    def present_and_be_killed(self, at: int, arrives: bool) -> None:
        with suppress(Refused, KilledError):
            self.world.present(self.admission, send=Cut(self.world.send, at, arrives))
            self.served = True

    @rule(length=st.integers(1, 24))
    def run_after_hours(self, length: int) -> None:
        self.world.clock.move(timedelta(hours=length))
        self.world.run()

    @rule(days=st.sampled_from([7, 30, 70]))
    def run_each_day(self, days: int) -> None:
        for _ in range(days):
            self.world.clock.move(DAY)
            if self.world.due():
                self.world.run()

    @rule(at=st.integers(1, 6), arrives=st.booleans())
    def run_and_be_killed(self, at: int, arrives: bool) -> None:
        with suppress(KilledError):
            self.world.run(Cut(self.world.send, at, arrives))
        self.world.clock.move(MOMENT)

    @precondition(lambda self: self.world.secret())
    @rule()
    def delete_the_secret(self) -> None:
        self.world.note()
        self.world.delete_secret()
        self.served = False

    @rule()
    def revoke(self) -> None:
        self.world.note()
        self.world.revocation().revoke_team(TEAM)
        self.served = False
        assert self.world.accepted() == {}
        left = {hash_of(value) for value in self.world.secret().values()}
        assert not left & self.world.record().entries.keys()

    @precondition(lambda self: self.world.team().revoked_at is not None)
    @rule()
    def restore(self) -> None:
        self.world.revocation().restore_team(TEAM)
        self.admission = self.world.enter(life=4000 * DAY)

    @invariant()
    def what_workloads_read_is_let_in(self) -> None:
        if self.served:
            assert self.world.lets_in(self.world.secret()[TOKEN])

    @invariant()
    def at_most_one_is_current(self) -> None:
        states = [one.state for one in self.world.accepted().values()]
        assert states.count(State.ACTIVE) <= 1

    @invariant()
    def what_is_current_is_published(self) -> None:
        current = [hashed for hashed, one in self.world.accepted().items() if one.state is State.ACTIVE]
        if self.served and current:
            assert current[0] in {hash_of(value) for value in self.world.secret().values()}

    @invariant()
    def a_revoked_team_has_nothing(self) -> None:
        if self.world.team().revoked_at is not None:
            assert self.world.accepted() == {}
            assert self.world.team().status is Status.REVOKED

    @invariant()
    def the_record_stays_small(self) -> None:
        assert len(kept(self.world.record())) <= LEDGER_LIMIT + REMEMBERED + 1

    def teardown(self) -> None:
        """It comes to rest, and no value was told."""
        for _ in range(3):
            self.world.clock.move(MOMENT)
            self.world.run()
        self.world.assert_nothing_is_revealed()


TeamMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestAnyOrder = TeamMachine.TestCase
