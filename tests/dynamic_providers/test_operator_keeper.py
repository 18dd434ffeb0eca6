"""The keeper as the engine sees it: what a dry run shows, what a run does, what fails alone, what a removal ends."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from dynamic_providers.verbs import VerbError
from operations.exit_code import ExitCode, judge
from rotation.operator_tokens.published import PREVIOUS, TOKEN
from rotation.operator_tokens.record import Status
from rotation.reasons import read_reason_line
from rotation.testing.builders import DAY
from sandbox.apis.kubernetes import KubernetesApi
from tests.dynamic_providers.keeper_world import KeeperWorld
from tests.operator_tokens.team_world import BEFORE, LIFE, MINUTE, OTHER, OVERLAP, OWNED_BY, POLICY, TEAM

DUE = LIFE - BEFORE
LISTING = ("GET", "/api/v1/namespaces/{namespace}/configmaps")


@pytest.fixture
def world() -> Iterator[KeeperWorld]:
    """Two teams that bootstrapped themselves, and a keeper that has run. No value may stand outside its homes."""
    world = KeeperWorld()
    for namespace in (TEAM, OTHER):
        world.bootstrapped(namespace)
    world.up()
    yield world
    world.assert_nothing_is_revealed(json.dumps(world.state) + "\n".join(world.said))


def _code(world: KeeperWorld) -> ExitCode:
    """What a scheduled run ends with by what was told."""
    told = [read_reason_line(line) for line in world.said]
    return judge(0, world.said, [found[1] for found in told if found])


def _writes(server: KubernetesApi) -> list[str]:
    return sorted({method for method, _template in server.calls} - {"GET"})


def test_nothing_due_is_no_change(world: KeeperWorld) -> None:
    """One listing, no write, nothing told."""
    world.server.calls.clear()
    assert world.preview() == (False, [])
    assert (world.server.calls[LISTING], _writes(world.server), world.said) == (1, [], [])
    assert not world.up()
    assert world.state is not None
    assert world.state["teams"] == {"Authorized": 2}


def test_a_dry_run_shows_what_is_due_and_does_nothing(world: KeeperWorld) -> None:
    """As a short text for each team, and as the same reason line that an up tells; nothing is written."""
    world.clock.move(DUE)
    values = world.secret(TEAM)
    world.server.calls.clear()
    shown = [f"{team}: rotate (NearingExpiry)" for team in (TEAM, OTHER)]
    assert world.preview() == (True, shown)
    assert world.reasons() == [f"{team} rotate NearingExpiry" for team in (TEAM, OTHER)]
    assert (_writes(world.server), world.secret(TEAM)) == ([], values)


def test_what_is_due_is_done_and_is_no_change_afterwards(world: KeeperWorld) -> None:
    """Going back to nothing due is no change; the grace's end is one, once, and no value is in what is stored."""
    world.clock.move(DUE)
    assert world.up()
    assert {PREVIOUS, TOKEN} == set(world.secret(TEAM))
    assert world.state is not None
    assert (world.state["due"], world.state["teams"]) == (
        [f"{team}: rotate (NearingExpiry)" for team in (TEAM, OTHER)],
        {"Grace": 2},
    )
    assert not world.up()
    world.clock.move(OVERLAP)
    assert world.preview() == (True, [f"{team}: retire (GraceOver)" for team in (TEAM, OTHER)])
    assert world.up()
    assert set(world.secret(TEAM)) == {TOKEN}
    assert world.state["teams"] == {"Authorized": 2}
    assert not world.up()


def test_a_run_that_only_retires_mints_nothing(world: KeeperWorld) -> None:
    """A due rotation waits for the daily run, and what is over ends at once."""
    world.clock.move(DUE)
    world.up()
    world.minting = False
    world.clock.move(OVERLAP)
    world.up()
    assert set(world.secret(TEAM)) == {TOKEN}
    value = world.secret(TEAM)
    world.clock.move(DUE - OVERLAP)
    world.up()
    assert world.secret(TEAM) == value
    assert world.reasons() == [f"{team} defer Paused" for team in (TEAM, OTHER)]
    assert _code(world) is ExitCode.FINE


