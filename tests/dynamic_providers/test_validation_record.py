"""What the validation said between two runs: a rejected value is used once by the run itself, and then replaced."""

from __future__ import annotations

import pytest

from rotation.reasons import Reason
from rotation.run_record import VALIDATE, RunRecord, Validated
from tests.dynamic_providers.line import Line
from tests.dynamic_providers.world import World


def _record(world: World, generation: str, *, rejected: bool) -> None:
    found = Validated(generation=generation, works=False, rejected=rejected, causes=("it does not work",))
    now = world.clock()
    record = RunRecord(
        job=VALIDATE, run="r", began=now, ended=now, outcome="failed", exit_code=1, validated={"admin": found}
    )
    world.cluster.records[VALIDATE] = record.model_dump_json()


def test_a_rejected_value_is_replaced(line: Line, world: World) -> None:
    """Its backend refuses it, validation saw it, and the next run mints a new one."""
    line.run()
    world.call_set_key(line.generation, "another-key-that-somebody-set")
    _record(world, line.generation, rejected=True)
    line.run()
    assert (line.reasons()[0], world.mints()) == (Reason.REJECTED_BY_BACKEND, 2)


@pytest.mark.parametrize("what", ["works again", "another generation", "not rejected", "unreadable"])
def test_a_suspicion_alone_costs_nothing(line: Line, world: World, what: str) -> None:
    """One wrong answer, an old record, no answer, or a broken record: nothing is minted.

    Only a rejection of the current generation has the run use its value once.
    """
    line.run()
    generation = "us_admin_20200101t000000z_abcdef" if what == "another generation" else line.generation
    _record(world, generation, rejected=what != "not rejected")
    probes = world.server.calls["GET", "/core/users/me/"]
    if what == "unreadable":
        world.cluster.records[VALIDATE] = "{"
    line.run()
    assert (line.steps, line.said, world.mints()) == ([], [], 1)
    assert (world.server.calls["GET", "/core/users/me/"] > probes) is (what == "works again")
