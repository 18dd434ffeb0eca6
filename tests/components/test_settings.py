"""What a stack's config may say, and what a stranger reads when it says something else: key, cause, remedy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from components.default_policies import DEFAULT_POLICIES
from components.settings import read_settings
from rotation.backends.registry import KINDS
from tests.components.stack_config import ADMIN, AUTHENTIK, PLACE, PROJECT, admin, as_text, read, refusal, with_policy


def test_a_plain_config_is_read() -> None:
    """Durations, places and defaults come out typed, and unset policies are those of the token's kind."""
    settings = read({"admin": {"backend": "authentik", "publish": [PLACE]}}, run_interval="12h")
    assert settings.policy("admin").overlap == timedelta(days=30)
    assert settings.policy("admin").tolerated_outage == timedelta(days=3)
    assert settings.run_interval == timedelta(hours=12)
    assert str(settings.tokens["admin"].publish[0].kubernetes_secret) == "authentik/authentik-admin-token"


def test_keys_of_other_projects_and_of_credentials_are_no_slips() -> None:
    """A key of another namespace, or one that a credential names as its source, is not refused."""
    backend = {**AUTHENTIK, "credential": {"config": "authentik_token"}}
    config = {f"{PROJECT}:tokens": json.dumps({"admin": ADMIN}), f"{PROJECT}:backends": as_text({"authentik": backend})}
    read_settings({**config, f"{PROJECT}:authentik_token": "a value", "pulumi:tags": "{}"}, PROJECT)


@pytest.mark.parametrize(
    ("key", "tokens"),
    [
        ("tokens.admin.rotate", admin(rotate=True)),
        ("tokens.admin.policy.lifetme", with_policy(lifetme="30d")),
        ("tokens.admin.publish.0.configMap", admin(publish=[{**PLACE, "configMap": {}}])),
        (
            "tokens.admin.publish.0.kubernetesSecret.key",
            admin(publish=[{"kubernetesSecret": {**PLACE["kubernetesSecret"], "key": "x"}}]),
        ),
    ],
)
def test_an_unknown_key_is_refused_by_its_path(key: str, tokens: Mapping[str, Any]) -> None:
    """A misspelled key is named with its whole path, and where the keys are listed."""
    text = refusal(tokens)
    assert f"read token-rotation:{key}: this key is unknown" in text
    assert "See Pulumi.yaml for the keys." in text


def test_an_unknown_top_level_key_is_refused() -> None:
    """A key under the project's name that nobody reads is a slip."""
    assert "read token-rotation:token: this key is unknown" in refusal(token={})


def test_an_unknown_key_of_a_backend_or_of_the_cluster_is_refused() -> None:
    """Every part of the config refuses what it does not know."""
    assert "backends.authentik.uri: this key is unknown" in refusal(backends={"authentik": {**AUTHENTIK, "uri": "x"}})
    assert "cluster.contxt: this key is unknown" in refusal(cluster={"contxt": "homelab"})


def test_an_unknown_spec_is_refused() -> None:
    """A spec is judged in the terms of the token's backend."""
    text = refusal(admin(spec={"usr": "homelab"}))
    assert "tokens.admin.spec.usr" in text
    assert "See the spec of authentik in the README." in text
    assert "tokens.admin.spec.mode" in refusal(admin(spec={"mode": "sometimes"}))


@pytest.mark.parametrize("written", ["365", "1.5d", "30 d", "d30", "", "P30D", "-5d", 30, None, "30days"])
@pytest.mark.parametrize("part", ["lifetime", "overlap"])
def test_a_bad_duration_is_refused(part: str, written: Any) -> None:
    """Anything but a whole number and a unit is refused, with the form that is right; a negative one too."""
    text = refusal(with_policy(**{part: written}))
    assert f"tokens.admin.policy.{part}" in text
    assert "write a whole number and a unit, as in 365d, 12h, 30m or 45s" in text


@pytest.mark.parametrize("written", ["0d", "0s", "00h"])
def test_no_time_at_all_is_refused(written: str) -> None:
    """Zero is no duration: an emergency is a nonce, not an overlap of nothing."""
    assert "a duration must be longer than zero" in refusal(with_policy(overlap=written))


def test_a_duration_beyond_all_calendars_is_refused() -> None:
    """A number too large for any instant is a refusal like the others, and no crash."""
    text = refusal(with_policy(lifetime="99999999999999d"))
    assert "tokens.admin.policy.lifetime" in text


