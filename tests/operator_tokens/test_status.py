"""What a team and the platform team are told: one status with its reason and instant, each change once, no value."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from operations.__main__ import app
from operations.operator_commands import owner_of, policy_of
from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.transport import json_request
from rotation.clock import to_rfc3339
from rotation.errors import InvalidSettings
from rotation.operator_tokens.published import TOKEN, OwnerObject
from rotation.operator_tokens.record import Status, new_value
from rotation.operator_tokens.standing import sentence, state_of
from rotation.testing.builders import DAY
from rotation.testing.secrecy import reveals
from sandbox.servers.kubernetes import KubernetesServer
from tests.operator_tokens.team_world import BEFORE, LIFE, OTHER, OVERLAP, TEAM, RealTeams, TeamWorld

DUE = LIFE - BEFORE


def test_each_status_of_a_life(world: TeamWorld) -> None:
    """Bootstrapped, rotated, cleaned up, its Secret lost, bootstrapped again, revoked, restored: each told once."""
    admission = world.enter()
    told = [(world.team().status, world.team().reason)]

    def then(*, runs: int = 2) -> None:
        for _ in range(runs):
            world.run()
            world.clock.move(DAY)
        told.append((world.team().status, world.team().reason))

    then()
    world.present(admission)
    then()
    world.clock.move(DUE - 2 * DAY)
    then()
    world.clock.move(OVERLAP)
    then()
    world.delete_secret()
    then()
    world.present(admission)
    then()
    world.revocation().revoke_team(TEAM)
    then()
    world.revocation().restore_team(TEAM)
    then()
    assert told == [
        (Status.DEGRADED, "NotBootstrapped"),
        (Status.DEGRADED, "NotBootstrapped"),
        (Status.AUTHORIZED, "Accepted"),
        (Status.GRACE, "Rotated"),
        (Status.AUTHORIZED, "Accepted"),
        (Status.DEGRADED, "SecretMissing"),
        (Status.GRACE, "Rotated"),
        (Status.REVOKED, "TeamRevoked"),
        (Status.DEGRADED, "NothingAccepted"),
    ]
    assert world.told() == [reason for (_status, reason) in told[2:]]


def test_the_instant_is_that_of_the_change(world: TeamWorld) -> None:
    """It stays while the status does, though runs go by."""
    world.bootstrapped()
    since = world.team().since
    assert since == world.clock()
    world.clock.move(DAY)
    world.run()
    assert world.team().since == since


def test_an_event_says_what_happened_and_until_when(world: TeamWorld) -> None:
    """On the Secret, by its uid; a sentence with the generations and the instants at which they end."""
    world.bootstrapped()
    world.clock.move(DUE)
    world.run()
    event = world.events()[-1]
    before, after = sorted(world.accepted().values(), key=lambda one: one.version)
    assert event["note"] == (
        f"{after.generation} is accepted until {to_rfc3339(after.ends_at)},"
        f" and {before.generation} until {to_rfc3339(before.ends_at)}."
    )
    assert (event["type"], event["reason"], event["action"]) == ("Normal", "Rotated", "rotate")
    regarding = event["regarding"]
    assert (regarding["kind"], regarding["name"]) == ("Secret", f"{TEAM}-operator-token")
    assert regarding["uid"] == world.metadata()["uid"]


POLICIES = {
    "no length": {"lifetime": "ninety days"},
    "too late for its grace": {"rotate_before": "9d"},
    "longer than it lives": {"rotate_before": "91d"},
}
USUAL = {"lifetime": "90d", "rotate_before": "10d", "overlap": "7d", "tolerated_outage": "3d"}


@pytest.mark.parametrize("wrong", POLICIES.values(), ids=POLICIES.keys())
def test_a_policy_that_cannot_hold_is_refused(wrong: dict[str, str]) -> None:
    """Before anything is asked; the usual one has nothing to spare and holds."""
    assert policy_of(USUAL).lifetime == LIFE
    with pytest.raises(InvalidSettings):
        policy_of(USUAL | wrong)


def test_an_owner_is_read(world: TeamWorld) -> None:
    """apiVersion/kind/name, of the core group and of another; what would lead elsewhere is refused."""
    wanted = OwnerObject(api_version="example.com/v1", kind="Realm", name="main", plural="")
    assert owner_of("example.com/v1/Realm/main") == wanted
    assert owner_of("v1/ConfigMap/x") == OwnerObject(api_version="v1", kind="ConfigMap", name="x")
    assert owner_of("") is None
    for text in ("Realm", "v1/Realm/", "a/b/v1/Realm/x", "v1/Realm/../x", "v1/Realm/{name}"):
        with pytest.raises(InvalidSettings):
            owner_of(text)
    with pytest.raises(ValidationError):
        OwnerObject(api_version="v1", kind="ConfigMap", name="x", plural="../secrets")


class Desk:
    """The commands against a real API server, by its kubeconfig; nothing that they show may reveal a value."""

    def __init__(self, server: KubernetesServer) -> None:
        self.kubeconfig = str(server.kubeconfig)
        self.teams = RealTeams(kubernetes_transport(connection(self.kubeconfig)), lambda _seconds: None)
        self.shown = ""

    def tokens(self, *arguments: str, given: str = "") -> tuple[int, str]:
        """Exit code and all that is shown."""
        place = f"{self.teams.place.namespace}/{self.teams.place.name}"
        whole = ["operator", *arguments, "--records", place, "--kubeconfig", self.kubeconfig]
        result = CliRunner().invoke(app, whole, input=given, env={"COLUMNS": "250"})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        self.shown += result.output
        return result.exit_code, result.output

    def bootstrap(self, given: str, *more: str) -> tuple[int, str]:
        return self.tokens("bootstrap", "--namespace", self.teams.mine, *more, given=given)


@pytest.fixture
def desk(kubernetes_server: KubernetesServer) -> Desk:
    """A team of its own on the real server."""
    return Desk(kubernetes_server)


def test_the_command_of_a_teams_job(desk: Desk, tmp_path: Path) -> None:
    """From standard input, then from a file: made, and there already; as JSON too; no value is shown."""
    teams, admission = desk.teams, desk.teams.enter(desk.teams.mine)
    code, shown = desk.bootstrap(f"{admission}\n")
    assert (code, "a new token was made. Authorized (Accepted)" in shown) == (0, True)
    file = tmp_path / "token"
    file.write_text(admission)
    code, shown = desk.bootstrap("", "--admission-file", str(file), "--json")
    told = json.loads(shown)
    (entry,) = teams.accepted(teams.mine).values()
    assert (code, told["minted"], told["status"], told["generation"]) == (0, False, "Authorized", entry.generation)
    assert told["expires"] == to_rfc3339(entry.valid_until)
    teams.assert_nothing_is_revealed(desk.shown)


def test_what_the_command_refuses(desk: Desk) -> None:
    """A wrong token, none at all, a policy and an owner that cannot be: 2, and the token's value is not repeated."""
    wrong = new_value()
    code, shown = desk.bootstrap(wrong)
    assert (code, "no record of" in shown, reveals(shown, wrong)) == (2, True, False)
    assert desk.bootstrap("")[0] == 2
    assert desk.bootstrap(wrong, "--overlap", "8d")[0] == 2
    assert desk.bootstrap(wrong, "--owner", "nothing")[0] == 2
    missing = desk.teams.enter(desk.teams.mine)
    code, shown = desk.bootstrap(missing, "--owner", "v1/ConfigMap/realm")
    assert (code, "there is no ConfigMap" in shown) == (2, True)


