"""What a run does beside rotating in time: what it leaves alone, what holds it, and what it repairs."""

from __future__ import annotations

from typing import Any

import pytest

from rotation.backends.transport import Request, Response, json_response
from rotation.errors import Unauthorised
from rotation.model import Policy
from rotation.operator_tokens.published import PREVIOUS, TOKEN
from rotation.operator_tokens.record import Status
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, SECOND
from tests.operator_tokens.team_world import BEFORE, LIFE, OTHER, OVERLAP, TEAM, TeamWorld
from tests.operator_tokens.trouble import Cut, killed

DUE = LIFE - BEFORE


def test_looking_changes_nothing(world: TeamWorld) -> None:
    """No request of a look writes."""
    world.bootstrapped()
    world.bootstrapped(OTHER)
    world.clock.move(DUE)
    world.delete_secret(OTHER)
    world.server.calls.clear()
    assert world.due().keys() == {TEAM, OTHER}
    assert {method for method, _template in world.server.calls} == {"GET"}


def test_a_failure_of_one_namespace_stops_no_other(world: TeamWorld) -> None:
    """It is named with its error, and the other one is rotated in the same run."""
    for namespace in (TEAM, OTHER):
        world.bootstrapped(namespace)
    world.clock.move(DUE)
    world.faults.refuse(403, method="PUT", path=f"/api/v1/namespaces/{TEAM}/secrets")
    keeper = world.keeper()
    kept = keeper.keep(keeper.look())
    assert kept.failures.keys() == {TEAM}
    assert isinstance(kept.failures[TEAM], Unauthorised)
    assert (world.team(TEAM).rotations, world.team(OTHER).rotations) == (0, 1)
    assert world.unknown(TEAM) == [], "what was claimed is revoked at once"
    world.run()
    assert world.team(TEAM).rotations == 1


def test_a_damaged_record_stops_no_other(world: TeamWorld) -> None:
    """It is due as one that waits, with its cause, fails in the run, and is not written over."""
    for namespace in (TEAM, OTHER):
        world.bootstrapped(namespace)
    world.clock.move(DUE)
    name = f"{world.place.name}-{TEAM}"
    path = f"/api/v1/namespaces/{world.place.namespace}/configmaps/{name}"
    body = world.send(Request("GET", path)).json()
    body["data"]["f" * 64] = "{"
    assert world.send(Request("PUT", path, body=json_response(200, body).body)).status == 200
    due = world.due()[TEAM].decision
    assert (due.action, due.reason) == (Action.DEFER, Reason.BACKEND_REFUSES)
    keeper = world.keeper()
    kept = keeper.keep(keeper.look())
    assert (list(kept.failures), world.team(OTHER).rotations) == ([TEAM], 1)


def test_a_pause_mints_nothing_and_retires_all_the_same(world: TeamWorld) -> None:
    """A due rotation is told to be held; a grace that is over ends."""
    world.bootstrapped()
    world.clock.move(DUE)
    assert world.due(minting=False)[TEAM].decision.reason is Reason.PAUSED
    assert world.run(minting=False).done == {}
    world.run()
    world.clock.move(OVERLAP)
    world.run(minting=False)
    assert world.secret().keys() == {TOKEN}


def test_a_window_holds_it_back(world: TeamWorld) -> None:
    """The policy's windows count here too; they hold it up to the latest start and no longer."""
    parts = {"lifetime": "90d", "rotate_before": "20d", "overlap": "7d", "windows": [{"from": "02:00", "to": "03:00"}]}
    policy = Policy.model_validate(parts)
    world.bootstrapped()
    world.clock.move(70 * DAY)  # at noon
    assert world.due(policy=policy)[TEAM].decision.reason is Reason.OUTSIDE_WINDOW
    world.clock.move(10 * DAY)
    assert world.due(policy=policy)[TEAM].decision.action is Action.ROTATE


def test_a_secret_that_is_gone_is_not_made_anew(world: TeamWorld) -> None:
    """Degraded and told in each run; only who presents the admission token gets another one."""
    world.bootstrapped()
    world.delete_secret()
    due = world.due()[TEAM].decision
    assert (due.action, due.reason) == (Action.DEFER, Reason.PUBLICATION_MISSING)
    world.run()
    world.run()
    assert (world.secret(), len(world.accepted())) == ({}, 1)
    assert (world.team().status, world.team().reason) == (Status.DEGRADED, "SecretMissing")
    assert world.told() == ["Accepted", "SecretMissing"]


def test_a_secret_with_another_value_is_told_and_left_alone(world: TeamWorld) -> None:
    """What somebody put there by hand is not overwritten, though the rotation is due."""
    world.bootstrapped()
    world.put_secret({TOKEN: "by hand"})
    world.clock.move(DUE)
    assert world.due()[TEAM].decision.reason is Reason.DRIFT_FOUND
    world.run()
    assert world.secret() == {TOKEN: "by hand"}
    assert (world.team().status, world.team().reason) == (Status.DEGRADED, "SecretDiffers")
    warned = [event["type"] for event in world.events()]
    assert warned == ["Normal", "Warning"]


def test_an_older_copy_of_the_secret_is_rotated_away(world: TeamWorld) -> None:
    """It holds the one before while that has its grace: the current one is lost, so another is made before it ends."""
    world.bootstrapped()
    older = world.secret()
    world.clock.move(DUE)
    world.run()
    world.clock.move(DAY)
    world.put_secret(older)
    assert world.due()[TEAM].decision.reason is Reason.PUBLICATION_MISSING
    world.run()
    assert world.secret()[PREVIOUS] == older[TOKEN]
    assert world.lets_in(world.secret()[TOKEN])
    assert world.due() == {}