@pytest.mark.parametrize(
    ("policy", "margin"),
    [
        ({"lifetime": "365d", "rotate_before": "32d", "overlap": "30d"}, "-1d"),
        ({"lifetime": "30d", "rotate_before": "33d", "overlap": "30d"}, "lifetime - rotate_before leaves a margin of"),
        ({"lifetime": "90d", "rotate_every": "60d", "overlap": "30d"}, "-3d"),
        ({"lifetime": "10d", "rotate_before": "5d", "overlap": "1d", "tolerated_outage": "36h"}, "-12h"),
        ({"lifetime": "10d", "rotate_before": "5d", "overlap": "1d", "tolerated_outage": "1s"}, "-172799s"),
    ],
    ids=["overlap too long", "never young", "too old", "outage below two runs", "outage of a second"],
)
def test_a_policy_that_cannot_hold_is_refused_with_its_margin(policy: dict[str, str], margin: str) -> None:
    """A lifetime shorter than its parts, or an outage below two intervals, is refused with the computed margin."""
    text = refusal(admin(policy=policy))
    assert "check the policy of admin: it cannot hold" in text
    assert margin in text
    assert "Nothing was minted." in text


def test_the_outage_counts_in_intervals() -> None:
    """What is too short for a daily run holds for an hourly one."""
    policy = {"lifetime": "10d", "rotate_before": "5d", "overlap": "1d", "tolerated_outage": "36h"}
    assert read(admin(policy=policy), run_interval="1h").run_interval == timedelta(hours=1)


def test_a_policy_without_a_rotation_is_refused() -> None:
    """A token that would never rotate is none."""
    text = refusal(admin(policy={"lifetime": "30d", "overlap": "1d"}))
    assert "a policy needs rotate_before, rotate_every or both" in text


def test_a_cap_is_part_of_the_policy() -> None:
    """No Vault token lives past the server's cap, and Authentik cannot renew one."""
    vault = {"vault": {**AUTHENTIK, "url": "https://vault.example.com"}}
    long = {"lifetime": "60d", "rotate_every": "25d", "overlap": "1d"}
    text = refusal(admin(backend="vault", spec={"role": "admin"}, policy=long), vault)
    assert "cap of the backend (32d) - lifetime leaves a margin of -28d" in text
    assert "authentik cannot renew a token" in refusal(with_policy(renew_before="33d"))


@pytest.mark.parametrize("name", ["Admin", "admin_token", "-admin", "admin-", "a" * 64, "", "ad min", "admin/2", "ä"])
def test_a_name_that_a_backend_refuses_is_refused(name: str) -> None:
    """Names are what every backend takes; the message says which characters those are."""
    text = refusal({name: ADMIN})
    assert f"{name!r} is no token name: backends take a-z, 0-9 and -, at most 63 characters" in text


@pytest.mark.parametrize(
    ("field", "name"), [("namespace", "Authentik"), ("namespace", "a" * 64), ("name", "admin_token")]
)
def test_a_place_that_the_cluster_refuses_is_refused(field: str, name: str) -> None:
    """Namespaces and names of Secrets are judged before anything is minted."""
    place = {"kubernetesSecret": {**PLACE["kubernetesSecret"], field: name}}
    assert f"tokens.admin.publish.0.kubernetesSecret.{field}" in refusal(admin(publish=[place]))


def test_two_tokens_in_one_place_are_refused() -> None:
    """Two writers of one Secret would undo each other; both are named. One token must not name it twice either."""
    text = refusal({"admin": ADMIN, "other": ADMIN})
    assert "the Secret authentik/authentik-admin-token is published to by admin and by other" in text
    assert "Give each its own Secret." in text
    assert "authentik/authentik-admin-token" in refusal(admin(publish=[PLACE, PLACE]))


def test_a_token_without_a_place_is_refused() -> None:
    """A token that nobody can read is a slip."""
    assert "tokens.admin.publish" in refusal(admin(publish=[]))


def test_a_former_name_must_be_free() -> None:
    """A former name that another token bears, or that two claim, would give one token's life to another."""
    other = {**ADMIN, "publish": [{"kubernetesSecret": {"namespace": "authentik", "name": "other"}}]}
    assert "tokens.other.was: 'admin' is the name of another token" in refusal(
        {"admin": ADMIN, "other": {**other, "was": ["admin"]}}
    )
    both = {"admin": {**ADMIN, "was": ["old"]}, "other": {**other, "was": ["old"]}}
    assert "'old'" in refusal(both)


def test_a_backend_must_be_there() -> None:
    """A token names one of the backends; the message lists them."""
    text = refusal(admin(backend="authentic"))
    assert "tokens.admin.backend: 'authentic' is not among the backends (authentik)" in text
    text = refusal(admin(backend="sso"), {"sso": AUTHENTIK})
    assert "'sso' is no kind of backend" in text
    assert f"Set `kind` to one of {', '.join(sorted(KINDS))}." in text
    assert "'keycloak' is no kind of backend" in refusal(backends={"authentik": {**AUTHENTIK, "kind": "keycloak"}})


