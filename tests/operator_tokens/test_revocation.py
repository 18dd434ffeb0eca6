"""A team is revoked at once, stays so against everybody who mints, and begins anew when it is restored."""

from __future__ import annotations

import pytest

from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.transport import Request, Response
from rotation.errors import Refused, Unavailable
from rotation.operator_tokens.admission import AdmissionRefused, Refusal
from rotation.operator_tokens.plan import Step
from rotation.operator_tokens.published import TOKEN
from rotation.operator_tokens.record import State, Status
from rotation.reasons import Reason
from rotation.testing.builders import DAY
from sandbox.servers.kubernetes import KubernetesServer
from tests.operator_tokens.team_world import BEFORE, LIFE, OTHER, TEAM, RealTeams, TeamWorld
from tests.operator_tokens.trouble import WRITES, Cut, KilledError, killed

DUE = LIFE - BEFORE


def _refusal(world: TeamWorld, value: str) -> Refusal:
    with pytest.raises(AdmissionRefused) as raised:
        world.present(value)
    return raised.value.reason


def test_everything_of_a_team_ends_with_one_write(world: TeamWorld) -> None:
    """Current, previous and admission in the same change; another team is not touched."""
    admission = world.bootstrapped()
    world.bootstrapped(OTHER)
    world.clock.move(DUE)
    world.run()
    sent: list[Request] = []

    def recorded(request: Request) -> Response:
        sent.append(request)
        return world.send(request)

    held = list(world.secret().values())
    record = world.revocation(recorded).revoke_team(TEAM)
    writes = [request for request in sent if request.method in WRITES and "configmaps" in request.path]
    assert len(writes) == 1
    assert {one.state for one in record.entries.values()} == {State.REVOKED}
    assert [world.lets_in(value) for value in held] == [False, False]
    assert _refusal(world, admission) is Refusal.TEAM_REVOKED
    assert world.lets_in(world.secret(OTHER)[TOKEN], OTHER)


def test_the_secret_is_emptied_and_the_team_is_told(world: TeamWorld) -> None:
    """No value is left there; the Secret itself stays for its Events; the status is Revoked from that instant."""
    world.bootstrapped()
    world.clock.move(DAY)
    world.revocation().revoke_team(TEAM)
    assert (world.secret(), world.annotations()) == ({}, {})
    team = world.team()
    assert (team.status, team.reason, team.since, team.revoked_at) == (
        Status.REVOKED,
        "TeamRevoked",
        world.clock(),
        world.clock(),
    )
    event = world.events()[-1]
    assert (event["reason"], event["type"], event["action"]) == ("TeamRevoked", "Warning", "revoke")
    assert event["regarding"]["uid"] == world.metadata()["uid"]


def test_revoked_again_it_stays_as_it_was(world: TeamWorld) -> None:
    """The first instant stays, and no second Event is told."""
    world.bootstrapped()
    world.revocation().revoke_team(TEAM)
    record = world.record()
    world.clock.move(DAY)
    world.revocation().revoke_team(TEAM)
    assert (world.record(), world.told()) == (record, ["Accepted", "TeamRevoked"])


def test_nothing_mints_until_it_is_restored(world: TeamWorld) -> None:
    """Neither a presentation, with an admission token that came later too, nor a run, nor the stack."""
    world.bootstrapped()
    world.revocation().revoke_team(TEAM)
    world.clock.move(DUE)
    with pytest.raises(Refused, match="was revoked at"):
        world.enter()
    assert world.run().done == {}
    assert world.accepted() == {}


def test_a_restored_team_begins_anew(world: TeamWorld) -> None:
    """What was revoked stays dead; a new admission token makes a new operational one in the same Secret."""
    admission = world.bootstrapped()
    first = world.secret()[TOKEN]
    world.revocation().revoke_team(TEAM)
    world.revocation().restore_team(TEAM)
    assert (world.team().status, world.team().reason) == (Status.DEGRADED, "NothingAccepted")
    assert not world.lets_in(first)
    assert _refusal(world, admission) is Refusal.REVOKED
    assert world.present(world.enter()).minted
    assert world.lets_in(world.secret()[TOKEN])
    assert world.secret()[TOKEN] != first
    assert world.told() == ["Accepted", "TeamRevoked", "NothingAccepted", "Accepted"]


