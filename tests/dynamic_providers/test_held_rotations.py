"""Rotations that are held: while a token is paused, and while as many as may begin in one run have begun."""

from __future__ import annotations

import pytest

from dynamic_providers.verbs import VerbError
from rotation.reasons import Reason
from rotation.turns import drawn
from tests.dynamic_providers.line import POLICY, Declared, Line
from tests.dynamic_providers.world import World

TOKENS = ("one", "two", "three", "four", "five")


def test_a_paused_token_is_not_minted(line: Line, world: World) -> None:
    """Due, forced, or in an emergency: nothing is minted while it is paused; then it is done at once."""
    line.run()
    line.declared[0].paused = True
    world.later(days=60)
    for nonce in ("force", "emergency"):
        line.run()
        assert (line.reasons(), world.mints()) == ([Reason.PAUSED], 1)
        setattr(line.declared[0], nonce, "now")
    line.declared[0].paused = False
    line.run()
    assert world.mints() == 2


def test_a_paused_token_says_nothing_before_it_is_due(line: Line) -> None:
    """Nothing would be minted, so there is nothing to say and nothing to do."""
    line.run()
    line.declared[0].paused = True
    line.run()
    line.run()
    assert (line.steps, line.said) == ([], [])


def test_retirement_goes_on_while_paused(line: Line, world: World) -> None:
    """A superseded generation ends when its overlap is over, paused or not."""
    line.run()
    world.later(days=60)
    line.run()
    line.declared[0].paused = True
    world.later(days=30)
    line.run()
    assert world.alive() == [line.generation]


def test_a_pause_stands_in_the_receipt_once_it_holds_something(line: Line, world: World) -> None:
    """Alerts can tell from the receipt that a due token is paused, and no longer when it rotated."""
    line.run()
    line.declared[0].paused = True
    world.later(days=60)
    line.run()
    assert "Paused" in world.cluster.receipt("admin").conditions
    line.declared[0].paused = False
    line.run()
    assert world.cluster.receipt("admin").conditions == ()


def test_a_new_token_that_is_paused_is_refused(world: World) -> None:
    """It has nothing to go on with: the message says what to do, and nothing is minted."""
    line = Line(world, Declared(paused=True))
    with pytest.raises(VerbError, match=r"begin admin at authentik: .*paused.*Set `paused: false`"):
        line.run()
    assert world.mints() == 0


def _due_line(world: World, limit: int) -> Line:
    policy = {**POLICY, "rotate_before": "50d"}  # seven days of slack, beyond the overlap and the outage
    line = Line(world, *(Declared(name=name, policy=policy, places=(f"apps/{name}",)) for name in TOKENS))
    line.run()
    line.rotation_limit = limit
    world.later(days=50)
    return line


def test_at_most_so_many_rotations_begin_in_one_run(world: World) -> None:
    """Five are due and two may begin: two, two, and one, day by day; the others say that they wait."""
    line = _due_line(world, 2)
    begun = []
    for _ in range(3):
        before = world.mints()
        line.run()
        begun.append(world.mints() - before)
        world.later(days=1)
    assert begun == [2, 2, 1]


def test_those_that_wait_say_so(world: World) -> None:
    """The reason is RotationLimit, in the dry run and in the run alike, and for the same tokens."""
    line = _due_line(world, 2)
    line.run(preview=True)
    shown = sorted(text for text in line.said if "RotationLimit" in text)
    line.run()
    assert sorted(text for text in line.said if "RotationLimit" in text) == shown
    assert len(shown) == 3


def test_nobody_waits_past_the_deadline(world: World) -> None:
    """At the end less overlap and tolerated outage all rotate, whatever the limit is."""
    line = _due_line(world, 1)
    world.later(days=17)
    line.run()
    assert world.mints() == 10


def test_an_operator_does_not_wait_for_a_turn(world: World) -> None:
    """A force nonce is obeyed at once: the limit is for scheduled rotations."""
    line = _due_line(world, 1)
    for declared in line.declared:
        declared.force = "now"
    line.run()
    assert world.mints() == 10


def test_the_lot_is_fair_over_days(world: World) -> None:
    """A token that cannot use its turn does not keep it: over a month everybody is drawn, at most `limit` a day."""
    days = [world.clock().replace(day=day) for day in range(1, 31)]
    lots = [drawn(TOKENS, 2, day) for day in days]
    assert all(len(lot) == 2 for lot in lots)
    assert frozenset().union(*lots) == frozenset(TOKENS)
    assert drawn(TOKENS, 2, days[0]) == drawn(reversed(TOKENS), 2, days[0])
