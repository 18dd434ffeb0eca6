"""Operator tokens through the real CLI and API server: declared, and bootstrapped at run time. Time is real here."""

from __future__ import annotations

import time

import pytest
from kubernetes.client.exceptions import ApiException

from operations.exit_code import ExitCode
from rotation.verify.verdict import Reason as Verdicts
from tests.end_to_end.operator_stack import POLICY, QUICK, Operator, elsewhere
from tests.end_to_end.stack import Stack
from tests.end_to_end.unattended import scheduled_run

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "realm"}


@pytest.fixture
def operator(stack: Stack) -> Operator:
    return Operator(stack)


def test_declared_tokens_of_a_team(operator: Operator) -> None:
    """Owned by what the settings say, rotated with a grace, told apart by their label; two of one type are refused."""
    stack = operator.stack
    stack.set("operator", {"owner": OWNER})
    team, admission = operator.token(operator.team), operator.token(operator.team, "admission")
    stack.declare(team=team, admission=admission)
    missing = stack.preview().output + stack.up("--continue-on-error", check=False).output
    assert missing.count("token-rotation: team: defer (WaitingForDependency)") >= 2
    assert "is not there: create it, or take `owner` out" in missing
    assert "operational" not in str(operator.record(operator.team)), "nothing was minted for it"
    realm = operator.own(operator.team)
    stack.up()
    secret = operator.secret(operator.team)
    assert [(one.kind, one.name, one.uid) for one in secret.metadata.owner_references] == [
        ("ConfigMap", "realm", realm.metadata.uid)
    ]
    assert secret.metadata.labels["token-rotation/type"] == "operational"
    first = operator.values(operator.team)["token"]
    assert operator.verdict(operator.team, first) is Verdicts.ACCEPTED_CURRENT
    given = operator.values(operator.team, f"{operator.team}-admission")["token"]
    assert operator.verdict(operator.team, given) is Verdicts.WRONG_TYPE
    assert first not in str(operator.record(operator.team))
    stack.up()  # the keeper waits for no token, and tells this run what became of it
    stack.up("--expect-no-changes")

    stack.declare(team={**team, "force": "now"}, admission=admission)
    stack.up()
    held = operator.values(operator.team)
    assert held["token-previous"] == first
    assert operator.verdict(operator.team, held["token"]) is Verdicts.ACCEPTED_CURRENT
    assert operator.verdict(operator.team, first) is Verdicts.ACCEPTED_PREVIOUS

    twice = operator.token(operator.team, publish=elsewhere(operator.team))
    stack.declare(team=team, admission=admission, zweite=twice)
    assert f"team is the operational token of {operator.team}, too" in stack.preview(check=False).output
    stack.declare(other={**operator.token(operator.other), "publish": team["publish"]})
    assert "is not in the namespace" in stack.preview(check=False).output


def test_a_team_bootstraps_itself_and_is_kept_by_the_scheduled_run(operator: Operator) -> None:
    """Admission, bootstrap, once more, a dry run, rotation, grace, clean-up, one in both, revocation, removal."""
    stack, team = operator.stack, operator.team
    stack.set("operator", {"policy": QUICK, "namespaces": [team]})
    admission = operator.token(team, "admission")
    stack.declare(admission=admission)
    stack.up()
    value = operator.values(team, f"{team}-admission")["token"]

    refused = operator.bootstrap(operator.other, value)
    assert refused.returncode == ExitCode.REFUSED_INPUT, "an admission token is good for its own namespace"
    made = operator.bootstrap(team, value)
    assert made.returncode == ExitCode.FINE, made.stdout + made.stderr
    assert value not in made.stdout + made.stderr
    first = operator.values(team)["token"]
    again = operator.bootstrap(team, value)
    assert (again.returncode, operator.values(team)["token"]) == (ExitCode.FINE, first)
    assert "nothing was made" in again.stdout

    operator.wait_until_due()
    before = operator.record(team)
    previewed = stack.preview()
    assert f"token-rotation: {team}: rotate (NearingExpiry)" in previewed.output
    assert f'"{team}: rotate (NearingExpiry)"' in previewed.output, "as a change of the keeper's input"
    assert (operator.values(team), operator.record(team)) == ({"token": first}, before), "a dry run changes nothing"
    ended = scheduled_run(stack, "1s")
    assert ended.returncode == ExitCode.FINE, ended.stdout
    held = operator.values(team)
    assert held["token-previous"] == first
    assert held["token"] not in ended.stdout
    assert operator.verdict(team, held["token"]) is Verdicts.ACCEPTED_CURRENT
    assert operator.verdict(team, first) is Verdicts.ACCEPTED_PREVIOUS
    assert stack.resources()["operator-keeper"]["outputs"]["teams"] == {"Grace": 1}

    time.sleep(21)  # a real server's time: the grace is over
    assert operator.verdict(team, first) is Verdicts.GRACE_OVER, "at its instant, before anybody tidies"
    tidied = scheduled_run(stack, "1s", job="retire")
    assert tidied.returncode == ExitCode.FINE, tidied.stdout
    assert operator.values(team) == {"token": held["token"]}, (
        "an hourly run takes the dead value out, and mints nothing"
    )

    stack.declare(admission=admission, team=operator.token(team, publish=elsewhere(team)))
    assert "may bootstrap at run time, and team declares" in stack.preview(check=False).output
    stack.set("operator", {"policy": POLICY})
    both = stack.up("--continue-on-error", check=False)
    assert "an admission token made the operational token" in both.output
    assert f"token-rotation: {team}: defer (SecondWriter)" in both.output, "a token that fails keeps no team waiting"
    stack.declare(admission=admission)

    stack.set("operator", {"policy": POLICY, "namespaces": [team], "revoked": [team]})
    current = operator.values(team)["token"]
    stack.up("--continue-on-error", check=False)
    assert operator.verdict(team, current) is Verdicts.TEAM_REVOKED
    assert operator.values(team) == {}
    assert operator.bootstrap(team, value).returncode == ExitCode.REFUSED_INPUT
    assert "Revoked" in operator.run(["operator", "status", "--records", "/".join(operator.records.values())]).stdout
    assert operator.events(team), "the team was told in its own namespace"


