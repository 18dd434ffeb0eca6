"""How a namespace stands, as the exporter tells it: the status that is true now, whenever the last run was."""

from __future__ import annotations

from typing import Any

import pytest

from rotation.operator_tokens.record import State, Status
from tests.operations.facts import NOW
from tests.operations.team_records import OURS, SECOND, SEED, a_team_record, an_entry, of, told


@pytest.mark.parametrize(
    ("status", "reason", "more"),
    [
        (Status.AUTHORIZED, "Accepted", {}),
        (Status.DEGRADED, "SecretMissing", {}),
        (Status.DEGRADED, "SecretDiffers", {}),
        (Status.DEGRADED, "Orphaned", {"orphaned": "its owner is gone"}),
        (Status.REVOKED, "TeamRevoked", {"revoked_at": NOW}),
    ],
)
def test_only_the_status_that_stands_is_told(status: Status, reason: str, more: dict[str, Any]) -> None:
    """One series for each namespace, with the reason beside it; what only the Secret tells stands."""
    found = told(a_team_record(an_entry(), status=status, reason=reason, **more))
    assert of(f"{OURS}status", found) == {("team-a", reason, str(status)): 1}


def test_what_ended_since_the_last_run_is_told_though_no_run_came() -> None:
    """A token that is over is degraded, and not in use; its end stands in the past. A grace that is over is none."""
    over = an_entry(valid_until=NOW - SECOND)
    grace = {
        "state": State.SUPERSEDED,
        "grace_until": NOW - SECOND,
        "generation": "admission_b_20260101t000000z_bbbbbb",
    }
    rotated = a_team_record(an_entry("team-b"), an_entry("team-b", **grace), status=Status.GRACE, reason="Rotated")
    found = told(a_team_record(over), rotated)
    assert of(f"{OURS}status", found) == {
        ("team-a", "NothingAccepted", "Degraded"): 1,
        ("team-b", "Accepted", "Authorized"): 1,
    }
    assert of(f"{SEED}operational_tokens_active", found) == {(): 1}
    assert (
        of(f"{SEED}token_expires_timestamp", found)["team-a", "team-a-operator-token"] == over.valid_until.timestamp()
    )


def test_a_status_that_nobody_told_is_told_where_it_is_true() -> None:
    """A record begins as not bootstrapped: so is one with an admission token alone, and no declared one that lives."""
    begun = {"status": Status.DEGRADED, "reason": "NotBootstrapped", "since": None}
    waiting = a_team_record(an_entry(token_type="admission"), **begun)
    assert of(f"{OURS}status", told(waiting)) == {("team-a", "NotBootstrapped", "Degraded"): 1}
    lives = a_team_record(an_entry(kept_by="stack"), **begun)
    assert of(f"{OURS}status", told(lives)) == {("team-a", "Declared", "Authorized"): 1}
    left = a_team_record(an_entry(kept_by="stack", state=State.REVOKED, revoked_at=NOW), **begun)
    assert of(f"{OURS}status", told(left)) == {}
