"""What a token's places say when its rotation fails: the pair tells it, and takes it back when all is well."""

from __future__ import annotations

import pytest

from rotation.reasons import Reason
from tests.dynamic_providers.line import Line
from tests.dynamic_providers.world import World


@pytest.mark.parametrize(("interval", "failing"), [("1d", True), ("7d", False)])
def test_a_rotation_that_is_a_run_late_has_failed(line: Line, world: World, interval: str, failing: bool) -> None:
    """Due for two days while the backend is away: late where runs are daily, and on time where they are weekly."""
    line.declared[0].interval = interval
    line.run()
    assert line.outputs("pair")["failing"] is False
    world.later(days=62)
    world.faults.down = True
    line.run()
    assert line.reasons()[0] is Reason.BACKEND_UNREACHABLE
    assert line.outputs("pair")["failing"] is failing
    world.faults.down = False
    line.run()
    assert (world.mints(), line.outputs("pair")["failing"]) == (2, False)
