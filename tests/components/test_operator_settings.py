"""An operator in the config: its backend, its teams' tokens, and the keeper of teams that bootstrap themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from components.operator_judging import declared, secrets
from components.operator_token import OperatorToken
from components.settings import Settings
from components.token_stack import TOKEN_KINDS
from rotation.margins import margins
from rotation.operator_tokens.record import RecordPlace
from tests.components.stack_config import ADMIN, AUTHENTIK, POLICY, read, refusal

BACKENDS: dict[str, Any] = {"operator": {}, "authentik": AUTHENTIK}


def _token(namespace: str = "team-a", type_: str = "operational", **changes: Any) -> dict[str, Any]:
    place = {"kubernetesSecret": {"namespace": namespace, "name": f"{namespace}-{type_}"}}
    return {"backend": "operator", "spec": {"namespace": namespace, "type": type_}, "publish": [place], **changes}


def _read(tokens: Any = None, **operator: Any) -> Settings:
    return read(tokens or {"team-a": _token()}, BACKENDS, operator=operator)


def _refused(tokens: Any = None, **operator: Any) -> str:
    return refusal(tokens or {"team-a": _token()}, BACKENDS, operator=operator)


def test_the_default_policy_is_the_seeds_and_holds() -> None:
    """Ninety days, rotated ten before the end: seven of grace, really there, and three of tolerated outage."""
    settings = read({"team-a": _token()}, BACKENDS)
    policy = settings.policy("team-a")
    days = {name: getattr(policy, name).days for name in ("lifetime", "rotate_before", "overlap", "tolerated_outage")}
    assert days == {"lifetime": 90, "rotate_before": 10, "overlap": 7, "tolerated_outage": 3}
    assert min(margins(policy, policy.lifetime).values()) >= timedelta(0)
    kept = _read(namespaces=["team-b"]).operator
    assert kept is not None
    assert kept.policy == policy


def test_the_backend_needs_nothing_but_its_name() -> None:
    """It lives in the cluster: the way to a server is refused, and where the records stand may be said."""
    settings = read({"team-a": _token()}, {"operator": {"records": {"namespace": "iam", "name": "tokens"}}})
    assert settings.backends["operator"].records == RecordPlace(namespace="iam", name="tokens")
    for more in ({"url": "https://example.com"}, {"credential": {"env": "A"}}, {"bootstrap": {"username": "a"}}):
        assert "it lives in the cluster" in refusal({"team-a": _token()}, {"operator": more})
    assert "only a kind that lives in the cluster" in refusal(
        {"admin": ADMIN}, {"authentik": {**AUTHENTIK, "records": {}}}
    )


def test_a_tokens_secret_tells_its_type() -> None:
    """By a label, so that an operator finds admission and operational tokens apart."""
    assert TOKEN_KINDS["operator"] is OperatorToken
    settings = read({"one": _token(), "two": _token(type_="admission"), "three": _untyped("team-b")}, BACKENDS)
    labels = [OperatorToken.labels(settings.tokens[name])["token-rotation/type"] for name in ("one", "two", "three")]
    assert labels == ["operational", "admission", "operational"]


@pytest.mark.parametrize("type_", ["operational", "admission"])
def test_a_namespace_has_one_token_of_each_type(type_: str) -> None:
    """A second one is refused, with the name of the first; one of the other type is not."""
    again = _token(type_=type_, publish=[{"kubernetesSecret": {"namespace": "team-a", "name": "again"}}])
    text = refusal({"one": _token(type_=type_), "two": again}, BACKENDS)
    assert "tokens.two.spec" in text
    assert f"one is the {type_} token of team-a, too" in text
    other = "admission" if type_ == "operational" else "operational"
    assert set(read({"one": _token(type_=type_), "two": _token(type_=other)}, BACKENDS).tokens) == {"one", "two"}


def test_two_operators_may_serve_one_namespace() -> None:
    """Each has its records, so each has its token there."""
    backends = {"operator": {}, "second": {"kind": "operator", "records": {"namespace": "second", "name": "tokens"}}}
    elsewhere = [{"kubernetesSecret": {"namespace": "team-a", "name": "second"}}]
    assert len(read({"one": _token(), "two": _token(backend="second", publish=elsewhere)}, backends).tokens) == 2


def test_an_operational_token_lies_in_its_namespace() -> None:
    """Elsewhere its consumers and its owner could not refer to it; an admission token may lie in the platform's."""
    away = [{"kubernetesSecret": {"namespace": "keycloak-system", "name": "team-a"}}]
    text = refusal({"team-a": _token(publish=away)}, BACKENDS)
    assert "keycloak-system/team-a is not in the namespace team-a that the token is good for" in text
    _read({"team-a": _token(type_="admission", publish=away)}, namespaces=["team-a"])


