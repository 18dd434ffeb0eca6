"""Tokens that nobody looks after: told once, counted, and revoked only an overlap after they were first seen."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rotation.backends.transport import Request, Response, json_request
from rotation.operator_tokens.plan import Step
from rotation.operator_tokens.published import OPERATOR_LABEL, TOKEN, TYPE_LABEL, secret_name
from rotation.operator_tokens.record import Status
from rotation.reasons import Action, Reason
from rotation.testing.builders import DAY, SECOND
from tests.operator_tokens.team_world import OTHER, OVERLAP, OWNED_BY, TEAM, TeamWorld


def _orphaned(world: TeamWorld, namespace: str = TEAM) -> tuple[str, str]:
    team = world.team(namespace)
    return team.reason, team.orphaned


def test_a_secret_that_is_gone_for_long_makes_an_orphan(world: TeamWorld) -> None:
    """Missing for an overlap it is only told as missing; from then on it is an orphan, and lives one overlap more."""
    world.bootstrapped()
    world.delete_secret()
    world.run()
    assert _orphaned(world) == ("SecretMissing", "")
    world.clock.move(OVERLAP - SECOND)
    world.run()
    assert _orphaned(world) == ("SecretMissing", "")
    world.clock.move(SECOND)
    world.run()
    assert _orphaned(world) == ("Orphaned", "its Secret is gone")
    assert world.told() == ["Accepted", "SecretMissing", "Orphaned"]
    world.clock.move(OVERLAP - SECOND)
    world.run()
    assert len(world.accepted()) == 1
    world.clock.move(SECOND)
    due = world.due()[TEAM]
    assert (due.step, due.decision.action, due.decision.reason) == (Step.REVOKE_ORPHAN, Action.RETIRE, Reason.ORPHANED)
    world.run()
    assert world.accepted() == {}
    assert _orphaned(world) == ("NothingAccepted", "")


def test_a_team_that_bootstraps_while_its_orphan_is_revoked_keeps_what_it_got(world: TeamWorld) -> None:
    """The run looks again at what was written since it looked, and finds no orphan any more."""
    admission = world.bootstrapped()
    world.delete_secret()
    for _ in range(2):
        world.run()
        world.clock.move(OVERLAP)
    assert world.due()[TEAM].step is Step.REVOKE_ORPHAN
    minted: list[bool] = []

    def send(request: Request) -> Response:
        answer = world.send(request)
        if request.path == f"/api/v1/namespaces/{TEAM}" and not minted:  # the run has read the record, and not written
            minted.append(world.present(admission).minted)
        return answer

    dues = world.keeper().look()
    assert world.keeper(send).keep(dues).failures == {}
    assert minted == [True]
    assert world.lets_in(world.secret()[TOKEN])
    assert world.team().status is not Status.DEGRADED


def test_a_namespace_that_is_gone_makes_one_at_once(world: TeamWorld) -> None:
    """It is not revoked on sight: a namespace that is made again within the overlap is not cut off by a mistake."""
    world.bootstrapped()
    world.delete_namespace()
    world.run()
    assert _orphaned(world) == ("Orphaned", "its namespace is gone")
    assert world.due()[TEAM].decision.until == world.clock() + OVERLAP
    world.clock.move(OVERLAP - SECOND)
    world.run()
    assert len(world.accepted()) == 1
    world.clock.move(SECOND)
    world.run()
    assert world.accepted() == {}
    assert world.due() == {}


def test_rights_that_went_with_a_namespace_hide_no_orphan(world: TeamWorld) -> None:
    """A Role goes with its namespace: what is forbidden there then is gone, and elsewhere it is a failure."""
    world.bootstrapped()
    world.delete_namespace()
    world.faults.refuse(403, path=f"/api/v1/namespaces/{TEAM}/secrets", times=100)
    world.run()
    assert _orphaned(world) == ("Orphaned", "its namespace is gone")
    world.server.add_namespace(TEAM)
    due = world.due()[TEAM].decision
    assert (due.action, due.reason) == (Action.DEFER, Reason.BACKEND_REFUSES)
    world.faults.clear()


def _without_reference(world: TeamWorld) -> None:
    world.put_secret(world.secret(), ownerReferences=[])


def test_a_secret_whose_owner_is_gone_makes_one(world: TeamWorld) -> None:
    """It does not name the owner that is set, and there is none to name."""
    world.make_owner()
    world.bootstrapped(owner=OWNED_BY)
    _without_reference(world)
    world.unmake_owner()
    world.run(owner=OWNED_BY)
    assert _orphaned(world) == ("Orphaned", "its owner is gone")
    world.clock.move(OVERLAP)
    world.run(owner=OWNED_BY)
    assert world.accepted() == {}


def test_a_reference_that_was_lost_is_written_anew(world: TeamWorld) -> None:
    """Where the owner is there, the Secret is given back to it, and is no orphan."""
    uid = world.make_owner()
    world.bootstrapped(owner=OWNED_BY)
    _without_reference(world)
    assert world.due(owner=OWNED_BY)[TEAM].decision.action is Action.REPAIR
    world.run(owner=OWNED_BY)
    assert world.metadata()["ownerReferences"][0]["uid"] == uid
    assert _orphaned(world) == ("Accepted", "")
    assert world.due(owner=OWNED_BY) == {}


def test_an_owner_that_is_set_later_gets_its_secrets(world: TeamWorld) -> None:
    """Bootstrapped without one: the next run names it, beside what others put there."""
    world.bootstrapped()
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "uid": world.make_owner(OTHER)}
    world.put_secret(world.secret(), ownerReferences=[theirs])
    world.make_owner()
    world.run(owner=OWNED_BY)
    assert [one["name"] for one in world.metadata()["ownerReferences"]] == ["theirs", f"realm-of-{TEAM}"]


def test_an_orphan_that_is_one_no_more_lives(world: TeamWorld) -> None:
    """Its owner came back before the deadline: the status is as before, and a later orphanhood counts anew."""
    world.make_owner()
    world.bootstrapped(owner=OWNED_BY)
    _without_reference(world)
    world.unmake_owner()
    world.run(owner=OWNED_BY)
    world.clock.move(OVERLAP - DAY)
    world.make_owner()
    world.run(owner=OWNED_BY)
    assert _orphaned(world) == ("Accepted", "")
    _without_reference(world)
    world.unmake_owner()
    world.clock.move(2 * DAY)
    world.run(owner=OWNED_BY)
    assert _orphaned(world)[0] == "Orphaned"
    assert len(world.accepted()) == 1


def test_a_presentation_ends_orphanhood(world: TeamWorld) -> None:
    """A team that comes back after its Secret was gone for long is bootstrapped again."""
    admission = world.bootstrapped()
    world.delete_secret()
    world.run()
    world.clock.move(OVERLAP)
    world.run()
    assert world.present(admission).minted
    assert _orphaned(world) == ("Rotated", "")
    world.clock.move(OVERLAP)
    world.run()
    assert world.lets_in(world.secret()[TOKEN])


def test_an_orphan_is_not_rotated(world: TeamWorld) -> None:
    """Nobody would read the successor."""
    world.make_owner()
    world.bootstrapped(owner=OWNED_BY)
    world.clock.move(80 * DAY)
    _without_reference(world)
    world.unmake_owner()
    world.run(owner=OWNED_BY)
    world.run(owner=OWNED_BY)
    assert world.team().rotations == 0


_UNTOLD: Mapping[str, str] = {}
STRAYS = {
    "the usual Secret, no record": (OTHER, secret_name(OTHER)),
    "another Secret of a team that is well": (TEAM, "copied-by-hand"),
}


@pytest.mark.parametrize("place", STRAYS.values(), ids=STRAYS.keys())
def test_a_labelled_secret_that_nothing_lets_in_is_told(world: TeamWorld, place: tuple[str, str]) -> None:
    """Once, with its name, and counted; nothing of it is alive, so nothing is revoked, and nothing is deleted."""
    namespace, name = place
    world.bootstrapped()
    _make(world, namespace, name, "unheard of")
    since = world.team(namespace).since
    for _ in range(2):
        world.clock.move(DAY)
        world.run()
    reason, orphaned = _orphaned(world, namespace)
    assert world.team(namespace).since == since, "its status is as it was"
    assert name in orphaned
    assert reason == ("NotBootstrapped" if namespace == OTHER else "Accepted")
    assert [event["type"] for event in world.events(namespace)].count("Warning") == 1
    world.clock.move(3 * OVERLAP)
    world.run()
    assert world.secret(namespace, name) == {TOKEN: "unheard of"}
    assert world.lets_in(world.secret(TEAM)[TOKEN])


def test_another_operators_secret_is_no_stray(world: TeamWorld) -> None:
    """Two operators may serve one cluster: a Secret says whose it is, and gets no record of another's."""
    world.bootstrapped()
    _make(world, OTHER, secret_name(OTHER), "unheard of", {OPERATOR_LABEL: "iam.tokens"})
    assert world.due() == {}
    world.server.handle(json_request("DELETE", world.secret_path(OTHER)))
    _make(world, OTHER, secret_name(OTHER), "unheard of", {OPERATOR_LABEL: world.place.mark})
    assert world.due().keys() == {OTHER}


def test_a_copy_of_a_live_token_is_no_stray(world: TeamWorld) -> None:
    """A second labelled Secret with the current value is somebody's copy."""
    world.bootstrapped()
    _make(world, TEAM, "copy", world.secret()[TOKEN])
    assert world.due() == {}


def test_an_expired_token_that_is_still_published_is_told(world: TeamWorld) -> None:
    """Runs failed for weeks: the Secret holds what no record lets in, and the status says what to do."""
    world.bootstrapped()
    world.clock.move(90 * DAY)
    world.run()
    assert world.team().status is Status.DEGRADED
    assert _orphaned(world) == ("NothingAccepted", f"no record lets in what stands in {TEAM}-operator-token")


def _make(world: TeamWorld, namespace: str, name: str, value: str, labels: Mapping[str, str] = _UNTOLD) -> None:
    """A Secret that somebody else labelled as we do."""
    metadata = {"name": name, "labels": {TYPE_LABEL: "operational", **labels}}
    body = {"metadata": metadata, "stringData": {TOKEN: value}}
    assert world.send(json_request("POST", f"/api/v1/namespaces/{namespace}/secrets", body)).status == 201