@pytest.mark.parametrize("lost", ["annotations", "labels"])
def test_what_the_secret_tells_is_repaired(world: TeamWorld, lost: str) -> None:
    """Labels and annotations that somebody took away are written anew, and the values stay."""
    world.bootstrapped()
    before, secret = world.metadata()[lost], world.secret()
    metadata: dict[str, Any] = {lost: {}}
    world.put_secret(secret, **metadata)
    assert world.due()[TEAM].decision.action is Action.REPAIR
    world.run()
    assert (world.metadata()[lost], world.secret()) == (before, secret)
    assert world.due() == {}


def test_without_the_right_to_list_each_secret_is_read(world: TeamWorld) -> None:
    """Rights on the Secrets of these names are enough to rotate."""
    for namespace in (TEAM, OTHER):
        world.bootstrapped(namespace)
    world.clock.move(DUE)

    def limited(request: Request) -> Response:
        if request.method == "GET" and request.path.endswith("/secrets"):
            return json_response(403, {"kind": "Status", "code": 403, "message": "secrets is forbidden"})
        return world.send(request)

    world.run(limited)
    assert [world.team(one).rotations for one in (TEAM, OTHER)] == [1, 1]


def test_what_the_stack_declares_is_not_kept_here(world: TeamWorld) -> None:
    """Its status is told, and nothing else is done: neither rotated nor repaired, nor told to lack a Secret."""
    world.enter(token_type="operational", life=LIFE)
    world.run()
    assert (world.team().status, world.team().reason) == (Status.AUTHORIZED, "Declared")
    world.clock.move(LIFE - SECOND)
    assert world.due(declared={TEAM: "team-a"}) == {}


def test_one_in_both_is_told_and_still_kept(world: TeamWorld) -> None:
    """A mistake in the config must not let a token die: a person is told, and it is rotated in time."""
    world.bootstrapped()
    due = world.due(declared={TEAM: "team-a"})[TEAM].decision
    assert (due.action, due.reason) == (Action.DEFER, Reason.SECOND_WRITER)
    world.clock.move(DUE)
    world.run(declared={TEAM: "team-a"})
    assert world.team().rotations == 1


def _leave(world: TeamWorld) -> None:
    """The team is named in no config any more: no Role lets a run read its Secret or its namespace."""
    for path in (f"/api/v1/namespaces/{TEAM}/secrets", f"/api/v1/namespaces/{TEAM}", "/api/v1/secrets"):
        world.faults.refuse(403, path=path, times=1000)


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_team_that_left_with_nothing_alive_fails_no_run(world: TeamWorld, how: str) -> None:
    """Its Secret may not be read, and nothing in it is let in, so nobody needs to; later neither."""
    for namespace in (TEAM, OTHER):
        world.bootstrapped(namespace)
    if how == "revoked":
        world.revocation().revoke_team(TEAM)
    else:
        world.clock.move(LIFE + DAY)
    _leave(world)
    world.run()
    world.clock.move(400 * DAY)
    world.run()
    assert TEAM not in world.due()


def test_a_team_that_left_with_a_token_alive_is_told_with_the_remedy(world: TeamWorld) -> None:
    """It is waiting in each look until it is named again or revoked; so is one that the config revokes."""
    world.bootstrapped()
    _leave(world)
    told = world.due()[TEAM].decision
    assert (told.action, told.reason) == (Action.DEFER, Reason.BACKEND_REFUSES)
    assert f"Name {TEAM} under `operator.namespaces`, and apply the schedule; or revoke the team." in told.message
    world.faults.clear()
    world.revocation().revoke_team(TEAM)
    _leave(world)
    assert world.due(revoked=frozenset({TEAM}))[TEAM].decision.reason is Reason.BACKEND_REFUSES


def test_a_persons_annotation_holds_the_rotation(world: TeamWorld) -> None:
    """`auto-rotate: "false"` at the Secret lets time alone rotate nothing; no write takes it away, and graces end."""
    world.bootstrapped()
    world.clock.move(DUE)
    world.run()
    hold = {"token-rotation/auto-rotate": "False"}
    world.put_secret(world.secret(), annotations={**world.metadata()["annotations"], **hold})
    assert world.due() == {}
    world.clock.move(DUE)
    world.run()
    assert (world.team().rotations, PREVIOUS in world.secret()) == (1, False)
    told = world.due()[TEAM].decision
    assert (told.action, told.reason) == (Action.DEFER, Reason.PAUSED)
    assert f"the annotation auto-rotate at {TEAM}/{TEAM}-operator-token is false" in told.message
    assert world.metadata()["annotations"].items() >= hold.items()
    world.put_secret(world.secret(), annotations=world.metadata()["annotations"] | {next(iter(hold)): "true"})
    world.run()
    assert world.team().rotations == 2


def test_a_claim_under_way_is_told_as_nothing_else(world: TeamWorld) -> None:
    """A team that is bootstrapping at this moment has no Secret yet, and is not told that it is gone."""
    admission = world.enter()
    with killed():
        world.present(admission, send=Cut(world.send, 1, arrives=True))
    assert world.due() == {}


def test_an_event_of_a_declared_team_regards_the_secret_that_the_stack_publishes_to(world: TeamWorld) -> None:
    """The keeper does not look at it, and is told its name."""
    world.enter(token_type="operational")
    world.run(declared={TEAM: "token-of-a"}, secrets={TEAM: "a-secret"})
    (event,) = world.events()
    assert (event["reason"], event["regarding"]["name"]) == ("Declared", "a-secret")
