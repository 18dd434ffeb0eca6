"""Verifiers whose clocks are wrong: ten minutes ahead, ten minutes behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.operator_tokens import changes
from rotation.testing.builders import SECOND, START, HandClock
from rotation.verify import Reason, Verifier
from tests.verify.teams import GRACE, HOUR, LIFETIME, Team

SKEW = timedelta(minutes=10)
SKEWS = pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["ahead", "behind"])


class Skewed:
    """A team, the true time, and a verifier that is off by a skew."""

    def __init__(self, skew: timedelta) -> None:
        self.true = HandClock()
        self.team = Team()
        self.verifier = Verifier(lambda: self.true() + skew)

    def accepts(self, value: str) -> bool:
        """Whether it is let in now, by what the record says now."""
        self.verifier.put(self.team.namespace, self.team.record)
        return bool(self.verifier.check(self.team.namespace, value))


@SKEWS
def test_a_fresh_token_is_accepted(skew: timedelta) -> None:
    """A token that was confirmed this second authorises, even if a clock that is behind sees it as future."""
    world = Skewed(skew)
    assert world.accepts(world.team.mint(START))


@SKEWS
@pytest.mark.parametrize("left", [SKEW + SECOND, HOUR, LIFETIME])
def test_what_is_valid_for_longer_than_the_skew_is_accepted(skew: timedelta, left: timedelta) -> None:
    """A current one, and a previous one in its grace."""
    world = Skewed(skew)
    previous, current = world.team.mint(START), world.team.mint(START)
    world.team.close_grace(previous, START + GRACE)
    world.true.now = START + LIFETIME - left
    assert world.accepts(current)
    world.true.now = START + GRACE - left
    assert world.accepts(previous)


@SKEWS
def test_nothing_is_accepted_for_longer_than_the_skew_after_its_end(skew: timedelta) -> None:
    """Ends of tokens, of graces and of mints that nobody confirmed."""
    world = Skewed(skew)
    previous, current = world.team.mint(START), world.team.mint(START)
    world.team.close_grace(previous, START + GRACE)
    pending = world.team.admit(START)
    ends = {previous: START + GRACE, current: START + LIFETIME, pending: changes.lease_end(START, LIFETIME)}
    for value, end in ends.items():
        world.true.now = end + SKEW
        assert not world.accepts(value)


@SKEWS
def test_a_grace_is_short_by_the_skew_at_most(skew: timedelta) -> None:
    """The last moment of a grace, as this verifier sees it, is the true one moved by the skew and no more."""
    world = Skewed(skew)
    previous = world.team.mint(START)
    world.team.mint(START)
    world.team.close_grace(previous, START + GRACE)
    world.true.now = START + GRACE - skew - SECOND
    assert world.accepts(previous)
    world.true.now = START + GRACE - skew
    assert not world.accepts(previous)


@SKEWS
def test_a_revocation_holds_whatever_the_clock_says(skew: timedelta) -> None:
    """One that a clock behind has yet to come to is refused as well, of a token and of a team."""
    world = Skewed(skew)
    value, other = world.team.mint(START), Team("team-b")
    world.team.revoke(value, START)
    assert not world.accepts(value)
    remaining = other.mint(START)
    other.record = changes.revoke_all(other.record, START)
    world.verifier.put(other.namespace, other.record)
    assert world.verifier.check(other.namespace, remaining).reason is Reason.TEAM_REVOKED


def test_a_mint_is_refused_early_until_it_is_confirmed() -> None:
    """The exception that the guarantee names: ten minutes ahead, the lease seems over; confirmed, it is let in."""
    world = Skewed(SKEW)
    value = world.team.admit(START)
    assert not world.accepts(value)
    world.team.record = changes.confirm(world.team.record, world.team.generation(value), START, LIFETIME)
    assert world.accepts(value)
