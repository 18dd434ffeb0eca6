"""Coder's policies: the default, and the example for an Owner on a default server."""

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