def test_a_secret_with_a_strange_token_needs_a_person(desk: Desk) -> None:
    """3, what to do, and nothing is made: nobody knows whose it is. Deleted, the same admission makes another token."""
    admission = desk.teams.enter(desk.teams.mine)
    desk.bootstrap(admission)
    desk.teams.put_secret({"token": new_value()}, desk.teams.mine)
    code, shown = desk.bootstrap(admission)
    assert (code, "Delete it, and present this one again. Degraded (SecretDiffers)" in shown) == (3, True)
    desk.teams.delete_secret(desk.teams.mine)
    code, shown = desk.bootstrap(admission)
    assert (code, "a new token was made" in shown) == (0, True)


def test_what_is_no_text_is_no_admission_token(desk: Desk, tmp_path: Path) -> None:
    """It is refused for what it is, with the remedy, before anything is asked."""
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    code, shown = desk.bootstrap("", "--admission-file", str(tmp_path / "token"))
    assert (code, "it is no text. Give the value alone" in shown) == (2, True)


def test_an_unreachable_cluster_is_a_failure(desk: Desk, tmp_path: Path) -> None:
    """1, so that the job tries again."""
    away = tmp_path / "kubeconfig"
    there = Path(desk.kubeconfig).read_text()
    away.write_text(re.sub(r"https://127\.0\.0\.1:\d+", "https://127.0.0.1:1", there))
    desk.kubeconfig = str(away)
    code, shown = desk.bootstrap(new_value())
    assert (code, "no answer" in shown) == (1, True)


