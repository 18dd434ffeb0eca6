"""Retirement that waits for evidence: the dry run and the update agree, and the receipt tells what alerts must say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dynamic_providers.verbs import VerbError
from rotation.errors import ClusterError
from rotation.evidence import RolledOut, Synced
from rotation.reasons import Reason
from tests.dynamic_providers.line import Declared, Line
from tests.dynamic_providers.world import World

SYNC = {"externalSecret": {"namespace": "apps", "name": "admin"}}
ROLLOUT = {"workload": {"kind": "Deployment", "namespace": "apps", "name": "shop"}}
EXTERNAL_SECRET, DEPLOYMENT = "ExternalSecret apps/admin", "Deployment apps/shop"
DEADLINE_PASSED, WAITING, MISSING = Reason.DEADLINE_PASSED, Reason.WAITING_FOR_EVIDENCE, Reason.EVIDENCE_MISSING


class Waiting(Line):
    """One token that is due for its end when the test begins; its policy of evidence can be replaced."""

    def ask(self, mode: str, **parts: Any) -> None:
        usual = {"sources": [SYNC, ROLLOUT], "wait": "2d", "security_deadline": "40d"}
        self.declared = [replace(self.declared[0], evidence={"mode": mode, **usual, **parts})]

    @property
    def cluster(self) -> Any:
        return self.world.cluster

    def move_on(self) -> None:
        """What consumers show that were given the current generation."""
        receipt = self.cluster.receipt("admin")
        self.cluster.shown = {
            EXTERNAL_SECRET: Synced(self.world.clock(), frozenset({receipt.fingerprint})),
            DEPLOYMENT: RolledOut(seen=True, generation=receipt.generation, wanted=2, total=2, updated=2, ready=2),
        }

    def conditions(self) -> tuple[str, ...]:
        told: tuple[str, ...] = self.cluster.receipt("admin").conditions
        return told

    def dry_run(self) -> tuple[list[str], list[str], list[Reason]]:
        """What a preview shows: the steps, what ends now, and the reasons; nothing is stored or ended by it."""
        before = (self.copy(), dict(self.cluster.entries), self.world.alive())  # type: ignore[attr-defined]
        self.run(preview=True)
        assert (self.copy(), self.cluster.entries, self.world.alive()) == before  # type: ignore[attr-defined]
        return self.steps, [line for line in self.said if "revoked now" in line], self.reasons()


@pytest.fixture
def due(world: World) -> Waiting:
    """Thirty days after a rotation: the superseded generation is at its deadline."""
    line = Waiting(world, Declared())
    line.run()
    world.later(days=60)
    line.run()
    world.later(days=30)
    return line


def _is_told(line: Waiting, *reasons: Reason, steps: tuple[str, ...], alive: int) -> None:
    """The dry run shows these steps and reasons, the update does them and says the same, and so many are alive."""
    shown, ends, told = line.dry_run()
    line.run()
    assert (tuple(shown), told) == (steps, list(reasons))
    assert (tuple(line.steps), line.reasons()) == (steps, list(reasons))
    assert len(line.world.alive()) == alive  # type: ignore[attr-defined]
    assert len(ends) == 2 - alive


UPDATE = ("update retirement",)


def test_enforce_holds_then_alerts_then_ends(due: Waiting, world: World) -> None:
    """Held in silence for its wait, then an alert instead of a cut, then the security deadline; each told once."""
    due.ask("enforce")
    _is_told(due, WAITING, steps=UPDATE, alive=2)
    assert due.conditions() == (WAITING,)
    world.later(days=1)
    _is_told(due, WAITING, steps=(), alive=2)
    world.later(days=1)
    _is_told(due, MISSING, steps=UPDATE, alive=2)
    assert due.conditions() == (MISSING,)
    world.later(days=3)
    due.run()  # the pair shows no previous value any more
    world.later(days=4)
    _is_told(due, MISSING, steps=(), alive=2)
    world.later(days=1)
    _is_told(due, DEADLINE_PASSED, steps=UPDATE, alive=1)
    assert (due.conditions(), world.alive()) == ((), [due.generation])
    due.run()  # the pair forgets what the receipt tells to be dead
    due.run()
    assert (due.steps, due.said) == ([], [])


@pytest.mark.parametrize("days", [0, 1, 3], ids=["at its deadline", "while it waits", "after the alert"])
def test_evidence_ends_it_and_the_condition(due: Waiting, world: World, days: int) -> None:
    """Whenever consumers are seen to move on, the run that sees it ends the generation and clears the receipt."""
    due.ask("enforce")
    for _ in range(days):
        due.run()
        world.later(days=1)
    due.move_on()
    _is_told(due, DEADLINE_PASSED, steps=UPDATE, alive=1)
    assert due.conditions() == ()


@pytest.mark.parametrize("silent", [EXTERNAL_SECRET, DEPLOYMENT])
def test_every_source_must_show_it(due: Waiting, silent: str) -> None:
    """One source without evidence is enough to wait, and the line names that one."""
    due.ask("enforce")
    due.move_on()
    del due.cluster.shown[silent]
    due.run()
    [line] = due.said
    assert (silent in line, (EXTERNAL_SECRET in line) != (DEPLOYMENT in line)) == (True, True)
    assert due.conditions() == (WAITING,)


def test_warn_ends_it_and_tells(due: Waiting, world: World) -> None:
    """The cut comes at the deadline, the condition stands in the receipt for a run, and is then cleared."""
    due.ask("warn")
    _is_told(due, MISSING, steps=UPDATE, alive=1)
    assert due.conditions() == (MISSING,)
    world.later(days=1)
    due.run()
    assert due.conditions() == ()


def test_off_looks_at_nothing(due: Waiting) -> None:
    """Without the mode, or before anything is due, no source is asked."""
    due.ask("off")
    due.run()
    assert (due.cluster.calls["observe"], due.conditions()) == (0, ())


def test_a_source_is_asked_only_when_something_is_due(due: Waiting, world: World) -> None:
    """Two reads in a run with something due, one for each source; none in any other."""
    due.ask("enforce")
    due.run()
    assert due.cluster.calls["observe"] == 2
    due.move_on()
    due.run()
    for _ in range(3):
        world.later(days=1)
        due.run()
    assert due.cluster.calls["observe"] == 4


def test_evidence_is_of_what_consumers_were_given(due: Waiting, world: World) -> None:
    """A rotation in the run that ends a generation does not ask for evidence of what was published a second ago."""
    due.ask("enforce")
    due.move_on()
    due.declared[0].force = "again"
    first = world.alive()[0]
    due.run()
    assert (first in world.alive(), len(world.alive())) == (False, 2)


def test_an_emergency_needs_no_evidence(due: Waiting, world: World) -> None:
    """It ends what is held and what is not due yet in its own run, also when the first attempt fails."""
    due.ask("enforce")
    due.run()
    world.faults.refuse(500, method="DELETE", times=1000)
    due.declared[0].emergency = "leaked"
    _, ends, told = due.dry_run()
    assert ([world.alive()[0] in line for line in ends], WAITING in told) == ([True], False)
    due.run()
    world.faults.clear()
    assert len(world.alive()) == 3
    due.run()
    assert world.alive() == [due.generation]


def test_a_failed_revocation_is_tried_again_without_evidence(due: Waiting, world: World) -> None:
    """What was begun is finished, even when a workload has moved since; it may be dead already."""
    due.ask("enforce")
    due.move_on()
    world.faults.refuse(500, method="DELETE", times=1000)
    due.run()
    world.faults.clear()
    due.cluster.shown = {}
    due.run()
    assert world.alive() == [due.generation]


def test_a_source_that_gives_no_answer_stops_nothing(due: Waiting, world: World) -> None:
    """The cluster answers for receipts and Secrets but not for the source: the run succeeds and holds."""
    due.ask("enforce")
    due.cluster.shown = {}
    due.run()
    assert (len(world.alive()), due.conditions()) == (2, (WAITING,))


def test_a_lost_receipt_holds_until_it_is_written_again(due: Waiting, world: World) -> None:
    """Nothing can be judged without it: one run writes it and ends nothing, the next judges."""
    due.ask("enforce")
    due.run()
    due.move_on()
    due.cluster.entries.clear()
    due.run()
    assert (due.steps, len(world.alive())) == (["update retirement"], 2)
    due.move_on()
    due.run()
    assert world.alive() == [due.generation]


def test_a_condition_stands_while_the_cluster_is_away(due: Waiting, world: World) -> None:
    """What cannot be read anew is neither cleared nor changed by a run, which ends nothing and succeeds."""
    due.ask("enforce")
    due.run()
    due.cluster.go_away()
    due.run()
    assert (due.steps, len(world.alive()), due.reasons()) == ([], 2, [Reason.CLUSTER_AWAY])
    due.cluster.heal()
    assert due.conditions() == (WAITING,)


def test_a_receipt_that_cannot_be_written_changes_no_verdict(due: Waiting, world: World) -> None:
    """A run that ended a generation but could not tell of it is followed by one that tells it dead."""
    due.ask("enforce")
    due.move_on()
    due.cluster.fail = {"write": ClusterError}
    with pytest.raises(VerbError, match="ClusterError"):
        due.run()
    due.cluster.heal()
    due.cluster.shown = {}
    due.move_on()
    due.run()
    assert (world.alive(), due.cluster.receipt("admin").superseded) == ([due.generation], ())


def test_off_again_ends_what_was_held(due: Waiting, world: World) -> None:
    """Without the policy the deadline alone counts, and the condition goes with it."""
    due.ask("enforce")
    due.run()
    due.ask("off")
    due.run()
    assert (world.alive(), due.conditions()) == ([due.generation], ())