def test_a_declared_team_is_revoked_and_restored(operator: Operator) -> None:
    """One run ends its tokens, its Secret is emptied and stays so, no other is touched; restored, it has another."""
    stack, team = operator.stack, operator.team
    stack.set("operator", {"backend": "operator"})
    stack.declare(team=operator.token(team), other=operator.token(operator.other))
    stack.up()
    first, others = operator.values(team)["token"], operator.values(operator.other)

    stack.set("operator", {"revoked": [team]})
    stack.up()
    assert operator.verdict(team, first) is Verdicts.TEAM_REVOKED, "the record counts"
    held = stack.up()
    assert "token-rotation: team: defer (Paused)" in held.output
    stack.up("--expect-no-changes")
    assert operator.values(team) == {}
    assert (operator.values(operator.other), operator.verdict(operator.other, others["token"])) == (
        others,
        Verdicts.ACCEPTED_CURRENT,
    )

    stack.set("operator", {"backend": "operator"})
    refused = stack.up("--continue-on-error", check=False)
    assert "was revoked" in refused.output, "the record still says so: a person restores it"
    place = "/".join(operator.records.values())
    assert operator.run(["operator", "restore", team, "--records", place]).returncode == ExitCode.FINE
    stack.up()
    value = operator.values(team)["token"]
    assert (value != first, operator.verdict(team, value)) == (True, Verdicts.ACCEPTED_CURRENT)


def test_records_that_let_somebody_in_are_not_left_behind(operator: Operator) -> None:
    """A config that names other records is refused before a mint, by preview and by up; put back, nothing changed."""
    stack, team = operator.stack, operator.team
    stack.declare(team=operator.token(team))
    stack.up()
    first, record = operator.values(team), operator.record(team)
    stack.config["token-rotation:backends"]["operator"] = {"records": {**operator.records, "name": "other"}}
    stack.declare(team={**operator.token(team), "force": "now"}, other=operator.token(operator.other))
    for refused in (stack.preview(check=False), stack.up("--continue-on-error", check=False)):
        assert f"still lets in tokens of {team}. Put `records` back" in refused.output
    with pytest.raises(ApiException, match="404"):
        operator.secret(operator.other)
    stack.config["token-rotation:backends"]["operator"] = {"records": operator.records}
    stack.declare(team=operator.token(team))
    stack.up()
    assert (operator.values(team), operator.record(team)) == (first, record)


def test_a_keeper_is_removed_in_two_steps_and_leaves_nothing_alive(operator: Operator) -> None:
    """A slip in the config is refused; once its protection was lifted, its removal revokes the teams that it kept."""
    stack, team = operator.stack, operator.team
    stack.set("operator", {"policy": POLICY, "namespaces": [team]})
    stack.declare(admission=operator.token(team, "admission"), other=operator.token(operator.other))
    stack.up()
    admission = operator.values(team, f"{team}-admission")["token"]
    assert operator.bootstrap(team, admission, POLICY).returncode == ExitCode.FINE
    value, others = operator.values(team)["token"], operator.values(operator.other)["token"]

    admissions = dict(stack.config["token-rotation:tokens"])
    stack.set("operator", None)
    assert f"it would bootstrap {team}, and nobody keeps that team's token" in stack.up(check=False).output
    stack.declare(other=operator.token(operator.other))
    assert "protect" in stack.up(check=False).output
    stack.set("tokens", admissions)
    assert operator.verdict(team, value) is Verdicts.ACCEPTED_CURRENT

    stack.set("operator", {"policy": POLICY, "namespaces": [team], "keep": False})
    stack.decommission()
    assert operator.verdict(team, value) is Verdicts.ACCEPTED_CURRENT
    stack.destroy()
    assert operator.verdict(team, value) is Verdicts.TEAM_REVOKED
    assert operator.verdict(operator.other, others) is Verdicts.REVOKED
    assert operator.values(team) == {}
