from __future__ import annotations

from collections import Counter

import pytest

from simulator.campaign import Job, simulate
from simulator.faults import Kind
from simulator.simulation import Outcome

SEEDS = range(1, 9)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """A sample of what `make simulate-full` runs."""
    return [simulate(Job(seed, 3, 20)) for seed in SEEDS]


def test_three_years_of_faults_break_no_promise(outcomes: list[Outcome]) -> None:
    """Daily runs under faults, operator acts and restored states: no consumer is cut off, nothing is left behind."""
    assert [str(violation) for outcome in outcomes for violation in outcome.violations] == []


def test_the_sample_meets_every_fault(outcomes: list[Outcome]) -> None:
    """Each kind of fault, each operator act, missed, doubled and killed runs occur, and most lines are quiet."""
    faults = sum((outcome.faults for outcome in outcomes), Counter[Kind]())
    counts = sum((outcome.counts for outcome in outcomes), Counter[str]())
    assert set(faults) == set(Kind)
    acts = {f"operator: {act}" for act in ("force", "emergency", "spec", "rename", "restore")}
    assert acts | {"runs missed", "runs doubled", "runs killed"} <= set(counts)
    assert counts["mints"] > 100 * len(SEEDS)
    assert counts["lines passed over"] > 10 * counts["lines executed"]


def test_a_quiet_world_needs_no_excuse() -> None:
    """Without a fault and an order each token has one mint for each due date, and all promises hold."""
    outcome = simulate(Job(1, 3, 20, faults=False))
    assert (outcome.violations, outcome.faults) == ([], Counter())
    assert outcome.counts["runs killed"] == 0
