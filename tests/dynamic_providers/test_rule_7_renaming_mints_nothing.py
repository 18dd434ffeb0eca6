from __future__ import annotations

import pytest

from dynamic_providers.verbs import VerbError
from tests.dynamic_providers.line import Line
from tests.dynamic_providers.world import World


def _rename(line: Line) -> None:
    line.declared[0].name, line.declared[0].was = "renamed", ("admin",)


def test_a_rename_keeps_generation_and_overlap(line: Line, world: World) -> None:
    """No mint, no revocation; the ledger's deadline moves along, and so does the receipt's entry."""
    line.run()
    world.later(days=60)
    line.run()
    published, [waiting] = dict(world.cluster.secrets), world.cluster.receipt("admin").superseded
    _rename(line)
    line.run()
    assert (world.mints(), len(world.alive()), world.cluster.secrets) == (2, 2, published)
    assert list(world.cluster.entries) == ["renamed"]
    assert world.cluster.receipt("renamed").superseded == (waiting,)
    world.later(days=30)
    line.run()
    assert world.alive() == [world.cluster.receipt("renamed").generation]


def test_a_renamed_token_rotates_on(line: Line, world: World) -> None:
    """At its next due date it is replaced once, with its overlap."""
    line.run()
    _rename(line)
    line.run()
    line.run()
    assert line.steps == []
    world.later(days=60)
    line.run()
    assert (world.mints(), len(world.alive())) == (2, 2)


def test_a_rename_in_the_run_of_a_rotation_loses_nothing(line: Line, world: World) -> None:
    """Renamed when it is due: one mint, and the superseded generation is in the ledger under the new name."""
    line.run()
    first = line.generation
    world.later(days=60)
    _rename(line)
    line.run()
    assert world.mints() == 2
    assert [item.generation for item in world.cluster.receipt("renamed").superseded] == [first]
    assert world.cluster.secrets["apps/admin"]["token-previous"]


def test_a_restored_state_is_seen_through_a_rename(line: Line, world: World) -> None:
    """The receipt stands under the former name still, and names a newer generation: nothing is done."""
    line.run()
    old = line.copy()
    world.later(days=60)
    line.run()
    alive = world.alive()
    line.state = old
    _rename(line)
    line.run()
    assert (line.steps, world.alive(), "StateIsOlder" in line.said[0]) == ([], alive, True)


def test_a_rename_without_saying_so_is_refused(line: Line, world: World) -> None:
    """Nothing is minted, and the error tells which former name to add."""
    line.run()
    line.declared[0].name = "renamed"
    with pytest.raises(VerbError, match=r"InvalidSettings: begin renamed at authentik: .* add `was: \[admin\]`"):
        line.run()
    assert (world.mints(), len(world.alive())) == (1, 1)
