"""One listing for each backend and run, however many tokens there are and whatever happens to them."""

from __future__ import annotations

import pytest

from tests.dynamic_providers.line import OWNER, Declared, Killed, Line
from tests.dynamic_providers.world import World


@pytest.fixture
def line(world: World) -> Line:
    """Five tokens at one backend, published."""
    line = Line(world, *(Declared(f"token-{number}", places=(f"apps/{number}",)) for number in range(5)))
    line.run()
    world.server.calls.clear()
    return line


def test_a_run_with_nothing_due_lists_once(line: Line, world: World) -> None:
    """Five tokens, one call in all."""
    line.run()
    assert dict(world.server.calls) == {("GET", "/core/tokens/"): 1}


def test_a_run_that_rotates_them_all_lists_once(line: Line, world: World) -> None:
    """Decisions, previous values and the sweep share the listing."""
    world.later(days=60)
    line.run()
    assert (world.listings(), world.mints()) == (1, 5)


def test_a_refresh_lists_once(line: Line, world: World) -> None:
    """Every `read` is answered by the same listing."""
    line.refresh()
    assert world.listings() == 1


def test_more_than_a_hundred_are_all_seen(world: World) -> None:
    """The second page counts: with 120 orphans of a killed life, none is missed and none is taken for missing."""
    line = Line(world)
    line.run()
    for number in range(120):
        world.server.issue("akadmin", f"{OWNER}_admin_20250101t000000z_{number:06d}", expiring=False)
    line.run()
    assert world.listings() - 1 == 2
    assert len(line.outputs("sweep", "authentik")["entries"]) == 120
    assert world.mints() == 1


def test_receipts_are_read_once(line: Line, world: World) -> None:
    """One read of the receipt and one look at each Secret, for five tokens."""
    world.cluster.calls.clear()
    line.run()
    assert dict(world.cluster.calls) == {"read": 1, "records": 1, "look": 5}


def test_a_failing_token_stops_no_other(line: Line, world: World) -> None:
    """One broken target: the other four rotate, are published and written to the receipt."""
    world.later(days=60)
    line.declared[0].spec = {"user": "nobody"}
    with pytest.raises(Exception, match="0 users are named nobody"):
        line.run()
    published = [world.cluster.receipt(f"token-{number}").generation for number in range(5)]
    assert (len(world.alive()), sum("20260302" in generation for generation in published)) == (9, 4)


def test_killed_is_not_swallowed(line: Line, world: World) -> None:
    """The driver itself: a kill ends the run, whatever else is declared."""
    world.later(days=60)
    line.kill_at = "replace token"
    with pytest.raises(Killed):
        line.run()
    assert world.mints() == 1
