from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.errors import ClusterAway, ClusterError
from rotation.reasons import Reason
from tests.dynamic_providers.line import OWNER, Declared, Killed, Line
from tests.dynamic_providers.world import World


def _orphan(line: Line, world: World, point: str = "replace token") -> str:
    """Kill a run after the mint; return the generation that no ledger knows."""
    line.run()
    known = set(world.alive())
    world.later(days=60)
    line.kill_at = point
    with pytest.raises(Killed):
        line.run()
    [orphan] = set(world.alive()) - known
    return orphan


def test_an_unknown_generation_is_given_its_overlap(line: Line, world: World) -> None:
    """First seen, it is said and entered with the token's overlap; it works until then, and is dead after."""
    orphan = _orphan(line, world)
    line.run()
    assert Reason.ORPHAN_FOUND in line.reasons()
    [entry] = line.outputs("sweep", "authentik")["entries"]
    assert entry["generation"] == orphan
    world.later(days=29, hours=23)
    line.run()
    assert orphan in world.alive()
    world.later(hours=1)
    line.run()
    assert orphan not in world.alive()
    assert line.outputs("sweep", "authentik")["entries"] == []


def test_an_orphan_is_told_of_in_each_run(line: Line, world: World) -> None:
    """An alert counts the lines of a run: one names the backend and the orphan, from its first sight to its end."""
    orphan = _orphan(line, world)
    for _ in range(3):
        line.run()
        [told] = [text for text in line.said if orphan in text]
        assert "authentik: " in told
        assert str(Reason.ORPHAN_FOUND) in told
    world.later(days=31)
    line.run()
    line.run()
    assert [text for text in line.said if orphan in text] == []


def test_a_dry_run_shows_the_orphan_and_enters_nothing(line: Line, world: World) -> None:
    """The preview says it, and the ledger and the backend stay as they are."""
    _orphan(line, world)
    alive = world.alive()
    line.declared[0].policy = {**line.declared[0].policy, "rotate_before": "35d"}  # not due: the sweep knows all
    line.run(preview=True)
    assert "update sweep" in line.steps
    assert (world.alive(), line.outputs("sweep", "authentik")["entries"]) == (alive, [])


def test_a_foreign_token_is_left_alone(line: Line, world: World) -> None:
    """What does not bear this stack's mark is never entered."""
    world.server.issue("akadmin", "other-stack_admin_20260101t000000z_abcdef", expiring=False)
    line.run()
    line.run()
    assert line.outputs("sweep", "authentik")["entries"] == []


def test_a_restored_state_neither_rotates_nor_sweeps(line: Line, world: World) -> None:
    """The receipt names a newer generation: it is said, and nothing is minted, revoked, entered or published."""
    line.run()
    old = line.copy()
    world.later(days=60)
    line.run()
    published, alive, receipt = dict(world.cluster.secrets), world.alive(), dict(world.cluster.entries)
    line.state = old
    world.later(days=1)
    line.run()
    assert line.reasons() == [Reason.STATE_IS_OLDER]
    assert (line.steps, world.alive()) == ([], alive)
    assert (world.cluster.secrets, world.cluster.entries) == (published, receipt)


def test_a_restored_state_is_told_by_a_published_secret_too(line: Line, world: World) -> None:
    """Killed between publication and receipt, then restored: the generation in the Secret is not swept."""
    line.run()
    old = line.copy()
    world.later(days=58)
    line.run()
    world.later(days=2)
    line.kill_at = "publish secret"
    with pytest.raises(Killed):
        line.run()
    in_use = world.cluster.secrets["apps/admin"]["token"]
    line.state = old
    for _ in range(4):
        line.run()
        assert line.reasons() == [Reason.STATE_IS_OLDER]
        assert line.outputs("sweep", "authentik")["entries"] == []
        world.later(hours=1)
    assert world.server.accepts(in_use)


def test_a_restored_state_publishes_nothing_older(line: Line, world: World) -> None:
    """Though its pair could drop a previous value that has died since, the newer published value stays."""
    line.run()
    world.later(days=60)
    line.run()
    in_overlap = line.copy()
    world.later(days=30)
    line.run()
    line.run()
    world.later(days=30)
    line.run()
    published = dict(world.cluster.secrets["apps/admin"])
    line.state = in_overlap
    for days in (0, 1, 10):
        world.later(days=days)
        line.run()
        assert world.cluster.secrets["apps/admin"] == published


def test_a_restored_state_goes_on_before_the_published_one_ends(line: Line, world: World) -> None:
    """Waiting for a person has an end: when the published generation is due, a new one is minted and published."""
    line.run()
    old = line.copy()
    world.later(days=60)
    line.run()
    line.state = old
    world.later(days=60)
    line.run()
    assert line.generation == world.alive()[-1] == world.cluster.receipt("admin").generation
    line.run()
    assert len(line.outputs("sweep", "authentik")["entries"]) == 1


