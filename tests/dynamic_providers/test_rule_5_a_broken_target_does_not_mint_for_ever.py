from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.errors import ClusterAway, ClusterError
from rotation.reasons import Reason
from tests.dynamic_providers.line import Declared, Line
from tests.dynamic_providers.world import World

BY_AGE = {"lifetime": "100d", "rotate_every": "20d", "overlap": "5d", "tolerated_outage": "3d"}


@pytest.fixture
def line(world: World) -> Line:
    """One token that is replaced every 20 days of its 100, published."""
    line = Line(world, Declared(policy=BY_AGE))
    line.run()
    return line


def _run_with_broken_target(line: Line, world: World) -> None:
    world.cluster.fail = {"publish": ClusterError}
    with pytest.raises(ClusterError):
        line.run()


def test_no_scheduled_rotation_while_the_last_is_unpublished(line: Line, world: World) -> None:
    """Over two due dates the broken target costs one mint, and the reason is said."""
    world.later(days=20)
    _run_with_broken_target(line, world)
    assert world.mints() == 2
    for _ in range(2):
        world.later(days=20)
        _run_with_broken_target(line, world)
        assert (world.mints(), line.reasons()) == (2, [Reason.PREVIOUS_UNPUBLISHED])


def test_but_never_past_the_end_of_the_published_one(line: Line, world: World) -> None:
    """At its end less the tolerated outage another is minted, not a second sooner."""
    world.later(days=20)
    _run_with_broken_target(line, world)
    world.later(days=77, seconds=-1)
    _run_with_broken_target(line, world)
    assert world.mints() == 2
    world.later(seconds=1)
    _run_with_broken_target(line, world)
    assert (world.mints(), line.reasons()) == (3, [Reason.MAXIMUM_AGE])


def test_when_the_target_heals_the_newest_is_published_and_the_rest_retired(line: Line, world: World) -> None:
    """Consumers get the newest and the one that they had; every other one is in the ledger, and ends."""
    first_value = world.cluster.secrets["apps/admin"]["token"]
    for days in (20, 77):
        world.later(days=days)
        _run_with_broken_target(line, world)
    world.cluster.heal()
    line.run()
    assert world.cluster.secrets["apps/admin"]["token-previous"] == first_value
    assert {item.deadline for item in world.cluster.receipt("admin").superseded} == {world.clock() + timedelta(days=5)}
    world.later(days=5)
    line.run()
    assert world.alive() == [line.generation]


def test_an_operator_is_obeyed_all_the_same(line: Line, world: World) -> None:
    """A force nonce rotates though the last generation is unpublished: only scheduled rotations wait."""
    world.later(days=20)
    _run_with_broken_target(line, world)
    line.declared[0].force = "now"
    _run_with_broken_target(line, world)
    assert world.mints() == 3


def test_without_a_receipt_the_state_alone_counts(line: Line, world: World) -> None:
    """With the cluster away a due token is minted, and one that is not due is kept, and it is said."""
    world.cluster.go_away()
    line.run()
    assert (world.mints(), line.reasons()) == (1, [Reason.CLUSTER_AWAY])
    world.later(days=20)
    with pytest.raises(ClusterAway):
        line.run()
    assert (world.mints(), line.reasons()) == (2, [Reason.CLUSTER_AWAY, Reason.MAXIMUM_AGE])


def test_a_cluster_that_goes_away_during_the_run_is_away(line: Line, world: World) -> None:
    """Receipts were read and the Secrets could not be: the run goes on with what it knows."""
    world.cluster.fail = {"look": ClusterAway}
    line.run()
    assert (line.steps, line.reasons()) == ([], [Reason.CLUSTER_AWAY])


def test_a_full_ledger_calls_a_person(line: Line, world: World) -> None:
    """With 16 superseded generations that cannot be ended there is no 17th, nonce or not; healed, it goes on."""
    world.faults.refuse(500, method="DELETE", times=10_000)
    for number in range(16):
        line.declared[0].force = f"nonce {number}"
        line.run()
        world.later(minutes=1)
    assert len(world.cluster.receipt("admin").superseded) == 16
    line.declared[0].force = "one more"
    line.run()
    assert (world.mints(), line.reasons()) == (17, [Reason.LEDGER_FULL])
    world.faults.clear()
    world.later(days=5)
    line.run()
    assert world.alive() == [line.generation]
    line.run()
    assert (world.mints(), line.outputs("token")["force"]) == (18, "one more")


def test_a_generation_leaves_superseded_only_when_it_is_dead(line: Line, world: World) -> None:
    """Not at its deadline, not after its deletion was accepted: when the backend says that it is gone."""
    first = line.generation
    world.later(days=20)
    line.run()
    world.later(days=5)
    world.faults.refuse(204, method="DELETE", times=2)
    for _ in range(2):
        line.run()
        assert [item["generation"] for item in line.outputs("pair")["superseded"]] == [first]
    line.run()
    line.run()
    assert (line.outputs("pair")["superseded"], world.alive()) == ([], [line.generation])


def test_a_target_that_stays_broken_fills_the_ledger_too(line: Line, world: World) -> None:
    """After the published generation has ended, unpublished mints come to an end at 16 as well."""
    for _ in range(25):
        world.later(days=20)
        _run_with_broken_target(line, world)
    assert (len(world.alive()), line.reasons()) == (17, [Reason.LEDGER_FULL])