def test_a_pause_rotates_nothing_and_ends_graces(world: KeeperWorld) -> None:
    """It is told each run with the instant at which the token dies; lifted, the rotation goes on."""
    world.clock.move(DUE)
    value = world.secret(TEAM)
    world.up(paused=True)
    assert world.secret(TEAM) == value
    assert world.reasons() == [f"{team} defer Paused" for team in (TEAM, OTHER)]
    world.up(paused=False)
    world.up(paused=True)
    world.clock.move(OVERLAP)
    world.up()
    assert (set(world.secret(TEAM)), world.secret(TEAM) != value) == ({TOKEN}, True)


def test_an_event_that_is_refused_is_told(world: KeeperWorld) -> None:
    """The rotation goes on, and the run says why the team was not told."""
    world.clock.move(DUE)
    world.faults.refuse(403, method="POST", path=f"/apis/events.k8s.io/v1/namespaces/{TEAM}/events", times=9)
    world.up()
    assert PREVIOUS in world.secret(TEAM)
    assert [line for line in world.said if f"tell an Event in {TEAM}" in line]


def test_a_team_that_fails_hides_no_other(world: KeeperWorld) -> None:
    """It is told with act, cause and remedy, the run ends as failed, and the other team is rotated."""
    world.clock.move(DUE)
    world.faults.refuse(403, method="PUT", path=f"/api/v1/namespaces/{TEAM}/secrets")
    world.up()
    assert (PREVIOUS in world.secret(TEAM), PREVIOUS in world.secret(OTHER)) == (False, True)
    assert world.reasons()[-1] == f"{TEAM} defer BackendRefuses"
    assert f"write the Secret {TEAM}/{TEAM}-operator-token" in world.said[-1]
    assert _code(world) is ExitCode.FAILED
    world.up()
    assert (PREVIOUS in world.secret(TEAM), _code(world)) == (True, ExitCode.FINE)


@pytest.mark.parametrize("status", [403, 503])
def test_records_that_cannot_be_listed_fail_the_run_and_nothing_else(world: KeeperWorld, status: int) -> None:
    """It is told under the backend's name; nothing is due, nothing is written, and no error ends the other tokens."""
    world.clock.move(DUE)
    world.faults.refuse(status, path=f"/api/v1/namespaces/{world.place.namespace}/configmaps", times=100)
    assert world.preview() == (False, [])
    reason = "BackendRefuses" if status == 403 else "BackendUnreachable"
    assert world.reasons() == [f"operator defer {reason}"]
    assert _code(world) is ExitCode.FAILED
    world.faults.clear()


def test_a_team_in_both_needs_a_person(world: KeeperWorld) -> None:
    """An admission made the token of a namespace that the stack declares: it goes on, and the run says so."""
    world.up(declared={TEAM: "team-a"})
    assert world.reasons() == [f"{TEAM} defer SecondWriter"]
    assert "the stack declares it as team-a" in world.said[0]
    assert _code(world) is ExitCode.NEEDS_A_PERSON
    assert set(world.secret(TEAM)) == {TOKEN}


def test_a_revoked_team_ends_with_the_run(world: KeeperWorld) -> None:
    """Its tokens, its Secret's values and its admission token; the other team lives, and later runs are quiet."""
    value = world.secret(TEAM)[TOKEN]
    world.up(revoked=[TEAM])
    assert world.reasons() == [f"{TEAM} retire TeamRevoked"]
    assert (world.lets_in(value), world.secret(TEAM)) == (False, {})
    assert world.record(TEAM).accepted(world.clock(), "admission") == {}
    assert world.state is not None
    assert world.state["teams"] == {"Authorized": 1, "Revoked": 1}
    assert not world.up()
    assert world.said == []


def test_a_namespace_that_never_bootstrapped_can_be_revoked(world: KeeperWorld) -> None:
    """Nothing will be minted for it, though no record named it before."""
    world.up(revoked=["team-z"])
    assert world.team("team-z").status is Status.REVOKED


def test_an_owner_is_told_of_later(world: KeeperWorld) -> None:
    """A setting that names one has the Secrets that are there name it, too."""
    uids = {team: world.make_owner(team) for team in (TEAM, OTHER)}
    world.up(owner=OWNED_BY.model_dump(mode="json"))
    for team, uid in uids.items():
        (reference,) = world.metadata(team)["ownerReferences"]
        assert (reference["uid"], reference["name"], reference["blockOwnerDeletion"]) == (
            uid,
            f"realm-of-{team}",
            False,
        )
    assert not world.up()


