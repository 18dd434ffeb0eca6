"""An operator's tokens along the whole line: a backend that lists and whose mints are leases, too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dynamic_providers.verbs import VerbError
from rotation.backends.operator import Operator
from rotation.operator_tokens import changes
from rotation.operator_tokens.record import State
from rotation.reasons import Reason
from tests.backends.operator_world import TEAM, OperatorWorld
from tests.dynamic_providers.line import Declared, Killed, Line
from tests.dynamic_providers.world import MemoryCluster

POLICY = {"lifetime": "90d", "rotate_before": "10d", "overlap": "7d", "tolerated_outage": "3d"}
DUE = timedelta(days=80)
OVERLAP = timedelta(days=7)
LEASE = timedelta(minutes=10)


class OperatorLineWorld(OperatorWorld):
    """The simulated cluster that holds the records, and one in memory that holds receipts and publications."""

    def __init__(self) -> None:
        super().__init__(lived_in=False)
        self.cluster = MemoryCluster()

    def connect(self, credential: str) -> Operator:  # the line names the backend here; there is no credential
        return super().connect(credential)

    def states(self) -> dict[str, State]:
        """The team's generations and where each stands."""
        return {entry.generation: entry.state for entry in self.record().entries.values()}

    def value(self, key: str = "token") -> str:
        """What the team's consumers read."""
        return self.cluster.secrets["apps/admin"].get(key, "")


@pytest.fixture
def world() -> OperatorLineWorld:
    return OperatorLineWorld()


@pytest.fixture
def line(world: OperatorLineWorld) -> Line:
    """One operational token, published."""
    line = Line(world, Declared(backend="operator", spec={"namespace": TEAM}, policy=POLICY))
    line.run()
    return line


def declared(**parts: Any) -> Declared:
    """The operational token of the team."""
    return Declared(backend="operator", spec={"namespace": TEAM}, policy=POLICY, **parts)


def test_a_token_is_confirmed_before_it_is_published(world: OperatorLineWorld) -> None:
    """Killed after the mint nothing is published; what nobody knows dies with its lease, and the next run mints."""
    line = Line(world, declared())
    line.kill_at = "create token"
    with pytest.raises(Killed):
        line.run()
    assert (list(world.states().values()), world.cluster.secrets) == ([State.PENDING], {})
    world.pass_time(LEASE)
    assert not world.alive() & set(world.states())
    line.run()
    assert world.states()[line.generation] is State.ACTIVE
    assert world.accepts(world.value())


def test_a_lease_does_not_look_as_if_it_neared_its_end(world: OperatorLineWorld) -> None:
    """A confirmation that failed leaves a lease that the state knows; the next run confirms it and mints no other."""
    line = Line(world, declared())
    world.faults.refuse(503, method="PUT", times=100)  # the mint is a POST: there was no record
    with pytest.raises(VerbError, match=r"Unavailable: confirm admin at operator"):
        line.run()
    minted = line.generation
    world.faults.clear()
    world.pass_time(LEASE / 2)
    line.run()
    assert (line.generation, line.reasons()) == (minted, [])
    assert world.states() == {minted: State.ACTIVE}


def test_a_lease_that_died_before_it_was_confirmed(world: OperatorLineWorld) -> None:
    """The next run finds it missing and mints another, instead of failing to confirm for ever."""
    line = Line(world, declared())
    world.faults.refuse(503, method="PUT", times=100)
    with pytest.raises(VerbError):
        line.run()
    world.faults.clear()
    world.pass_time(LEASE)
    line.run()
    assert line.reasons() == [Reason.MISSING_AT_BACKEND]
    assert world.accepts(world.value())


def test_it_rotates_ten_days_before_its_end_and_both_work_for_the_grace(world: OperatorLineWorld, line: Line) -> None:
    """Both values are let in until the overlap is over, to the second that the ledger says, and then one is."""
    first = world.value()
    world.pass_time(DUE - timedelta(seconds=1))
    line.run()
    assert line.steps == []
    world.pass_time(timedelta(seconds=1))
    line.run()
    assert line.reasons() == [Reason.NEARING_EXPIRY]
    assert (world.value("token-previous"), world.accepts(first), world.accepts(world.value())) == (first, True, True)
    world.pass_time(OVERLAP - timedelta(seconds=1))
    line.run()
    assert world.accepts(first)
    world.pass_time(timedelta(seconds=1))
    line.run()
    assert not world.accepts(first)
    assert world.accepts(world.value())
    assert sorted(world.states().values()) == [State.ACTIVE, State.REVOKED]


