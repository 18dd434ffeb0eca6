"""The hourly clean-up: what is past its grace leaves the Secret, and stands as revoked in the record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.operator_tokens.plan import Step
from rotation.operator_tokens.published import PREVIOUS, TOKEN
from rotation.operator_tokens.record import State, Status, hash_of
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, SECOND
from tests.operator_tokens.team_world import BEFORE, HOUR, LIFE, OVERLAP, TEAM, TeamWorld
from tests.operator_tokens.trouble import Cut, killed

DUE = LIFE - BEFORE


@pytest.fixture
def rotated(world: TeamWorld) -> TeamWorld:
    """A team whose token was just rotated."""
    world.bootstrapped()
    world.clock.move(DUE)
    world.run()
    return world


def test_nothing_is_cleaned_up_within_the_grace(rotated: TeamWorld) -> None:
    """A second before its end nothing is due."""
    rotated.clock.move(OVERLAP - SECOND)
    assert rotated.due() == {}
    assert rotated.run().done == {}


def test_after_the_grace_the_previous_leaves(rotated: TeamWorld) -> None:
    """From the Secret with its annotations, and revoked in the record; the status is Authorized again, told once."""
    previous = rotated.secret()[PREVIOUS]
    rotated.clock.move(OVERLAP)
    due = rotated.due()[TEAM]
    assert (due.decision.action, due.decision.reason, due.step) == (Action.RETIRE, Reason.GRACE_OVER, Step.UNPUBLISH)
    rotated.run()
    assert rotated.secret().keys() == {TOKEN}
    assert rotated.annotations().keys() == {"generation", "created", "expires"}
    assert rotated.record().entries[hash_of(previous)].state is State.REVOKED
    assert (rotated.team().status, rotated.team().reason) == (Status.AUTHORIZED, "Accepted")
    assert rotated.told() == ["Accepted", "Rotated", "Accepted"]
    assert rotated.due() == {}


def test_a_clean_up_that_is_late_lets_nothing_live_longer(rotated: TeamWorld) -> None:
    """The record ends it, not the run: days later it is dead and still published, and then gone."""
    previous = rotated.secret()[PREVIOUS]
    rotated.clock.move(OVERLAP + 2 * DAY)
    assert not rotated.lets_in(previous)
    assert rotated.secret()[PREVIOUS] == previous
    rotated.run()
    assert PREVIOUS not in rotated.secret()


@pytest.mark.parametrize("arrives", [True, False], ids=["written", "not written"])
@pytest.mark.parametrize("at", [1, 2], ids=["unpublished", "retired"])
def test_a_clean_up_that_was_killed_is_ended_by_the_next_run(rotated: TeamWorld, at: int, arrives: bool) -> None:
    """Around each of its two writes; the current token is never touched."""
    current = rotated.secret()[TOKEN]
    rotated.clock.move(OVERLAP)
    with killed():
        rotated.run(Cut(rotated.send, at, arrives))
    rotated.clock.move(HOUR)
    rotated.run()
    assert rotated.secret() == {TOKEN: current}
    assert rotated.lets_in(current)
    assert rotated.due() == {}
    assert {one.state for one in rotated.record().of_type("operational").values()} == {State.ACTIVE, State.REVOKED}


def test_an_expired_claim_is_dropped(world: TeamWorld) -> None:
    """A pending entry whose lease is over stands as revoked after the next run, and is told as what it is."""
    world.bootstrapped()
    world.clock.move(DUE)
    with killed():
        world.run(Cut(world.send, 1, arrives=True))
    world.clock.move(timedelta(minutes=1))
    due = world.due(minting=False)[TEAM]
    assert (due.step, due.decision.reason) == (Step.RETIRE, Reason.GRACE_OVER)
    world.run(minting=False)
    states = sorted(one.state for one in world.record().of_type("operational").values())
    assert states == [State.ACTIVE, State.REVOKED]


def test_the_dead_are_forgotten_in_time(world: TeamWorld) -> None:
    """Months after its end an entry leaves the record with the next write."""
    world.bootstrapped()
    hashed = hash_of(world.secret()[TOKEN])
    for _ in range(2):
        world.clock.move(DUE)
        world.run()
        world.clock.move(OVERLAP)
        world.run()
    assert hashed not in world.record().entries
