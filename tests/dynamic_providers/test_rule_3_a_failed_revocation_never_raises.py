from __future__ import annotations

import pytest

from dynamic_providers.verbs import VerbError
from rotation.errors import ClusterError
from rotation.reasons import Reason
from tests.dynamic_providers.line import Line
from tests.dynamic_providers.world import World


def _overdue(line: Line, world: World) -> str:
    """Let a superseded generation come to its deadline while the backend refuses deletions; return it."""
    line.run()
    first = line.generation
    world.later(days=60)
    line.run()
    world.faults.refuse(500, method="DELETE", times=1000)
    world.later(days=30)
    return first


def test_it_is_kept_with_its_error_and_tried_again(line: Line, world: World) -> None:
    """Each run tries, counts and says it; when the backend heals, it is dead and forgotten."""
    first = _overdue(line, world)
    for attempts in (1, 2, 3):
        line.run()
        [waiting] = world.cluster.receipt("admin").superseded
        assert (waiting.generation, waiting.attempts, "HTTP 500" in waiting.error) == (first, attempts, True)
        assert Reason.REVOCATION_FAILED in line.reasons()
        assert line.outputs("retirement")["failed"] == [f"{first}: {waiting.error}"]
        world.later(hours=1)
    world.faults.clear()
    line.run()
    assert (world.alive(), world.cluster.receipt("admin").superseded) == ([line.generation], ())
    line.run()
    assert (line.outputs("retirement")["entries"], line.outputs("retirement")["failed"]) == ([], [])


def test_it_outlasts_rotations(line: Line, world: World) -> None:
    """Three rotations later every generation that could not be ended is still in the ledger; healed, all end."""
    _overdue(line, world)
    generations = world.alive()
    for _ in range(3):
        world.later(days=60)
        line.run()
        generations = [*generations, line.generation]
    assert world.alive() == generations
    waiting = world.cluster.receipt("admin").superseded
    assert [item.generation for item in waiting] == generations[:-1]
    world.faults.clear()
    world.later(days=30)
    line.run()
    assert world.alive() == [line.generation]


def test_an_accepted_revocation_is_verified(line: Line, world: World) -> None:
    """A backend that says yes and does nothing is not believed."""
    first = _overdue(line, world)
    world.faults.clear()
    world.faults.refuse(204, method="DELETE", times=1)
    line.run()
    [waiting] = world.cluster.receipt("admin").superseded
    assert (waiting.generation, "still there" in waiting.error) == (first, True)
    line.run()
    assert world.alive() == [line.generation]


def test_a_lost_answer_to_a_revocation_is_no_death(line: Line, world: World) -> None:
    """When it cannot be verified, it is not forgotten; the next run finds it dead."""
    first = _overdue(line, world)
    world.faults.clear()
    world.faults.drop(method="GET", path=f"/api/v3/core/tokens/{first}", times=4)
    line.run()
    assert [item.generation for item in world.cluster.receipt("admin").superseded] == [first]
    line.run()
    assert world.cluster.receipt("admin").retired == (first,)


def test_a_receipt_that_cannot_be_written_loses_nothing(line: Line, world: World) -> None:
    """The ledger is built again from the pair: what was revoked is dead, what was not is still there."""
    first = _overdue(line, world)
    world.faults.clear()
    world.cluster.fail = {"write": ClusterError}
    with pytest.raises(VerbError, match="ClusterError"):
        line.run()
    world.cluster.heal()
    line.run()
    assert (world.cluster.receipt("admin").retired, world.alive()) == ((first,), [line.generation])
