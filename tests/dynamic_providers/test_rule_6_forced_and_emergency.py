from __future__ import annotations

import pytest

from rotation.errors import ClusterError
from rotation.reasons import Reason
from tests.dynamic_providers.line import Line
from tests.dynamic_providers.world import World


@pytest.fixture
def overlapping(line: Line, world: World) -> Line:
    """Ten days into an overlap: one superseded generation with 20 days to go."""
    line.run()
    world.later(days=60)
    line.run()
    world.later(days=10)
    return line


def test_a_forced_rotation_keeps_earlier_deadlines(overlapping: Line, world: World) -> None:
    """The one in its overlap keeps its deadline, the one just superseded is given its own."""
    [before] = world.cluster.receipt("admin").superseded
    overlapping.declared[0].force = "please"
    overlapping.run()
    first, second = world.cluster.receipt("admin").superseded
    assert (first, (second.deadline - world.clock()).days) == (before, 30)
    assert overlapping.outputs("token")["reason"] == Reason.FORCED_BY_OPERATOR
    world.later(days=20)
    overlapping.run()
    assert len(world.alive()) == 2


def test_a_nonce_is_used_once(overlapping: Line, world: World) -> None:
    """The same nonce in a later run, and its removal, rotate nothing."""
    for nonce in ("please", "please", ""):
        overlapping.declared[0].force = nonce
        overlapping.run()
    assert world.mints() == 3


def test_an_emergency_ends_every_earlier_generation_in_its_run(overlapping: Line, world: World) -> None:
    """Both superseded generations are dead after the run, and no previous value is published."""
    overlapping.declared[0].emergency = "leak"
    overlapping.run()
    assert world.alive() == [overlapping.generation]
    published = world.cluster.secrets["apps/admin"]
    assert (world.server.accepts(published["token"]), "token-previous" in published) == (True, False)


def test_an_emergency_waits_for_the_publication(overlapping: Line, world: World) -> None:
    """While the target is broken, what is published keeps working; the run that heals it ends the others."""
    value = world.cluster.secrets["apps/admin"]["token"]
    world.cluster.fail = {"publish": ClusterError}
    overlapping.declared[0].emergency = "leak"
    for _ in range(2):
        with pytest.raises(ClusterError):
            overlapping.run()
        assert (world.server.accepts(value), world.mints()) == (True, 3)
    world.cluster.heal()
    overlapping.run()
    assert world.alive() == [overlapping.generation]


def test_an_emergency_leaves_the_overlap_of_the_next_rotation(overlapping: Line, world: World) -> None:
    """It is a nonce, not a policy: the next scheduled rotation overlaps as ever."""
    overlapping.declared[0].emergency = "leak"
    overlapping.run()
    value = world.cluster.secrets["apps/admin"]["token"]
    world.later(days=60)
    overlapping.run()
    world.later(days=29)
    overlapping.run()
    assert world.server.accepts(value)


def test_a_failed_revocation_in_an_emergency_is_tried_again(overlapping: Line, world: World) -> None:
    """It stays in the ledger with a deadline that has passed, and the next run ends it."""
    world.faults.refuse(500, method="DELETE", times=1000)
    overlapping.declared[0].emergency = "leak"
    overlapping.run()
    waiting = world.cluster.receipt("admin").superseded
    assert (len(waiting), all(item.deadline <= world.clock() for item in waiting)) == (2, True)
    world.faults.clear()
    overlapping.run()
    assert world.alive() == [overlapping.generation]
