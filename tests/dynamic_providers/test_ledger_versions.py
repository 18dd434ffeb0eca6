"""States of older releases go on: an upgrade mints nothing, revokes nothing, and loses no entry."""

from __future__ import annotations

import pytest

from dynamic_providers.retirement import RetirementProvider
from dynamic_providers.verbs import VerbError
from rotation.evidence import OFF
from rotation.ledger import Ledger
from rotation.testing.builders import SECOND
from tests.dynamic_providers.line import Line, Props
from tests.dynamic_providers.stored_line import restored

RELEASES = ["issue-3"]


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    """A release of which a state is stored."""
    return str(request.param)


def _ledgers(line: Line) -> tuple[Ledger, Ledger]:
    """The token's own ledger, and the sweep's."""
    own, sweep = line.outputs("retirement")["entries"], line.outputs("sweep", "authentik")["entries"]
    return Ledger.from_state(own), Ledger.from_state(sweep)


def _timeline(ledger: Ledger) -> dict[str, object]:
    return {entry.generation: (entry.handle, entry.deadline) for entry in ledger.waiting()}


def test_an_upgrade_changes_nothing_that_lives(release: str) -> None:
    """The first run mints and revokes nothing new, and every entry keeps its handle and its deadline."""
    line, world, _ = restored(release)
    world.faults.refuse(500, method="DELETE", times=1000)  # as it was for the release that stored it
    alive, before = world.alive(), [_timeline(ledger) for ledger in _ledgers(line)]
    for _ in range(2):
        line.run()
        assert (world.alive(), world.mints()) == (alive, 0)
        assert [_timeline(ledger) for ledger in _ledgers(line)] == before
    assert {entry["version"] for entry in line.outputs("retirement")["entries"]} == {2}


def test_what_failed_before_the_upgrade_is_tried_after_it(release: str) -> None:
    """Its attempts go on being counted, and where the backend heals it is dead after one run."""
    line, world, _ = restored(release)
    [failing, waiting] = _ledgers(line)[0].waiting()
    world.faults.refuse(500, method="DELETE", times=1000)
    line.run()
    [tried, _] = _ledgers(line)[0].waiting()
    assert (tried.generation, tried.attempts) == (failing.generation, failing.attempts + 1)
    world.faults.clear()
    line.run()
    assert failing.generation not in world.alive()
    assert waiting.generation in world.alive()


def test_each_ends_at_the_deadline_that_an_older_release_gave_it(release: str) -> None:
    """A second before it lives; from then on one run ends it, the orphan of the sweep too."""
    line, world, orphan = restored(release)
    line.run()
    deadlines = {entry.generation: entry.deadline for ledger in _ledgers(line) for entry in ledger.waiting()}
    assert orphan in deadlines
    for generation, deadline in deadlines.items():
        world.later(seconds=(deadline - world.clock()).total_seconds() - 1)
        line.run()
        assert generation in world.alive()
    world.later(seconds=1)
    line.run()
    assert (world.alive(), world.mints()) == ([line.generation], 0)


def test_what_an_older_release_did_not_store_is_no_change(release: str) -> None:
    """While nothing is due, a ledger of before is left as it is, also when the config now says that evidence is off."""
    line, world, _ = restored(release)
    world.clock.now = min(entry.deadline for entry in _ledgers(line)[0].waiting()) - SECOND
    old, retirement = line.state["retirement admin"], RetirementProvider()
    for written in ({}, OFF.model_dump(mode="json", by_alias=True)):
        with line._process():
            inputs = retirement.check(old["inputs"], {**old["inputs"], "evidence": written}).inputs
            assert not retirement.diff(old["id"], old["outputs"], inputs).changes


@pytest.mark.parametrize("resource", ["retirement admin", "sweep authentik"])
def test_a_newer_ledger_stops_the_run_before_anything_ends(release: str, resource: str) -> None:
    """An older release that meets a newer state refuses, says what to do, and revokes nothing of that ledger."""
    line, world, _ = restored(release)
    outputs: Props = line.state[resource]["outputs"]
    outputs["entries"] = [{**entry, "version": 3.0} for entry in outputs["entries"]]
    held = [entry["generation"] for entry in outputs["entries"]]
    world.later(days=365)
    with pytest.raises(VerbError, match=r"StateIsNewer.*version 3.*Run the release that wrote"):
        line.run()
    assert set(held) <= set(world.alive())
