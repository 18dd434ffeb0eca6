"""A run that only retires ends nothing that consumers hold, whatever the state tells of what it would publish."""

from __future__ import annotations

import pytest

from dynamic_providers.verbs import VerbError
from rotation.errors import ClusterAway
from rotation.reasons import Reason
from tests.dynamic_providers.line import Declared, Line
from tests.dynamic_providers.world import World

PLACE = "apps/admin"


def _published(world: World) -> str:
    return world.cluster.secrets[PLACE]["token"]


@pytest.mark.parametrize("nonce", [{}, {"emergency": "leaked"}], ids=["due", "emergency"])
def test_what_was_never_published_supersedes_nothing(world: World, nonce: dict[str, str]) -> None:
    """A mint whose publication failed is no publication to the hourly run: the receipt stays, the old value lives."""
    line = Line(world, Declared())
    line.run()
    first, receipt = _published(world), world.cluster.receipt("admin")
    world.later(days=61)
    line.declared[0].emergency = nonce.get("emergency", "")
    world.cluster.fail = {"publish": ClusterAway}
    with pytest.raises(Exception, match="the test asked for it"):
        line.run()
    assert line.outputs("pair")["generation"] != receipt.generation
    world.cluster.heal()
    for _ in range(2):
        line.retire()
        assert world.cluster.receipt("admin").generation == receipt.generation
        world.later(days=31)
        assert (_published(world), world.server.accepts(first)) == (first, True)

    line.run()
    assert _published(world) != first
    assert world.cluster.receipt("admin").generation == line.generation
    assert world.server.accepts(_published(world))


@pytest.mark.parametrize("taken", [False, True], ids=["minted", "rolled back"])
def test_a_restored_state_ends_nothing_that_is_published(world: World, *, taken: bool) -> None:
    """Its retirement does not tell its own generation again, and its sweep takes what is in use for no orphan."""
    line = Line(world, Declared())
    line.run()
    world.later(days=61)
    line.run()
    if taken:
        world.later(days=1)
        line.declared[0].rollback = "the new one lacks a right"
        line.run()
    old = line.copy()
    world.later(days=1)
    line.declared[0].force = "now"
    line.run()
    published, receipt = _published(world), world.cluster.receipt("admin")
    line.state = old
    for _ in range(3):
        world.later(days=12)
        line.run()
        assert Reason.STATE_IS_OLDER in line.reasons()
        line.retire()
        assert world.cluster.receipt("admin").generation == receipt.generation
        assert (_published(world), world.server.accepts(published)) == (published, True)


def test_what_a_secret_names_is_no_orphan_though_no_receipt_tells_it(world: World) -> None:
    """The run that published was killed before its receipt, and the state was restored from before it."""
    line = Line(world, Declared())
    line.run()
    old = line.copy()
    world.later(days=61)
    line.kill_at = "publish secret"
    with pytest.raises(BaseException):  # noqa: B017, PT011 - a kill, as the line plays it
        line.run()
    line.kill_at = ""
    published = _published(world)
    line.state = old
    for _ in range(3):
        line.retire()
        assert Reason.ORPHAN_FOUND not in line.reasons()
        world.later(days=12)
        assert (_published(world), world.server.accepts(published)) == (published, True)

    named = world.cluster.secrets[PLACE]
    world.cluster.secrets[PLACE] = {"token": published}  # whose annotations somebody took away for a while
    line.retire()
    assert Reason.ORPHAN_FOUND in line.reasons()
    world.cluster.secrets[PLACE] = named
    world.later(days=31)
    line.retire()
    assert world.server.accepts(published), "what was entered by mistake is let go of"


def test_a_receipt_that_was_lost_is_written_again(world: World) -> None:
    """By the next run, though nothing else changes: protection and judgement rest on it."""
    line = Line(world, Declared())
    line.run()
    receipt = world.cluster.receipt("admin")
    world.cluster.entries.clear()
    line.run()
    assert world.cluster.receipt("admin").generation == receipt.generation
    line.run()
    assert line.steps == []


def test_a_credential_that_cannot_be_read_holds_its_own_token_alone(world: World) -> None:
    """It is told, a Secret that is gone is told beside it, and the tokens of other backends are rotated."""
    line = Line(world, Declared(), Declared(name="other", places=("apps/other",), backend="second"))
    line.run()
    world.later(days=61)
    world.unreadable = {"authentik"}
    del world.cluster.secrets[PLACE]
    line.run()
    told = line.reasons()
    assert {Reason.BACKEND_REFUSES, Reason.PUBLICATION_MISSING, Reason.NEARING_EXPIRY} <= set(told)
    assert len(line.outputs("pair", "other")["superseded"]) == 1
    line.refresh()
    assert "token admin" in line.state
    world.unreadable = set()
    line.run()
    assert len(line.outputs("pair")["superseded"]) == 1


def test_an_adoption_that_nobody_answers_fails_alone(world: World) -> None:
    """It mints nothing instead, and goes on with the next run; other tokens are minted."""
    line = Line(world, Declared(name="other", places=("apps/other",), backend="second"))
    line.run()
    world.later(days=61)
    value = world.server.issue("akadmin", "by-hand", expiring=False)
    world.cluster.put_by_hand(PLACE, value)
    line.declared.insert(0, Declared(adopt=(PLACE,), backend="second"))
    world.faults.down = True
    with pytest.raises(VerbError, match="Unavailable: adopt admin at second: "):
        line.run()
    assert line.reasons().count(Reason.BACKEND_UNREACHABLE) == 2
    assert "token admin" not in line.state
    world.faults.down = False
    line.run()
    assert Reason.ADOPTED in line.reasons()
    assert (_published(world), len(line.outputs("pair", "other")["superseded"])) == (value, 1)
