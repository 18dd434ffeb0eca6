"""What the outputs tell of the time to come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from components.default_policies import DEFAULT_POLICIES
from components.outlook import ROTATIONS_TOLD, outlook
from rotation.backends.registry import KINDS
from rotation.clock import to_rfc3339
from rotation.model import Policy
from rotation.testing.builders import START, a_generation

DAY = timedelta(days=1)


def _known(policy: Policy, **changes: Any) -> dict[str, Any]:
    told = {"generation": a_generation(), "created": to_rfc3339(START), "published_at": to_rfc3339(START)}
    return {**told, "expires": to_rfc3339(START + policy.lifetime), "entries": [], **changes}


def test_the_next_rotations_and_retirements_are_told() -> None:
    """Three rotations of the default Authentik policy, each followed by the end of what it superseded."""
    policy = DEFAULT_POLICIES["authentik"]
    told = outlook(_known(policy), policy, KINDS["authentik"].capabilities, DAY)
    assert [line.split()[1] for line in told] == ["rotate", "retire"] * ROTATIONS_TOLD
    assert told[0] == f"{to_rfc3339(START + timedelta(days=332))} rotate (NearingExpiry)"
    assert told[1].startswith(to_rfc3339(START + timedelta(days=362)))


def test_a_token_that_is_renewed_rotates_by_its_age() -> None:
    """The default Vault policy: every 25 days, whatever its renewals."""
    policy = DEFAULT_POLICIES["vault"]
    told = outlook(_known(policy), policy, KINDS["vault"].capabilities, DAY)
    rotations = [line.split()[0] for line in told if " rotate " in line]
    assert rotations == [to_rfc3339(START + number * timedelta(days=25)) for number in (1, 2, 3)]


def test_nothing_is_told_of_a_token_that_failed() -> None:
    """A resource that failed has outputs of None, and the other tokens' outputs are still told."""
    policy = DEFAULT_POLICIES["vault"]
    assert outlook(_known(policy, expires=None), policy, KINDS["vault"].capabilities, DAY) == []
