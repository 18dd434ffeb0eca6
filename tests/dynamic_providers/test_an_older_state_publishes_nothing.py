"""A restored state that does not know what is published must not publish what it knows, whatever holds its rotation."""

from __future__ import annotations

import pytest

from rotation.reasons import Reason
from tests.dynamic_providers.line import Declared, Line
from tests.dynamic_providers.world import World


@pytest.mark.parametrize("held_by", ["the backend is away", "minting is paused"])
def test_what_is_published_stays_though_its_own_rotation_is_due(world: World, held_by: str) -> None:
    """Past the published generation's rotation an older state rotates again; where that is held, nothing is undone."""
    line = Line(world, Declared())
    line.run()
    world.later(days=61)
    line.run()
    old = line.copy()  # with a previous value, which a later run would drop from what is published
    for days in (31, 30, 31):  # the first is retired, a third is minted, and the second is retired
        world.later(days=days)
        line.run()
    published = world.cluster.secrets["apps/admin"]["token"]
    world.later(days=30)  # what is published is due, too
    line.state = old
    if held_by == "the backend is away":
        world.faults.down = True
    else:
        line.declared[0].paused = True
    line.run()
    assert Reason.STATE_IS_OLDER not in line.reasons()
    assert {Reason.BACKEND_UNREACHABLE, Reason.PAUSED} & set(line.reasons())
    assert world.cluster.secrets["apps/admin"]["token"] == published
    assert world.server.accepts(published)

    world.faults.down, line.declared[0].paused = False, False
    line.run()
    assert world.server.accepts(world.cluster.secrets["apps/admin"]["token"])
