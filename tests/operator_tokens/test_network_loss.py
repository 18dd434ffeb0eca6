"""Each call in turn is dropped or its answer lost: one token is left in the end, and none that nobody has."""

from __future__ import annotations

from contextlib import suppress

import pytest

from rotation.backends.transport import Request, Response
from rotation.clock import from_rfc3339
from rotation.errors import BackendError, Unavailable
from rotation.operator_tokens.published import PREVIOUS, TOKEN
from rotation.operator_tokens.record import State, hash_of
from rotation.testing.builders import DAY, SECOND
from tests.operator_tokens.team_world import BEFORE, HOUR, LIFE, OVERLAP, TEAM, TeamWorld
from tests.operator_tokens.trouble import Unlucky

DUE = LIFE - BEFORE
MANY = 10_000
TIMES = {1: "once", MANY: "from then on"}
KINDS = ["drop", "lose"]


def _calls_of_a_bootstrap() -> int:
    world = TeamWorld()
    counted = Unlucky(world.send, at=0, kind="drop", times=0)
    world.present(world.enter(), send=counted)
    return counted.calls


def _calls_of_a_rotation() -> int:
    world = TeamWorld()
    world.bootstrapped()
    world.clock.move(DUE)
    counted = Unlucky(world.send, at=0, kind="drop", times=0)
    world.run(counted)
    return counted.calls


BOOTSTRAP, ROTATION = range(1, _calls_of_a_bootstrap() + 1), range(1, _calls_of_a_rotation() + 1)


def test_there_are_calls_to_lose() -> None:
    """A bootstrap is 9 calls, its Event included; a run that rotates one token is 15."""
    assert (len(BOOTSTRAP), len(ROTATION)) == (9, 15)


@pytest.mark.parametrize("times", TIMES, ids=TIMES.values())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", BOOTSTRAP)
def test_a_bootstrap_ends_with_one_token(world: TeamWorld, at: int, kind: str, times: int) -> None:
    """Where it fails it fails typed, and the job's next attempt ends it: one token, in its Secret, let in."""
    admission = world.enter()
    with suppress(Unavailable):
        world.present(admission, send=Unlucky(world.send, at, kind, times))
        times = MANY
    assert times == MANY, "one lost call is made up for at once"
    world.present(admission)
    assert list(world.accepted()) == [hash_of(world.secret()[TOKEN])]
    assert world.unknown() == []
    assert world.team().bootstraps == 1


@pytest.mark.parametrize("times", TIMES, ids=TIMES.values())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", BOOTSTRAP)
def test_a_bootstrap_that_nobody_repeats_leaves_nothing_unknown(
    world: TeamWorld, at: int, kind: str, times: int
) -> None:
    """A minute later what is let in stands in the Secret, and nothing else is."""
    admission = world.enter()
    try:
        world.present(admission, send=Unlucky(world.send, at, kind, times))
    except BackendError:
        world.note()
        world._wait(60)
    assert world.unknown() == []


@pytest.mark.parametrize("times", TIMES, ids=TIMES.values())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", ROTATION)
def test_a_rotation_ends_with_one_token(world: TeamWorld, at: int, kind: str, times: int) -> None:
    """The token that consumers hold is let in throughout, and the next run ends what this one began."""
    world.bootstrapped()
    first = world.secret()[TOKEN]
    world.clock.move(DUE)
    keeper = world.keeper(Unlucky(world.send, at, kind, times))
    try:
        kept = keeper.keep(keeper.look())
        assert not kept.failures or times == MANY
    except BackendError:
        assert times == MANY
    world.note()
    assert world.lets_in(world.secret()[TOKEN])
    world.clock.move(HOUR)
    assert world.lets_in(world.secret()[TOKEN])
    world.run()
    secret = world.secret()
    assert secret[PREVIOUS] == first != secret[TOKEN]
    assert world.unknown() == []
    assert sorted(one.state for one in world.accepted().values()) == [State.ACTIVE, State.SUPERSEDED]
    assert world.team().rotations == 1
    world.clock.move(OVERLAP + DAY)
    world.run()
    assert list(world.accepted()) == [hash_of(world.secret()[TOKEN])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", range(1, 6))
def test_a_revocation_is_ended_by_the_same_command(world: TeamWorld, at: int, kind: str) -> None:
    """From any of its calls on nothing answers: repeated later it has revoked the team and emptied the Secret."""
    world.bootstrapped()
    with suppress(Unavailable):
        world.revocation(Unlucky(world.send, at, kind, MANY)).revoke_team(TEAM)
    world.revocation().revoke_team(TEAM)
    assert (world.accepted(), world.secret()) == ({}, {})


@pytest.mark.parametrize("at", ROTATION)
def test_what_was_written_is_not_written_again(world: TeamWorld, at: int) -> None:
    """Time goes by with each call: a lost answer to a write of the record costs a read, and no further write."""
    world.bootstrapped()
    world.clock.move(DUE)
    unlucky = Unlucky(world.send, at, "lose")

    def slowly(request: Request) -> Response:
        world.clock.move(SECOND)
        return unlucky(request)

    world.run(slowly)
    assert unlucky.written == 3
    assert from_rfc3339(world.annotations()["expires"]) in {one.valid_until for one in world.accepted().values()}