def test_the_platform_teams_commands(desk: Desk) -> None:
    """Status, revocation, status, restoration: each says how the namespace stands then."""
    teams = desk.teams
    desk.bootstrap(teams.enter(teams.mine))
    value = teams.secret(teams.mine)[TOKEN]
    teams.values.add(value)
    code, shown = desk.tokens("status")
    assert (code, "Authorized" in shown, teams.mine in shown) == (0, True, True)
    code, shown = desk.tokens("revoke", teams.mine)
    assert (code, "Revoked. All tokens were revoked at" in shown) == (0, True)
    assert not teams.lets_in(value, teams.mine)
    told = json.loads(desk.tokens("status", "--json")[1])
    assert [(one["namespace"], one["status"], one["generation"]) for one in told["teams"]] == [
        (teams.mine, "Revoked", "")
    ]
    code, shown = desk.tokens("restore", teams.mine)
    assert (code, "Degraded" in shown) == (0, True)
    assert desk.tokens("revoke", "../x")[0] == 2
    teams.assert_nothing_is_revealed(desk.shown)


def test_the_status_names_a_record_that_cannot_be_read(desk: Desk) -> None:
    """The others are shown, and it ends with 1."""
    teams = desk.teams
    teams.enter(teams.mine)
    path = f"/api/v1/namespaces/{teams.place.namespace}/configmaps"
    labels = teams.send(json_request("GET", path)).json()["items"]
    mine = next(one for one in labels if one["metadata"]["name"].startswith(teams.place.name))
    body = {
        "metadata": {"name": f"{teams.place.name}-broken", "labels": mine["metadata"]["labels"]},
        "data": {"f" * 64: base64.b64encode(b"x").decode()},
    }
    assert teams.send(json_request("POST", path, body)).status == 201
    code, shown = desk.tokens("status")
    assert (code, teams.mine in shown, "that of broken cannot be read" in shown) == (1, True, True)
    assert list(json.loads(desk.tokens("status", "--json")[1])["unreadable"]) == ["broken"]


def test_what_no_run_has_told_is_told_when_it_is_asked_for(world: TeamWorld) -> None:
    """A grace and a life that are over, and a declared token that nobody looked at, are told as they are now."""
    world.bootstrapped()
    world.clock.move(LIFE - BEFORE)
    world.run()
    told = state_of(world.record(), world.clock())
    assert (told.status, told.reason) == (Status.GRACE, "Rotated")
    world.clock.move(OVERLAP)
    told = state_of(world.record(), world.clock())
    assert (told.status, told.reason, told.since) == (Status.AUTHORIZED, "Accepted", world.clock())
    world.clock.move(LIFE)
    told = state_of(world.record(), world.clock())
    assert (told.status, told.reason, told.since) == (Status.DEGRADED, "NothingAccepted", world.clock() - OVERLAP)
    assert "No operational token is accepted any more" in sentence(world.record(), world.clock())
    world.enter(OTHER, "operational")
    told = state_of(world.record(OTHER), world.clock())
    assert (told.status, told.reason, told.since) == (Status.AUTHORIZED, "Declared", None)


def test_each_bootstrap_is_an_event_of_its_own(world: TeamWorld) -> None:
    """Also a second one within a grace, which changes no status."""
    admission = world.bootstrapped()
    for _ in range(2):
        world.delete_secret()
        assert world.present(admission).minted
    assert world.team().bootstraps == len(world.told()) == 3
