"""What is to own a token's Secrets: looked up by its uid, waited for before a mint, and no stranger to us."""

from __future__ import annotations

from typing import Any

import pytest

from dynamic_providers.verbs import VerbError
from rotation.errors import ClusterAway, ClusterError
from rotation.reasons import Reason
from tests.dynamic_providers.line import Declared, Line
from tests.dynamic_providers.world import World

PATH = "/apis/keycloak.example.com/v1/namespaces/apps/keycloakrealms/main"
REFERENCE = {"apiVersion": "keycloak.example.com/v1", "kind": "KeycloakRealm", "name": "main"}
OWNED = {"by": "KeycloakRealm main", "as": {"path": PATH, "reference": REFERENCE}}


@pytest.fixture
def line(world: World) -> Line:
    """A token whose Secret is to be owned by an object; nothing has run."""
    return Line(world, Declared(owned=OWNED))


def _owners(line: Line) -> Any:
    return line.outputs("pair", "admin")["owners"]


def test_the_secret_is_to_name_its_owner(line: Line, world: World) -> None:
    """By its uid, which is asked for once in a run; its deletion is never held up by the Secret."""
    world.cluster.uids[PATH] = "uid-1"
    line.run()
    assert _owners(line) == [{**REFERENCE, "uid": "uid-1", "controller": False, "blockOwnerDeletion": False}]
    world.cluster.calls.clear()
    line.run()
    assert line.steps == []
    assert world.cluster.calls["uid"] == 1


def test_nothing_is_minted_before_the_owner_is_there(line: Line, world: World) -> None:
    """The dry run says so with its remedy, the run fails for this token alone, and the next one goes on."""
    line.declared.append(Declared(name="other", places=("apps/other",)))
    line.run(preview=True)
    assert line.reasons()[0] is Reason.WAITING_FOR_DEPENDENCY
    assert f"the owner of its Secret, {PATH}, is not there: create it, or take `owner` out" in line.said[0]
    with pytest.raises(VerbError, match=r"mint admin at authentik: .*is not there"):
        line.run()
    assert [name for name in line.state if name.startswith("token")] == ["token other"]
    world.cluster.uids[PATH] = "uid-1"
    line.run()
    assert world.mints() == 2


def test_an_owner_that_was_made_anew_is_named_anew(line: Line, world: World) -> None:
    """Its uid is another one; the value stays."""
    world.cluster.uids[PATH] = "uid-1"
    line.run()
    value = world.cluster.secrets["apps/admin"]["token"]
    world.cluster.uids[PATH] = "uid-2"
    line.run()
    assert _owners(line)[0]["uid"] == "uid-2"
    assert world.cluster.secrets["apps/admin"]["token"] == value


def test_an_owner_that_went_fails_the_pair(line: Line, world: World) -> None:
    """A Secret that names nothing which is there would be deleted at once: the reference stays, and the run says so."""
    world.cluster.uids[PATH] = "uid-1"
    line.run()
    del world.cluster.uids[PATH]
    with pytest.raises(VerbError, match=r"its owner .* is not there. Create it, or take `owner` out"):
        line.run()
    assert _owners(line)[0]["uid"] == "uid-1"
    assert world.mints() == 1


def test_an_owner_that_may_not_be_read_changes_nothing_and_ends_no_run(line: Line, world: World) -> None:
    """A check that raised would end the run for every token; what was said of the owner stands."""
    world.cluster.uids[PATH] = "uid-1"
    line.run()
    before = _owners(line)
    world.later(days=1)
    world.cluster.fail = {"uid": ClusterError}
    line.run()
    assert _owners(line) == before


def test_a_cluster_that_is_away_changes_no_owner(line: Line, world: World) -> None:
    """What was told before stands."""
    world.cluster.uids[PATH] = "uid-1"
    line.run()
    world.cluster.fail = dict.fromkeys(("look", "read"), ClusterAway)
    line.run()
    assert line.steps == []
    assert _owners(line)[0]["uid"] == "uid-1"


def test_our_own_owner_is_no_second_writer(line: Line, world: World) -> None:
    """An owner reference is taken for another manager, but for the one that we wrote."""
    world.cluster.uids[PATH] = "uid-1"
    line.run()
    world.cluster.managers["apps/admin"] = OWNED["by"]  # type: ignore[assignment]
    line.run()
    assert line.reasons() == []
    world.cluster.managers["apps/admin"] = "KeycloakRealm another"
    line.run()
    assert line.reasons() == [Reason.SECOND_WRITER]