def test_a_changed_setting_is_a_change(world: KeeperWorld) -> None:
    """Also where nothing is due by it."""
    longer = POLICY.model_copy(update={"lifetime": 100 * DAY})
    assert world.up(policy=longer.model_dump(mode="json"))
    assert not world.up()


def test_a_clock_that_is_off_is_told(world: KeeperWorld) -> None:
    """As for any other backend, before it is so far off that nothing is done."""
    world.off = 3 * MINUTE
    world.preview()
    assert world.reasons() == ["operator keep ClockSkew"]


def test_a_removal_revokes_what_it_kept(world: KeeperWorld) -> None:
    """Nobody would end those tokens any more; what the stack declares is ended by its own line, and is left to it."""
    world.server.add_namespace("team-z")
    declared = world.enter("team-z", "operational")
    values = {team: world.secret(team)[TOKEN] for team in (TEAM, OTHER)}
    world.remove()
    assert [world.lets_in(value, team) for team, value in values.items()] == [False, False]
    assert [world.secret(team) for team in values] == [{}, {}]
    assert world.lets_in(declared, "team-z")
    assert world.team(TEAM).status is Status.REVOKED


def test_a_removal_that_fails_for_one_team_revokes_the_others(world: KeeperWorld) -> None:
    """The keeper stays, names the team, and is removed when nothing fails any more."""
    record = f"/api/v1/namespaces/{world.place.namespace}/configmaps/{world.place.name}-{TEAM}"
    world.faults.refuse(403, method="PUT", path=record, times=100)
    with pytest.raises(VerbError, match=rf"revoke the teams.*revoke the team of {TEAM}"):
        world.remove()
    assert (len(world.accepted(TEAM)), len(world.accepted(OTHER))) == (1, 0)
    assert world.state is not None
    world.faults.clear()
    world.remove()
    assert world.accepted(TEAM) == {}


def test_a_removal_passes_over_no_record_that_cannot_be_read(world: KeeperWorld) -> None:
    """Something in it may be alive."""
    world.damage(world.record_path(TEAM))
    with pytest.raises(VerbError, match=f"that of {TEAM} cannot be read"):
        world.remove()
    assert world.accepted(OTHER) == {}


ELSEWHERE = {"namespace": "keycloak-system", "name": "other-records"}


def test_records_that_let_somebody_in_are_not_left_behind(world: KeeperWorld) -> None:
    """A config that names other records is refused, dry or not, before a write, and names the teams and the remedy."""
    world.clock.move(DUE)
    world.server.calls.clear()
    for act in (world.preview, lambda: world.up(records=ELSEWHERE)):
        world.config["records"] = ELSEWHERE
        with pytest.raises(VerbError, match=rf"still lets in tokens of {TEAM}, {OTHER}. Put `records` back; or copy"):
            act()
    assert _writes(world.server) == []
    del world.config["records"]
    assert world.up()
    assert {PREVIOUS, TOKEN} == set(world.secret(TEAM))


def test_records_that_were_copied_and_deleted_are_left(world: KeeperWorld) -> None:
    """The keeper goes on with the copies, as with its own: no team sees anything of it."""
    values = [world.secret(namespace) for namespace in (TEAM, OTHER)]
    world.move_records(**ELSEWHERE)
    world.up(records=ELSEWHERE)
    assert world.state is not None
    assert (world.state["teams"], world.reasons()) == ({"Authorized": 2}, [])
    assert [world.secret(namespace) for namespace in (TEAM, OTHER)] == values


def test_an_unreadable_record_is_not_left_behind_either(world: KeeperWorld) -> None:
    """It may hide a token that is let in, so it keeps the records where they are."""
    for namespace in (TEAM, OTHER):
        world.revocation().revoke_team(namespace)
    world.damage(world.record_path(TEAM))
    with pytest.raises(VerbError, match=f"that of {TEAM} cannot be read"):
        world.up(records=ELSEWHERE)
