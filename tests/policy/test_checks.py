"""Each check by itself: one fact, and what it says of it."""

from __future__ import annotations

from datetime import datetime

import pytest

from rotation import checks
from rotation.model import Policy
from rotation.testing.builders import DAY, START, a_policy
from tests.policy import hold_rows, pause_rows
from tests.policy.check_rows import BOTH, BY_AGE, BY_END, DUE, NEWER, RENEW_AT, ROWS, Row, of

ALL = {**ROWS, **hold_rows.ROWS, **pause_rows.ROWS}


@pytest.mark.parametrize("row", ALL.values(), ids=ALL.keys())
def test_a_check_says_what_is_wrong_or_nothing(row: Row) -> None:
    """For each fact: the action, the reason, the sentence and the instant, to the second; or nothing at all."""
    decision = row.check(row.policy, row.history, row.now)
    if row.says is None:
        assert decision is None
        return
    action, reason, message, until = row.says
    assert decision is not None
    assert (decision.action, decision.reason, decision.until) == (action, reason, until)
    assert message in decision.message


@pytest.mark.parametrize(
    ("policy", "expires", "due"),
    [
        (BY_END, None, DUE),
        (BY_END, START + 60 * DAY, START + 27 * DAY),
        (BY_END, START + 365 * DAY, DUE),
        (BY_AGE, None, RENEW_AT),
        (BY_AGE, START + 29 * DAY, RENEW_AT),
        (BY_AGE, START + 28 * DAY, RENEW_AT - DAY),
        (BOTH, None, RENEW_AT),
        (BOTH, START + 50 * DAY, START + 17 * DAY),
        (a_policy(renew_before="40d"), START + 120 * DAY, START + 87 * DAY),
    ],
)
def test_a_rotation_is_due_at_the_earlier_of_both_rules(
    policy: Policy, expires: datetime | None, due: datetime
) -> None:
    """Age and distance from the end both count, and so does the granted end; a longer grant gains nothing."""
    assert checks.rotates_at(policy, of(expires=expires)) == due


def test_a_restored_state_is_told_the_remedy() -> None:
    """The message for a state that is older names both ways out."""
    decision = checks.state_is_older(BY_END, of(newest_seen=NEWER), START)
    assert decision is not None
    assert "Restore the newer state, or accept this one with `pulumi up --replace` of the token" in decision.message


def test_an_operator_reads_whole_sentences() -> None:
    """What an operator asked for, or must do, is said in one sentence with nothing before or after it."""
    facts = {"emergency": checks.emergency, "forced": checks.forced_by_operator, "spec_changed": checks.spec_changed}
    said = {fact: check(BY_END, of(**{fact: True}), START) for fact, check in facts.items()}
    assert {fact: decision.message for fact, decision in said.items() if decision} == {
        "emergency": "a new emergency nonce stands in the config; every earlier generation ends with this run",
        "forced": "a new force nonce stands in the config",
        "spec_changed": "the token's spec in the config changed",
    }
    older = checks.state_is_older(BY_END, of(newest_seen=NEWER), START)
    assert older is not None
    assert older.message.endswith(
        "neither rotating nor sweeping."
        " Restore the newer state, or accept this one with `pulumi up --replace` of the token"
    )
