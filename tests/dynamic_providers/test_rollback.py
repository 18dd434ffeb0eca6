"""The previous generation becomes current again: by hand, and by itself when the new one stops working."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dynamic_providers.verbs import VerbError
from rotation.errors import ClusterError
from rotation.reasons import Reason
from tests.dynamic_providers.line import POLICY, Declared, Killed, Line
from tests.dynamic_providers.world import World

PLACE = "apps/admin"


@pytest.fixture
def line(world: World) -> Line:
    """One token in the middle of its overlap: two generations live, and both are published."""
    line = Line(world, Declared(probe="always"))
    line.run()
    world.later(days=60)
    line.run()
    return line


def _spoil(line: Line, world: World) -> None:
    """The server no longer takes what was published last."""
    world.call_set_key(line.generation, "rekeyed-behind-our-back-000000000000000000000000000000000000")


def test_a_person_can_go_back(line: Line, world: World) -> None:
    """A new nonce publishes the previous value as current; nothing is minted, and the later one is superseded."""
    earlier, later = world.alive()
    value = world.cluster.secrets[PLACE]["token-previous"]
    line.declared[0].rollback = "once"
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.ROLLBACK_REQUESTED], 2)
    assert (line.generation, world.cluster.secrets[PLACE]["token"]) == (earlier, value)
    assert [item["generation"] for item in line.outputs("pair")["superseded"]] == [later]
    assert world.cluster.receipt("admin").generation == earlier


def test_a_rollback_is_done_once(line: Line, world: World) -> None:
    """The same nonce does nothing more; that a due rotation waits for a person to look is said."""
    line.declared[0].rollback = "once"
    line.run()
    line.run()
    assert (line.steps, line.reasons(), world.mints()) == ([], [Reason.ROLLED_BACK], 2)


def test_after_a_rollback_a_scheduled_rotation_waits_but_not_past_its_deadline(line: Line, world: World) -> None:
    """What failed once is not tried again at once: until the end less overlap and outage, or a force nonce."""
    line.declared[0].rollback = "once"
    line.run()
    world.later(days=6)
    line.run()
    assert world.mints() == 2
    world.later(days=1)
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.NEARING_EXPIRY], 3)


def test_a_dry_run_shows_the_rollback(line: Line, world: World) -> None:
    """Generation and reason are shown, and nothing changes anywhere."""
    line.declared[0].rollback = "once"
    before = (line.copy(), world.alive(), dict(world.cluster.secrets))
    line.run(preview=True)
    assert line.steps[:2] == ["replace token", "update pair"]
    assert line.reasons() == [Reason.ROLLBACK_REQUESTED]
    assert (line.copy(), world.alive(), world.cluster.secrets) == before


def test_what_was_put_aside_has_its_own_overlap_and_ends(line: Line, world: World) -> None:
    """The later generation lives for an overlap from the rollback on, and no longer; the earlier one goes on."""
    line.declared[0].policy = {**POLICY, "rotate_before": "34d"}
    line.declared[0].rollback = "once"
    line.run()
    rolled_back_at = world.clock()
    [waiting] = world.cluster.receipt("admin").superseded
    assert waiting.deadline == rolled_back_at + timedelta(days=30)
    world.later(days=1)
    line.run()
    assert len(world.alive()) == 2


def test_the_current_generation_again_is_never_revoked(line: Line, world: World) -> None:
    """Its old deadline is forgotten: when that instant comes, it lives, and its next overlap is a whole one."""
    earlier = world.alive()[0]
    line.declared[0].rollback = "once"
    line.run()
    line.declared[0].force = "now"
    world.later(days=29)
    line.run()
    assert line.reasons() == [Reason.FORCED_BY_OPERATOR]
    world.later(days=29)
    line.run()
    assert earlier in world.alive()
    world.later(days=1)
    line.run()
    assert world.alive() == [line.generation]


def test_without_a_previous_one_a_person_is_told(world: World) -> None:
    """There is nothing to go back to: it is said, nothing changes, and the nonce is not used up."""
    line = Line(world)
    line.run()
    line.declared[0].rollback = "once"
    line.run()
    assert (line.reasons(), line.steps) == ([Reason.NOTHING_TO_ROLL_BACK_TO], [])
    assert not line.outputs("token").get("rollback")


def test_after_the_overlap_there_is_nothing_to_go_back_to(line: Line, world: World) -> None:
    """A generation past its deadline is no place to go back to, even before it is revoked."""
    world.later(days=30)
    line.declared[0].rollback = "late"
    line.run()
    assert Reason.NOTHING_TO_ROLL_BACK_TO in line.reasons()


def test_a_new_one_that_stops_working_is_put_aside_by_itself(line: Line, world: World) -> None:
    """The probe fails after the publication: consumers get back the previous value, which works, without a mint."""
    earlier = world.alive()[0]
    _spoil(line, world)
    line.run()
    assert (line.reasons(), world.mints(), line.generation) == ([Reason.ROLLED_BACK], 2, earlier)
    assert world.server.accepts(world.cluster.secrets[PLACE]["token"])


def test_a_previous_one_that_is_dead_is_not_gone_back_to(line: Line, world: World) -> None:
    """Both stopped working: another is minted."""
    earlier, _ = world.alive()
    _spoil(line, world)
    world.call_set_key(earlier, "another-key-00000000000000000000000000000000000000000000000000")
    line.run()
    assert (line.reasons()[-1], world.mints()) == (Reason.REJECTED_BY_BACKEND, 3)
    assert world.server.accepts(world.cluster.secrets[PLACE]["token"])


def test_a_rollback_that_could_not_be_published_is_no_older_state(line: Line, world: World) -> None:
    """The target breaks after the rollback was decided: the next run goes on with it, and does not say StateIsOlder."""
    earlier = world.alive()[0]
    line.declared[0].rollback = "once"
    world.cluster.fail = {"publish": ClusterError}
    with pytest.raises(ClusterError):
        line.run()
    world.cluster.heal()
    line.run()
    assert Reason.STATE_IS_OLDER not in line.reasons()
    assert (world.cluster.secrets[PLACE]["generation"], line.generation) == (earlier, earlier)


@pytest.mark.parametrize("lost", ["the saved ledger", "the receipt"])
def test_a_rollback_of_which_the_end_was_lost_leaves_no_old_deadline(line: Line, world: World, lost: str) -> None:
    """It was published and not recorded; the next run rotates: what consumers hold has its whole overlap before it."""
    earlier = world.alive()[0]
    line.declared[0].rollback = "once"
    if lost == "the receipt":
        world.cluster.fail = {"write": ClusterError}
        with pytest.raises(VerbError):
            line.run()
        world.cluster.heal()
    else:
        line.kill_at = "update retirement"
        with pytest.raises(Killed):
            line.run()
    world.later(days=31)  # past the deadline that it had before it became current again
    line.declared[0].force = "now"
    line.run()
    world.later(days=29)
    line.run()
    assert earlier in world.alive()
    world.later(days=1)
    line.run()
    assert world.alive() == [line.generation]