@pytest.mark.parametrize("killed", ["replace token", "update pair", "publish secret", "update retirement"])
def test_a_rotation_that_was_killed_is_gone_on_with(world: OperatorLineWorld, line: Line, killed: str) -> None:
    """Wherever it was killed, consumers can go on with what they have, and some runs later one value is let in."""
    first = world.value()
    world.pass_time(DUE)
    line.kill_at = killed
    with pytest.raises(Killed):
        line.run()
    assert world.accepts(world.value())
    world.pass_time(timedelta(hours=1))
    line.run()
    assert (world.accepts(first), world.accepts(world.value())) == (True, True)
    assert world.value() != first
    for _ in range(2):
        world.pass_time(OVERLAP + timedelta(hours=1))
        line.run()
    mine = world.alive() & set(world.states())
    assert mine == {line.generation}
    assert world.accepts(world.value())


def test_a_run_with_nothing_due_asks_once(world: OperatorLineWorld, line: Line) -> None:
    """One listing for all tokens, and no write."""
    world.server.calls.clear()
    line.run()
    assert line.steps == []
    assert dict(world.server.calls) == {("GET", "/api/v1/namespaces/{namespace}/configmaps"): 1}


def test_destroy_leaves_nothing_of_ours(world: OperatorLineWorld, line: Line) -> None:
    """Current and superseded end with the stack; what admission tokens made elsewhere lives on."""
    world.pass_time(DUE)
    line.run()
    line.destroy()
    assert world.alive() == world.foreign


def test_a_damaged_record_of_one_team_holds_no_other_up(world: OperatorLineWorld, line: Line) -> None:
    """It is told, another team's token rotates as ever, and what the damaged one still names is not taken for dead."""
    damaged = world.object_of("team-b")
    damaged["data"] = dict.fromkeys(damaged["data"], "{")
    world.put(damaged, "team-b")
    world.pass_time(DUE)
    line.run()
    assert line.reasons() == [Reason.NEARING_EXPIRY]
    assert [text for text in world.warnings if "that of team-b cannot be read" in text]


def test_a_damaged_record_of_its_own_is_no_reason_to_mint(world: OperatorLineWorld, line: Line) -> None:
    """Its token stays as it is until somebody repairs the record; when it is due, the run says what is wrong."""
    damaged, minted = world.object_of(), line.generation
    damaged["data"] = {**damaged["data"], "f" * 64: "{}"}
    world.put(damaged)
    line.run()
    assert (line.steps, line.generation) == ([], minted)
    world.pass_time(DUE)
    with pytest.raises(VerbError, match=r"read the record .*that of team-a cannot be read"):
        line.run()
    assert line.generation == minted


def test_a_revoked_team_is_given_no_other_token(world: OperatorLineWorld, line: Line) -> None:
    """The run says that the team was revoked and how it is restored; then it mints again."""
    now = world.now()
    world.store.change(TEAM, lambda record: changes.revoke_all(record, now))
    assert not world.accepts(world.value())
    with pytest.raises(VerbError, match=r"Refused: mint .*the team of team-a was revoked.*Restore the team first"):
        line.run()
    world.store.change(TEAM, changes.restore)
    line.run()
    assert world.accepts(world.value())


def test_a_new_token_of_a_revoked_team_is_refused(world: OperatorLineWorld) -> None:
    """The config asks for a token and for none: the settings pause it, and the refusal says both ways out."""
    line = Line(world, declared(paused=True))
    with pytest.raises(
        VerbError, match=r"minting is paused\. Set `paused: false`, or take its team out of `operator\."
    ):
        line.run()
    assert (line.steps, world.cluster.secrets) == (["create guard"], {})


def test_a_rollback_is_let_in_and_outlives_what_was_put_aside(world: OperatorLineWorld, line: Line) -> None:
    """The previous value becomes current again, and the one that was put aside is revoked after its overlap."""
    first = world.value()
    line.declared[0].force = "one"
    line.run()
    second = world.value()
    line.declared[0].rollback = "one"
    line.run()
    assert (world.value(), world.accepts(first)) == (first, True)
    world.pass_time(OVERLAP + timedelta(hours=1))
    line.run()
    assert (world.accepts(first), world.accepts(second)) == (True, False)
