"""The grace of the one before is really there: seven days from its successor's publication, however late that is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.clock import from_rfc3339
from rotation.operator_tokens.published import PREVIOUS, TOKEN
from rotation.operator_tokens.record import State, hash_of
from rotation.testing.builders import DAY, SECOND
from tests.operator_tokens.team_world import BEFORE, HOUR, LIFE, OVERLAP, TEAM, TeamWorld
from tests.operator_tokens.trouble import Cut, killed

DUE = LIFE - BEFORE


@pytest.mark.parametrize("late", [timedelta(0), DAY, 3 * DAY], ids=["in time", "a day late", "3 days late"])
def test_the_grace_is_whole_though_the_run_is_late(world: TeamWorld, late: timedelta) -> None:
    """Up to the tolerated outage: let in for seven days less a second, and then not, with no clean-up needed."""
    world.bootstrapped()
    first = world.secret()[TOKEN]
    world.clock.move(DUE + late)
    world.run()
    world.clock.move(OVERLAP - SECOND)
    assert world.lets_in(first)
    world.clock.move(SECOND)
    assert not world.lets_in(first)
    assert world.lets_in(world.secret()[TOKEN])


def test_no_grace_outlives_the_token_itself(world: TeamWorld) -> None:
    """Beyond the tolerated outage the grace ends with the life that was promised; the annotation says the same."""
    world.bootstrapped()
    first, end = world.secret()[TOKEN], world.clock() + LIFE
    world.clock.move(LIFE - DAY)
    world.run()
    assert world.accepted()[hash_of(first)].ends_at == end
    assert from_rfc3339(world.annotations()["previous-valid-until"]) == end


def test_it_counts_from_the_publication(world: TeamWorld) -> None:
    """Killed between publication and settlement: the grace that is settled an hour later began at the publication."""
    world.bootstrapped()
    world.clock.move(DUE)
    with killed():
        world.run(Cut(world.send, 4, arrives=True))
    published = world.clock()
    world.clock.move(HOUR)
    world.run()
    before = world.accepted()[hash_of(world.secret()[PREVIOUS])]
    assert before.grace_until == published + OVERLAP


def test_it_does_not_run_before_the_publication(world: TeamWorld) -> None:
    """Killed between confirmation and publication: the whole grace follows when the publication is made up for."""
    world.bootstrapped()
    world.clock.move(DUE)
    with killed():
        world.run(Cut(world.send, 3, arrives=True))
    world.clock.move(2 * DAY)
    world.run()
    before = world.accepted()[hash_of(world.secret()[PREVIOUS])]
    assert before.grace_until == world.clock() + OVERLAP


@pytest.mark.parametrize("told", ["9999-01-01T00:00:00Z", "soon", ""])
def test_a_team_cannot_stretch_it(world: TeamWorld, told: str) -> None:
    """The Secret is in the team's hands: what is written there never gives more than an overlap from now."""
    world.bootstrapped()
    world.clock.move(DUE)
    with killed():
        world.run(Cut(world.send, 4, arrives=True))
    world.note()
    world.put_secret(world.secret(), annotations={"token-rotation/previous-valid-until": told})
    world.run()
    before = world.accepted()[hash_of(world.secret()[PREVIOUS])]
    assert before.grace_until == world.clock() + OVERLAP


def test_after_a_forced_rotation_only_one_is_published_and_all_have_their_grace(world: TeamWorld) -> None:
    """Two rotations within one overlap: three are let in, each until the end that was told, and no longer."""
    world.bootstrapped()
    first = world.secret()[TOKEN]
    world.clock.move(DUE)
    world.run()
    second = world.secret()
    world.clock.move(DAY)
    world.put_secret({TOKEN: first})  # an older copy: the keeper makes another one
    world.run()
    ends = {hashed: one.ends_at for hashed, one in world.accepted().items() if one.state is State.SUPERSEDED}
    assert ends == {
        hash_of(first): world.clock() - DAY + OVERLAP,
        hash_of(second[TOKEN]): world.clock() + OVERLAP,
    }
    world.clock.move(OVERLAP)
    assert len(world.accepted(TEAM)) == 1
