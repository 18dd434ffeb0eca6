"""Vault cannot be listed: a mint is a short lease until the state knows it. Against a real OpenBao."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dynamic_providers.verbs import VerbError
from rotation.reasons import Reason
from sandbox.servers.openbao import OpenBaoServer
from tests.dynamic_providers.line import Killed, Line
from tests.dynamic_providers.vault_world import VaultWorld

LEASE = 150
"""Seconds: a quarter of the lifetime."""
DUE = timedelta(seconds=300)


@pytest.fixture
def world(openbao_server: OpenBaoServer) -> VaultWorld:
    return VaultWorld(openbao_server)


@pytest.fixture
def line(world: VaultWorld) -> Line:
    """One Vault token, published."""
    line = Line(world, world.declared())
    line.run()
    return line


def test_a_token_is_confirmed_before_it_is_published(world: VaultWorld) -> None:
    """Killed after the mint it has a quarter of its life; when the pair knows it, the whole."""
    line = Line(world, world.declared())
    line.kill_at = "create token"
    with pytest.raises(Killed):
        line.run()
    assert (world.seconds_left(world.accessors[0]) <= LEASE, world.cluster.secrets) == (True, {})
    line.run()
    assert world.seconds_left(line.outputs("token")["handle"]) > LEASE
    assert world.cluster.secrets["apps/admin"]["generation"] == line.generation


def _rotate(line: Line) -> None:
    """By a nonce: the server's time is real, so that nothing comes due by its clock in a test."""
    line.declared[0].force += "again"
    line.run()


def test_its_age_makes_it_due(line: Line, world: VaultWorld) -> None:
    """A dry run at that age shows the replacement and its reason, a second sooner it shows nothing."""
    line.run(preview=True, ahead=DUE - timedelta(seconds=5))
    assert (line.steps, line.said) == ([], [])
    line.run(preview=True, ahead=DUE)
    assert (line.steps[0], line.reasons()) == ("replace token", [Reason.MAXIMUM_AGE])


def test_it_rotates_and_retires(line: Line, world: VaultWorld) -> None:
    """Replaced with both alive; revoked after the overlap and verified dead."""
    _rotate(line)
    assert len(world.alive()) == 2
    assert world.cluster.secrets["apps/admin"]["token-previous"]
    line.run(ahead=timedelta(seconds=61))
    assert world.alive() == [line.outputs("token")["handle"]]


def test_what_died_behind_our_back_is_minted_anew(line: Line, world: VaultWorld) -> None:
    """MissingAtBackend, one new mint; the dead one is superseded, and nobody is told to rely on it."""
    first = line.generation
    world.end(line.outputs("token")["handle"])
    world.calls.clear()
    line.run()
    assert world.calls["lookup-accessor"] == 1
    assert (line.reasons(), line.outputs("pair")["previous"]) == ([Reason.MISSING_AT_BACKEND], "")
    assert [item["generation"] for item in line.outputs("pair")["superseded"]] == [first]
    assert world.alive() == [line.outputs("token")["handle"]]


def test_a_lease_that_died_before_the_pair_knew_it(line: Line, world: VaultWorld) -> None:
    """The state has the token and the pair has not: the next run mints anew instead of failing to confirm for ever."""
    first = line.generation
    world.faults.refuse(503, path="/v1/auth/token/renew-accessor", times=4)
    with pytest.raises(VerbError, match=r"Unavailable: confirm admin at vault"):
        _rotate(line)
    assert line.generation != first
    line.run()
    assert line.reasons() == [Reason.MISSING_AT_BACKEND]
    assert line.outputs("pair")["previous_generation"] == first
    assert len(world.alive()) == 2


def test_one_look_up_for_a_run_with_nothing_due(line: Line, world: VaultWorld) -> None:
    """A token costs one look-up of its accessor and nothing else."""
    world.calls.clear()
    line.run()
    assert (dict(world.calls), line.steps) == ({"lookup-accessor": 1}, [])


def test_one_look_up_for_a_run_that_rotates(line: Line, world: VaultWorld) -> None:
    """Before the deadline of anything, a rotation looks once at what it replaces."""
    world.calls.clear()
    _rotate(line)
    assert world.calls["lookup-accessor"] == 1


def test_an_unreachable_server_keeps_what_is_not_due(line: Line, world: VaultWorld) -> None:
    """No answer to the look-up is no death."""
    world.faults.down = True
    line.run()
    assert (line.steps, line.said) == ([], [])


def test_a_due_token_and_an_unreachable_server(line: Line, world: VaultWorld) -> None:
    """The mint fails with a typed error, the old one stays, and the next run rotates."""
    first = line.generation
    world.faults.down = True
    with pytest.raises(VerbError, match=r"Unavailable: .* admin at vault"):
        _rotate(line)
    assert line.generation == first
    world.faults.clear()
    line.run()
    assert line.generation != first


def test_a_short_grant_is_refused_with_its_margin(world: VaultWorld) -> None:
    """A role that caps tokens below the policy's need: revoked, unpublished, and the margin told."""
    role = {"allowed_policies": [f"{world.role}-admin"], "orphan": True, "renewable": True}
    world.server.as_root("POST", f"auth/token/roles/{world.role}", {**role, "token_explicit_max_ttl": "200s"})
    line = Line(world, world.declared())
    with pytest.raises(VerbError, match=r"GrantedTooShort: mint admin at vault: .*margin -"):
        line.run()
    assert (world.alive(), world.cluster.secrets) == ([], {})


def test_destroy_ends_current_and_superseded(line: Line, world: VaultWorld) -> None:
    """The pair revokes every accessor that it holds."""
    _rotate(line)
    assert len(world.alive()) == 2
    line.destroy()
    assert world.alive() == []


def test_a_rotator_that_is_ours_is_ended_by_the_guard(line: Line, world: VaultWorld) -> None:
    """When the stack's own token is the credential, a destroy ends it last, and all others before."""
    _rotate(line)
    world.credential = line.outputs("token")["value"]
    line.destroy()
    assert world.alive() == []


@pytest.mark.parametrize("point", ["create pair", "update pair"])
def test_destroy_after_a_kill_in_the_pair(world: VaultWorld, point: str) -> None:
    """A lease that was confirmed by a killed run is ended by the destroy that follows."""
    line = Line(world, world.declared())
    if point == "update pair":
        line.run()
    line.kill_at = point
    with pytest.raises(Killed):
        _rotate(line)
    line.destroy()
    assert all(world.seconds_left(accessor) <= LEASE for accessor in world.accessors)
