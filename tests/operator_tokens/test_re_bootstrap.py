"""A team that deleted its Secret presents its admission token again; what its workloads still hold has its grace."""

from __future__ import annotations

import pytest

from rotation.checks import LEDGER_LIMIT
from rotation.operator_tokens.admission import AdmissionRefused, Refusal
from rotation.operator_tokens.published import PREVIOUS, TOKEN
from rotation.operator_tokens.record import State, Status, hash_of
from rotation.testing.builders import DAY, SECOND
from tests.operator_tokens.team_world import BEFORE, HOUR, LIFE, OVERLAP, TEAM, TeamWorld
from tests.operator_tokens.trouble import Cut, killed

DUE = LIFE - BEFORE


def test_a_deleted_secret_is_made_anew(world: TeamWorld) -> None:
    """With another value; the one before is let in for an overlap from now, and not published: nobody has it."""
    admission = world.bootstrapped()
    first = world.secret()[TOKEN]
    world.clock.move(10 * DAY)
    world.delete_secret()
    outcome = world.present(admission)
    second = world.secret()
    assert (outcome.minted, outcome.state.status, set(second)) == (True, Status.GRACE, {TOKEN})
    assert second[TOKEN] != first
    assert world.accepted()[hash_of(first)].grace_until == world.clock() + OVERLAP
    world.clock.move(OVERLAP - SECOND)
    assert world.lets_in(first)
    world.clock.move(SECOND)
    assert not world.lets_in(first)
    assert world.lets_in(second[TOKEN])
    assert world.team().bootstraps == 2


def test_it_comes_to_rest(world: TeamWorld) -> None:
    """The runs after it end the grace and rotate in time, as after any rotation."""
    admission = world.bootstrapped()
    world.delete_secret()
    world.run()
    assert world.team().reason == "SecretMissing"
    world.present(admission)
    assert world.due() == {}
    world.clock.move(OVERLAP)
    world.run()
    assert (world.team().status, len(world.accepted())) == (Status.AUTHORIZED, 1)
    world.clock.move(DUE - OVERLAP)
    world.run()
    assert (set(world.secret()), world.team().rotations) == ({TOKEN, PREVIOUS}, 1)


def test_an_emptied_secret_counts_as_deleted(world: TeamWorld) -> None:
    """There is no token in it to use."""
    admission = world.bootstrapped()
    world.put_secret({})
    assert world.present(admission).minted
    assert world.lets_in(world.secret()[TOKEN])


def test_a_secret_with_a_dead_token_counts_as_deleted(world: TeamWorld) -> None:
    """An old copy that somebody restored holds what is known to be dead."""
    admission = world.bootstrapped()
    older = world.secret()
    world.clock.move(DUE)
    world.run()
    world.clock.move(OVERLAP)
    world.run()
    world.note()
    world.put_secret(older)
    assert world.present(admission).minted
    assert world.lets_in(world.secret()[TOKEN])


def test_a_secret_with_a_strangers_value_does_not(world: TeamWorld) -> None:
    """Nothing is made over what somebody put there; the state says what is the matter, and deleting it helps."""
    admission = world.bootstrapped()
    world.put_secret({TOKEN: "by hand"})
    outcome = world.present(admission)
    assert (outcome.minted, outcome.state.status, outcome.state.reason) == (False, Status.DEGRADED, "SecretDiffers")
    assert world.secret() == {TOKEN: "by hand"}
    world.delete_secret()
    assert world.present(admission).minted


def test_an_expired_operational_token_is_made_anew(world: TeamWorld) -> None:
    """Where runs failed for longer than the outage that is tolerated: there is no accepted entry any more."""
    admission = world.bootstrapped()
    first = world.secret()[TOKEN]
    world.clock.move(LIFE)
    assert world.accepted() == {}
    assert world.present(admission).minted
    assert world.secret()[TOKEN] != first
    assert len(world.accepted()) == 1


CUTS = {1: "claimed", 2: "published", 3: "confirmed"}


@pytest.mark.parametrize("by", ["a presentation", "a run"])
@pytest.mark.parametrize("arrives", [True, False], ids=["written", "not written"])
@pytest.mark.parametrize("at", CUTS, ids=CUTS.values())
def test_one_that_was_killed_is_made_up_for(world: TeamWorld, at: int, arrives: bool, by: str) -> None:
    """Around each write, with a run between or not: one current token in the end, nothing unknown but in its grace."""
    admission = world.bootstrapped()
    first = world.secret()[TOKEN]
    world.delete_secret()
    with killed():
        world.present(admission, send=Cut(world.send, at, arrives))
    if by == "a run":
        world.clock.move(HOUR)
        world.run()
    world.present(admission)
    current = [one for one in world.accepted().values() if one.state is State.ACTIVE]
    assert len(current) == 1
    assert world.lets_in(world.secret()[TOKEN])
    world.run()
    world.clock.move(OVERLAP)
    assert (list(world.accepted()), world.unknown()) == ([hash_of(world.secret()[TOKEN])], [])
    assert first not in world.secret().values()


def test_a_rotation_whose_secret_was_deleted_is_no_dead_end(world: TeamWorld) -> None:
    """Deleted after the successor was confirmed: the next presentation makes another, and all have their grace."""
    admission = world.bootstrapped()
    world.clock.move(DUE)
    with killed():
        world.run(Cut(world.send, 3, arrives=True))
    world.note()
    world.delete_secret()
    assert world.present(admission).minted
    ends = {one.ends_at for one in world.accepted(TEAM).values() if one.state is State.SUPERSEDED}
    assert ends == {world.clock() + OVERLAP}
    assert world.due() == {}


def test_a_secret_that_is_deleted_over_and_over_is_refused_in_the_end(world: TeamWorld) -> None:
    """Sixteen tokens may be let in at once, and no more: the text says until when, and a grace that ends makes room."""
    admission = world.bootstrapped()
    for _ in range(LEDGER_LIMIT - 1):
        world.clock.move(HOUR)
        world.delete_secret()
        assert world.present(admission).minted
    world.note()
    world.delete_secret()
    with pytest.raises(AdmissionRefused, match="16 operational tokens of team-a are still let in") as raised:
        world.present(admission)
    assert raised.value.reason is Refusal.TOO_MANY
    assert len(world.accepted()) == LEDGER_LIMIT
    world.clock.move(OVERLAP)
    assert world.present(admission).minted
