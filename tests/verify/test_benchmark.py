"""The figures can be measured anew; how large they are is for documents, and no test waits for them."""

from __future__ import annotations

import re

from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.verification import measure


def test_the_rate_of_checks_is_printed() -> None:
    """Each kind of value has its rate, beside the baseline of the same run, and the memory is told."""
    told = CliRunner().invoke(app, ["verify", "--namespaces", "10", "--repeated", "2"])
    assert told.exit_code == 0
    for kind in ("accepted, current", "refused, revoked", "refused, truncated", "baseline"):
        assert re.search(rf"{kind}.* /s +\d+\.\d\d of the baseline", told.output), told.output
    assert "bytes for each namespace" in told.output


def test_what_is_measured_is_what_is_named() -> None:
    """All six kinds are measured after each was seen to be answered as its name says, and memory is of a size."""
    measured = measure(20, 1)
    assert len(measured.rates) == 6
    assert measured.baseline.name.startswith("baseline")
    assert all(rate.per_second > 0 for rate in measured.rates)
    assert 500 < measured.bytes_per_namespace < 20_000
