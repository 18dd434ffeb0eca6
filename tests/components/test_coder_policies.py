"""Coder's policies, the default and the example for an Owner on a default server; and scopes that would lock it out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from components.coder_token import CoderToken
from components.default_policies import CODER_OWNER_POLICY, DEFAULT_POLICIES
from components.token_stack import TOKEN_KINDS
from rotation.durations import parse_duration
from rotation.errors import InvalidSettings
from rotation.margins import refuse_impossible
from rotation.model import Policy
from tests.components.stack_config import read, refusal

DAY = timedelta(days=1)
OWNERS_CAP = timedelta(hours=168)
"""CODER_MAX_ADMIN_TOKEN_LIFETIME of a server that sets none."""


def test_a_coder_token_has_a_type_of_its_own() -> None:
    """Its place in stored states."""
    assert TOKEN_KINDS["coder"] is CoderToken
    assert CoderToken.TYPE == "token-rotation:index:CoderToken"


@pytest.mark.parametrize("policy", [DEFAULT_POLICIES["coder"], CODER_OWNER_POLICY], ids=["default", "owner"])
def test_it_holds_with_a_run_each_day(policy: Policy) -> None:
    """No margin is negative."""
    refuse_impossible("template-automation", policy, DAY)


def test_the_owners_example_holds_under_the_owners_cap() -> None:
    """It asks for no more than a default server gives, and the default policy does."""
    refuse_impossible("template-automation", CODER_OWNER_POLICY, DAY, OWNERS_CAP)
    with pytest.raises(InvalidSettings, match="leaves a margin of -23d"):
        refuse_impossible("template-automation", DEFAULT_POLICIES["coder"], DAY, OWNERS_CAP)


@pytest.mark.parametrize(("part", "changed"), [("rotate_before", "2d"), ("overlap", "2d"), ("tolerated_outage", "1d")])
def test_the_owners_example_has_no_slack(part: str, changed: str) -> None:
    """Each part is needed: a day less to rotate in, more of overlap or less of outage, and it is refused."""
    other = CODER_OWNER_POLICY.model_copy(update={part: parse_duration(changed)})
    with pytest.raises(InvalidSettings, match="it cannot hold"):
        refuse_impossible("template-automation", other, DAY)


SECRET = {"namespace": "coder", "name": "coder-admin-api-token"}
SERVER = {"url": "https://coder.example.com", "credential": {"kubernetesSecret": SECRET}}


def _token(*scopes: str, name: str = "coder-admin-api-token") -> dict[str, object]:
    place = {"kubernetesSecret": {**SECRET, "name": name}}
    return {"backend": "coder", "spec": {"scopes": list(scopes)}, "publish": [place]}


@pytest.mark.parametrize("lacking", ["user:read", "coder:apikeys.manage_self"])
def test_scopes_that_would_lock_the_rotation_out_are_refused(lacking: str) -> None:
    """The token that is its server's credential has to mint its successor; one for others may do whatever it may."""
    needed = {"coder:templates.author", "user:read", "coder:apikeys.manage_self"}
    read({"coder": _token(*needed)}, {"coder": SERVER})
    text = refusal({"coder": _token(*needed - {lacking})}, {"coder": SERVER})
    assert "tokens.coder.spec.scopes: the token is its server's own credential" in text
    assert "Add coder:apikeys.manage_self and user:read" in text
    for free in (_token(), _token("all"), _token("coder:templates.author", name="for-others")):
        read({"coder": free}, {"coder": SERVER})
