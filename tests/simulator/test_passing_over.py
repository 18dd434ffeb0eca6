from __future__ import annotations

import pytest

from simulator.scenario import draw
from simulator.simulation import Simulation
from simulator.trace import Trace


def _events(seed: int, *, elide: bool, years: float = 0.8) -> list[str]:
    trace = Trace(keep_all=True)
    Simulation(draw(seed, years, 20), elide=elide, trace=trace).run()
    return [str(event) for event in trace.events]


@pytest.mark.parametrize("seed", range(100, 104))
def test_passing_over_quiet_lines_changes_nothing(seed: int) -> None:
    """Every effect, every fault, every word and every saved state is the same when no line is passed over."""
    assert _events(seed, elide=True) == _events(seed, elide=False)


def test_a_seed_replays_exactly() -> None:
    """The same seed gives the same events, and another seed gives others."""
    assert _events(5, elide=True) == _events(5, elide=True)
    assert _events(5, elide=True) != _events(6, elide=True)