def test_an_admission_token_is_of_a_team_that_somebody_keeps() -> None:
    """What it makes would run out. So its team may bootstrap by the keeper's settings, is revoked, or is declared."""
    alone = {"door": _token(type_="admission")}
    for text in (refusal(alone, BACKENDS), _refused(alone, namespaces=["team-b"])):
        assert "tokens.door.spec: it would bootstrap team-a, and nobody keeps that team's token" in text
        assert "Name team-a under `token-rotation:operator.namespaces`" in text
    _read(alone, namespaces=["team-a"])
    _read(alone, revoked=["team-a"])
    read({**alone, "team-a": _token()}, BACKENDS)


def test_the_keeper_is_told_where_declared_tokens_lie() -> None:
    """The first Secret of each operational one, by its namespace; what is published elsewhere alone has none."""
    settings = _read({"team-a": _token(), "door": _token("team-b", "admission")}, namespaces=["team-b"])
    assert secrets((token.spec, token.publish) for token in settings.tokens.values()) == {
        "team-a": "team-a-operational"
    }


def test_a_declared_namespace_is_the_stacks() -> None:
    """One that may bootstrap at run time, too, is refused; its admission token alone declares nothing."""
    assert "team-a declares its operational token" in _refused(namespaces=["team-a"])
    settings = _read({"team-a": _token(type_="admission")}, namespaces=["team-a"])
    assert settings.operator is not None
    assert settings.operator.namespaces == ("team-a",)
    specs = {"one": {"namespace": "team-a"}, "two": {"namespace": "team-b", "type": "admission"}}
    assert declared(specs) == {"team-a": "one"}


def test_nothing_is_minted_for_a_revoked_team() -> None:
    """Its declared tokens are paused, of either type; those of others are as they were."""
    tokens = {"one": _token(), "two": _token(type_="admission"), "three": _token("team-b"), "admin": ADMIN}
    settings = _read(tokens, revoked=["team-a"])
    assert {name for name, token in settings.tokens.items() if token.paused} == {"one", "two"}


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"backend": "authentik"}, "'authentik' is no backend of kind operator"),
        ({"backend": "nowhere"}, "'nowhere' is no backend of kind operator"),
        ({"namespaces": ["Team"]}, "operator.namespaces.0"),
        ({"revoked": ["../team"]}, "operator.revoked.0"),
        ({"owner": {"apiVersion": "v1", "kind": "ConfigMap"}}, "operator.owner.name"),
        ({"owner": {"apiVersion": "a/b/v1", "kind": "ConfigMap", "name": "a"}}, "operator.owner.apiVersion"),
        ({"owner": {"apiVersion": "v1", "kind": "ConfigMap", "name": "a/b"}}, "operator.owner.name"),
        ({"policy": {"lifetime": "90d", "rotate_before": "7d", "overlap": "7d"}}, "the operator's teams"),
        ({"teams": []}, "this key is unknown"),
    ],
)
def test_what_cannot_hold_is_refused(changes: dict[str, Any], cause: str) -> None:
    """By its key and its cause, before anything is touched."""
    assert cause in _refused(**changes)


@pytest.mark.parametrize("spelling", ["apiVersion", "api_version"])
def test_an_owner_is_named_for_each_team(spelling: str) -> None:
    """Its name may hold the team's namespace; its kind's plural is guessed unless it is told."""
    told = {spelling: "keycloak.example.com/v1", "kind": "KeycloakRealm", "name": "realm-of-{namespace}"}
    settings = _read(owner=told)
    assert settings.operator is not None
    owner = settings.operator.owner
    assert owner is not None
    expected = "/apis/keycloak.example.com/v1/namespaces/team-a/keycloakrealms/realm-of-team-a"
    assert owner.path_in("team-a") == expected
    assert owner.model_validate(owner.model_dump(mode="json")) == owner


def test_without_the_key_there_is_no_keeper() -> None:
    """Tokens may be declared all the same; what Pulumi.yaml gives an absent key is no setting."""
    assert read({"team-a": _token()}, BACKENDS).operator is None
    assert read({"team-a": _token()}, BACKENDS, operator={}).operator is None


def test_the_policy_may_be_a_tokens_own() -> None:
    """The keeper's is for what admissions made."""
    settings = _read({"team-a": _token(policy=POLICY)}, namespaces=["team-b"])
    assert settings.policy("team-a").lifetime == timedelta(days=365)


def _untyped(namespace: str) -> dict[str, Any]:
    return {**_token(namespace), "spec": {"namespace": namespace}}