@pytest.mark.parametrize("text", ["not a map", "- admin", "[", "3", '"admin"'])
def test_tokens_that_are_no_map_are_refused(text: str) -> None:
    """What is not structured is refused by its key."""
    assert "read token-rotation:tokens" in refusal(text)


def test_an_interval_is_a_duration() -> None:
    """The interval between runs is part of every margin, so it must be one."""
    assert "token-rotation:run_interval" in refusal(run_interval="daily")


def test_decommission_names_tokens() -> None:
    """The list of what may be deleted is a list of names."""
    assert "token-rotation:decommission" in refusal(decommission={"admin": True})


def test_a_kind_without_a_default_policy_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new backend works without a default policy, and a token without any policy is refused by its key."""
    monkeypatch.delitem(DEFAULT_POLICIES, "authentik")
    assert read().policy("admin").overlap == timedelta(days=30)
    told = refusal({"admin": {"backend": "authentik", "publish": [PLACE]}})
    assert "tokens.admin.policy: it is needed: authentik has no default policy" in told


def test_a_take_over_is_for_what_is_adopted() -> None:
    """`takeOver` beside a place that is not marked `adopt` is a slip; a marked place reads back as it is written."""
    text = refusal(admin(publish=[{**PLACE, "takeOver": True}]))
    assert "tokens.admin.publish.0: takeOver is for a place with `adopt: true`" in text
    settings = read(admin(publish=[{**PLACE, "adopt": True, "takeOver": True}]))
    assert (settings.tokens["admin"].publish[0].adopt, settings.tokens["admin"].publish[0].take_over) == (True, True)


def test_what_a_person_can_force_is_off_by_default() -> None:
    """No pause, no rollback, no adoption, no evidence to wait for, and no limit."""
    settings = read()
    token = settings.tokens["admin"]
    assert (token.paused, token.rollback, token.evidence.mode, settings.rotation_limit) == (False, "", "off", 0)
    assert not token.publish[0].adopt


@pytest.mark.parametrize("limit", ["-1", "many", "1.5"])
def test_a_limit_that_is_no_count_is_refused(limit: str) -> None:
    """The limit of rotations in one run is a whole number; 0 is none."""
    assert "token-rotation:rotation_limit" in refusal(rotation_limit=limit)
    assert read(rotation_limit="5").rotation_limit == 5


def test_windows_need_slack() -> None:
    """Windows that open less often than the policy can wait are refused with the margin; with slack they are read."""
    weekly = {"windows": [{"days": ["sat"], "from": "02:00", "to": "06:00"}], "time_zone": "Europe/Berlin"}
    assert "leaves a margin of -" in refusal(with_policy(**weekly))
    assert len(read(with_policy(**weekly, rotate_before="45d")).policy("admin").windows) == 1


@pytest.mark.parametrize(
    "part",
    [
        {"time_zone": "Middle/Earth"},
        {"windows": [{"from": "02:00", "to": "02:00"}]},
        {"windows": [{"days": ["someday"], "from": "02:00", "to": "04:00"}]},
        {"windows": [{"from": "25:00", "to": "04:00"}]},
        {"blackouts": [{"from": "2027-01-03", "to": "2026-12-20"}]},
    ],
)
def test_a_calendar_that_cannot_be_is_refused(part: Mapping[str, Any]) -> None:
    """An unknown zone, an empty window, a day or an hour that is not one, a blackout that ends before it begins."""
    assert "token-rotation:tokens.admin.policy" in refusal(with_policy(**part, rotate_before="45d"))


def test_evidence_is_read_and_judged() -> None:
    """A source that is not one, and a mode that is not one, are refused by their path."""
    source = {"workload": {"kind": "Deployment", "namespace": "apps", "name": "web"}}
    settings = read(admin(evidence={"mode": "enforce", "wait": "7d", "sources": [source]}))
    assert settings.tokens["admin"].evidence.mode == "enforce"
    assert "tokens.admin.evidence.mode" in refusal(admin(evidence={"mode": "sometimes", "sources": [source]}))
    assert "tokens.admin.evidence" in refusal(admin(evidence={"mode": "warn", "sources": [{"pod": {}}]}))
    early = {"mode": "enforce", "wait": "7d", "security_deadline": "37d", "sources": [source]}
    assert "evidence.security_deadline: 37d is not beyond overlap and wait" in refusal(admin(evidence=early))