def test_the_config_keeps_a_team_revoked(world: TeamWorld) -> None:
    """A run revokes what the config names, again after a restoration too; taken out of the config it stays revoked."""
    world.bootstrapped()
    due = world.due(revoked=frozenset({TEAM}))[TEAM]
    assert (due.step, due.decision.reason) == (Step.REVOKE_TEAM, Reason.TEAM_REVOKED)
    world.run(revoked=frozenset({TEAM}))
    assert (world.accepted(), world.secret()) == ({}, {})
    assert world.due(revoked=frozenset({TEAM})) == {}
    world.revocation().restore_team(TEAM)
    world.run(revoked=frozenset({TEAM}))
    assert world.team().status is Status.REVOKED
    world.run()
    assert world.team().status is Status.REVOKED


def test_a_team_without_a_record_can_be_revoked(world: TeamWorld) -> None:
    """Before anything was made for it: nothing will be."""
    world.run(revoked=frozenset({OTHER}))
    assert world.team(OTHER).status is Status.REVOKED
    with pytest.raises(Refused):
        world.enter(OTHER)


@pytest.mark.parametrize("arrives", [True, False], ids=["written", "not written"])
@pytest.mark.parametrize("at", [1, 2], ids=["revoked", "emptied"])
def test_a_revocation_that_was_killed_is_ended(world: TeamWorld, at: int, arrives: bool) -> None:
    """After the first write everything is dead; the next run, or the same command again, empties the Secret."""
    world.bootstrapped()
    with killed():
        world.revocation(Cut(world.send, at, arrives)).revoke_team(TEAM)
    if (at, arrives) != (1, False):
        assert world.accepted() == {}
        world.run()
        assert world.secret() == {}
    world.revocation().revoke_team(TEAM)
    assert (world.accepted(), world.secret()) == ({}, {})


def test_a_secret_that_cannot_be_emptied_is_told(world: TeamWorld) -> None:
    """The error says that the tokens are dead all the same, and its Event is told."""
    world.bootstrapped()
    world.faults.refuse(500, method="PUT", path=f"/api/v1/namespaces/{TEAM}/secrets", times=100)
    with pytest.raises(Unavailable, match="its tokens are revoked, but its Secret still holds them"):
        world.revocation().revoke_team(TEAM)
    assert world.accepted() == {}
    assert world.told() == ["Accepted", "TeamRevoked"]


def test_what_somebody_else_put_there_is_not_taken_out(world: TeamWorld) -> None:
    """A value that is none of this team's tokens is not ours to delete."""
    world.bootstrapped()
    world.put_secret({TOKEN: "by hand"})
    world.revocation().revoke_team(TEAM)
    assert world.secret() == {TOKEN: "by hand"}


@pytest.mark.parametrize("at", [1, 2], ids=["after the claim", "after the publication"])
def test_a_bootstrap_under_way_does_not_survive_it(world: TeamWorld, at: int) -> None:
    """Revoked between its writes: it makes nothing, and its value leaves the Secret again."""
    admission = world.enter()
    writes = 0

    def interrupted(request: Request) -> Response:
        nonlocal writes
        answer = world.send(request)
        if request.method in WRITES:
            writes += 1
            if writes == at:
                world.note()
                world.revocation().revoke_team(TEAM)
        return answer

    with pytest.raises(AdmissionRefused) as raised:
        world.present(admission, send=interrupted)
    assert raised.value.reason is Refusal.TEAM_REVOKED
    assert (world.accepted(), world.secret()) == ({}, {})


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
def test_a_rotation_under_way_does_not_survive_it(world: TeamWorld, at: int) -> None:
    """Revoked after any of its writes: nothing is let in, and the Secret is empty after the next run."""
    world.bootstrapped()
    world.clock.move(DUE)
    with pytest.raises(KilledError):
        world.run(Cut(world.send, at, arrives=True))
    world.note()
    world.revocation().revoke_team(TEAM)
    world.run()
    assert (world.accepted(), world.secret()) == ({}, {})
    assert world.team().status is Status.REVOKED


def test_on_a_real_server(kubernetes_server: KubernetesServer) -> None:
    """Bootstrapped, revoked, restored and bootstrapped again, as a real API server takes it."""
    teams = RealTeams(kubernetes_transport(connection(str(kubernetes_server.kubeconfig))), lambda _seconds: None)
    teams.present(teams.enter(teams.mine), teams.mine)
    teams.revocation().revoke_team(teams.mine)
    assert (teams.accepted(teams.mine), teams.secret(teams.mine)) == ({}, {})
    teams.revocation().restore_team(teams.mine)
    assert teams.present(teams.enter(teams.mine), teams.mine).minted
    assert len(teams.accepted(teams.mine)) == 1
    teams.assert_nothing_is_revealed()