def test_an_operator_can_accept_an_older_state(line: Line, world: World) -> None:
    """`--replace` of the token mints anew, whatever the receipt tells."""
    line.run()
    old = line.copy()
    world.later(days=60)
    line.run()
    line.state = old
    world.later(days=1)
    line.run(replace=("token",))
    assert line.generation == world.cluster.receipt("admin").generation == world.alive()[-1]


def test_an_orphan_that_cannot_be_ended_stays_in_the_ledger(line: Line, world: World) -> None:
    """With its error and its attempts, and it is said; when the backend heals it ends."""
    orphan = _orphan(line, world)
    line.run()
    world.later(days=30)
    world.faults.refuse(500, method="DELETE", times=1000)
    for attempts in (1, 2):
        line.run()
        [entry] = line.outputs("sweep", "authentik")["entries"]
        assert (entry["generation"], entry["attempts"], "HTTP 500" in entry["error"]) == (orphan, attempts, True)
        assert Reason.REVOCATION_FAILED in line.reasons()
    world.faults.clear()
    line.run()
    assert (orphan in world.alive(), line.outputs("sweep", "authentik")["entries"]) == (False, [])


def test_what_stands_in_a_tokens_ledger_leaves_the_sweep(line: Line, world: World) -> None:
    """A generation that a token answers for again is ended by the token's deadline, not by the sweep's."""
    line.run()
    entry = {"generation": line.generation, "handle": line.generation, "deadline": "2026-01-01T00:00:00Z"}
    line.outputs("sweep", "authentik")["entries"] = [{**entry, "retired": "", "error": "", "attempts": 0}]
    world.server.issue("akadmin", f"{OWNER}_admin_20250101t000000z_orphan", expiring=False)
    first = line.generation
    for days in (0, 60, 29):
        world.later(days=days)
        line.run()
        assert first in world.alive()
    world.later(days=1)
    line.run()
    assert world.alive() == [line.generation]


def test_a_token_that_comes_back_keeps_its_overlap(world: World) -> None:
    """A token that was missing from the config for a run keeps its whole overlap at its next rotation."""
    line = Line(world, Declared(), Declared("other", places=("apps/other",)))
    line.run()
    both = line.declared
    line.declared = both[:1]
    line.run()
    line.declared = both
    world.later(days=59)
    line.run()
    value = world.cluster.secrets["apps/other"]["token"]
    world.later(days=1)
    line.run()
    assert world.cluster.secrets["apps/other"]["token"] != value
    world.later(days=29)
    line.run()
    assert world.server.accepts(value)


def test_a_lost_state_lets_the_published_generation_live(line: Line, world: World) -> None:
    """With no state at all, what is published gets its overlap before it ends."""
    line.run()
    value = world.cluster.secrets["apps/admin"]["token"]
    line.state = {}
    world.later(days=1)
    line.run()
    assert (line.reasons()[0], world.server.accepts(value)) == (Reason.MISSING_AT_BACKEND, True)
    line.run()
    assert line.reasons() == [Reason.ORPHAN_FOUND]
    world.later(days=30)
    line.run()
    assert not world.server.accepts(value)
    assert world.alive() == [line.generation]


def test_without_a_receipt_nothing_is_entered(line: Line, world: World) -> None:
    """The cluster away and an older state: what it does not know may be what consumers hold, and waits."""
    line.run()
    old = line.copy()
    world.later(days=58)
    line.run(replace=("token",))
    in_use = world.cluster.secrets["apps/admin"]["token"]
    line.state = old
    world.cluster.go_away()
    line.run()
    world.cluster.heal()
    assert (world.server.accepts(in_use), line.outputs("sweep", "authentik")["entries"]) == (True, [])


def test_a_broken_backend_is_not_an_empty_one(line: Line, world: World) -> None:
    """A listing that fails finds no orphan and forgets none."""
    orphan = _orphan(line, world)
    line.run()
    world.faults.down = True
    line.run()
    assert [entry["generation"] for entry in line.outputs("sweep", "authentik")["entries"]] == [orphan]


def test_an_unpublished_successor_is_in_the_ledger(line: Line, world: World) -> None:
    """A generation whose publication failed is no orphan: the state knows it."""
    line.run()
    world.later(days=60)
    world.cluster.fail = {"publish": ClusterAway}
    with pytest.raises(ClusterError):
        line.run()
    world.cluster.heal()
    world.later(days=1)
    line.run()
    assert Reason.ORPHAN_FOUND not in line.reasons()
    assert world.cluster.receipt("admin").superseded[0].deadline == world.clock() + timedelta(days=30)


def test_a_token_that_the_config_has_lost_is_no_orphan(world: World) -> None:
    """Its generations stay out of the sweep for as long as the receipt names them: a slip must not be an outage."""
    line = Line(world, Declared(), Declared("other", places=("apps/other",)))
    line.run()
    value = world.cluster.secrets["apps/other"]["token"]
    del line.declared[1]
    for _ in range(3):
        world.later(days=31)
        line.run()
        assert (world.server.accepts(value), Reason.ORPHAN_FOUND in line.reasons()) == (True, False)
