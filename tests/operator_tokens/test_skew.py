"""A writer whose clock is off by more than five minutes makes nothing; with one off by less all promises hold."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.errors import ClockSkew
from rotation.operator_tokens.published import PREVIOUS, TOKEN
from rotation.testing.builders import DAY
from tests.operator_tokens.team_world import BEFORE, LIFE, MINUTE, OVERLAP, TEAM, Teams, TeamWorld
from tests.operator_tokens.trouble import WRITES

DUE = LIFE - BEFORE
FAR = [-10 * MINUTE, 10 * MINUTE, -timedelta(minutes=5, seconds=2), timedelta(minutes=5, seconds=2)]
NEAR = [-4 * MINUTE, 4 * MINUTE]


def _writes(world: TeamWorld) -> int:
    return sum(number for (method, _template), number in world.server.calls.items() if method in WRITES)


@pytest.mark.parametrize("off", FAR, ids=str)
def test_far_off_nothing_is_bootstrapped(world: TeamWorld, off: timedelta) -> None:
    """Refused before anything is written, with what to do."""
    admission, before = world.enter(), _writes(world)
    with pytest.raises(ClockSkew, match="NTP"):
        world.present(admission, clock=world.by_a_clock(off))
    assert (_writes(world), world.accepted(), world.secret()) == (before, {}, {})


@pytest.mark.parametrize("off", FAR, ids=str)
def test_far_off_nothing_is_rotated(world: TeamWorld, off: timedelta) -> None:
    """Neither the look nor the run goes by such a clock; nothing is retired either."""
    world.bootstrapped()
    world.clock.move(DUE)
    dues, before, keeper = world.keeper().look(), _writes(world), world.keeper(clock=world.by_a_clock(off))
    with pytest.raises(ClockSkew):
        keeper.look()
    kept = keeper.keep(dues)
    assert isinstance(kept.failures[TEAM], ClockSkew)
    assert (_writes(world), kept.done) == (before, {})


@pytest.mark.parametrize("off", FAR, ids=str)
def test_far_off_nothing_is_revoked(world: TeamWorld, off: timedelta) -> None:
    """An instant that is wrong must not stand in a record."""
    world.bootstrapped()
    clock = world.by_a_clock(off)
    with pytest.raises(ClockSkew):
        Teams.revocation(Skewed(world, clock)).revoke_team(TEAM)
    assert world.lets_in(world.secret()[TOKEN])


class Skewed(Teams):
    """The same cluster, by another clock."""

    def __init__(self, world: TeamWorld, clock: object) -> None:
        assert callable(clock)
        super().__init__(world.send, clock, world.place, world.sleep, world.values)


@pytest.mark.parametrize("off", NEAR, ids=str)
def test_a_little_off_everything_goes_on(world: TeamWorld, off: timedelta) -> None:
    """Bootstrap, rotation and clean-up end as ever, and a grace is short or long by that much at most."""
    clock = world.by_a_clock(off)
    admission = world.enter()
    assert world.present(admission, clock=clock).minted
    first = world.secret()[TOKEN]
    world.clock.move(DUE)
    world.run(clock=clock)
    assert world.secret()[PREVIOUS] == first
    ends = [one.ends_at for one in world.accepted().values() if one.grace_until]
    assert ends == [world.clock() + off + OVERLAP]
    assert world.unknown() == []
    world.clock.move(OVERLAP + 5 * MINUTE)
    world.run(clock=clock)
    assert world.secret().keys() == {TOKEN}


def test_two_whose_clocks_differ_keep_one_token(world: TeamWorld) -> None:
    """One is four minutes ahead and one behind: rotated by turns for two years, no outage and nothing unknown."""
    world.bootstrapped()
    for turn in range(18):
        world.clock.move(40 * DAY)
        for off in (NEAR, NEAR[::-1])[turn % 2]:
            world.run(clock=world.by_a_clock(off))
            assert world.lets_in(world.secret()[TOKEN])
            assert world.unknown() == []
    assert world.team().rotations == 9
