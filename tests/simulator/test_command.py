from __future__ import annotations

import re
import shlex

import pytest
from typer.testing import CliRunner

from rotation.ledger import Ledger
from simulator.campaign import app
from simulator.checkers import NothingOutlivesItsDeadline

SMALL = ["--years", "0.4", "--tokens", "4"]


def test_the_counts_and_the_rate_are_printed() -> None:
    """A campaign says how much it simulated, how fast, what went wrong on purpose, and that no promise was broken."""
    ended = CliRunner().invoke(app, ["--seed", "3", "--seeds", "3", "--workers", "2", *SMALL])
    assert ended.exit_code == 0, ended.output
    for line in ("seeds 3", "token-years a minute", "broken promises: 0", "runs passed over", "faults met"):
        assert line in ended.output


def test_the_scenario_is_printed_before_it_runs() -> None:
    """One seed shows its tokens, policies, readers, operator acts and outages first, and its events when asked."""
    ended = CliRunner().invoke(app, ["--seed", "3", "--trace", *SMALL])
    lines = ended.output.splitlines()
    assert lines[0].startswith("seed 3: 4 tokens")
    assert sum(line.startswith("  token ") for line in lines) == 4
    assert any(" mint " in line and line.endswith("-> 201") for line in lines)


def test_a_broken_promise_is_told_with_what_replays_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seed, step, promise, the last events and the exact command are printed; that command shows the same breach."""
    monkeypatch.setattr(Ledger, "due", lambda _ledger, _now: ())
    ended = CliRunner().invoke(app, ["--seed", "4", "--seeds", "2", "--workers", "1", "--years", "1", "--tokens", "8"])
    assert ended.exit_code == 1
    told = re.search(r"BROKEN, seed (\d+):\n  (run \d+ at \S+: .*)", ended.output)
    assert told is not None
    assert NothingOutlivesItsDeadline.promise in told[2]
    command = re.search(r"replay: python -m simulator (.*)", ended.output)
    assert command is not None
    again = CliRunner().invoke(app, shlex.split(command[1]))
    assert (again.exit_code, told[2] in again.output) == (1, True)
