"""What the simulator found in production, each as the smallest scenario that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from simulator.scenario import OperatorAct, Plan, Reader, Scenario
from simulator.simulation import Simulation
from simulator.sites import ROLES

_BY_AGE = {"lifetime": "32d", "rotate_every": "25d", "renew_before": "7d", "overlap": "1d"}
_BY_RENEWAL = {"lifetime": "14d", "rotate_every": "25d", "renew_before": "7d", "overlap": "2d"}
_PLACE = "apps/vault"
_ACCEPTED_SOON, _ACCEPTED_LATE = 4, 6
"""How many runs old the restored state is; the operator accepts it three runs later, or thirty."""


def _restored(policy: Mapping[str, str], age: int) -> Scenario:
    """One Vault token that rotates before run 26, and a state from before it that is restored before run 27."""
    readers = (Reader(_PLACE, timedelta(hours=20), timedelta(hours=1)),)
    plan = Plan("vault", "vault", "vault", policy, {"role": ROLES[0]}, (_PLACE,), "never", readers)
    restore = OperatorAct(27, "restore", size=age)
    return Scenario(1, 90, 40, (plan,), (restore,), (), frozenset(), frozenset(), faults=False)


@pytest.mark.parametrize(
    ("policy", "age"),
    [
        # The pair looked up a previous generation that the restored state did not know, and failed in every run.
        pytest.param(_BY_AGE, _ACCEPTED_SOON, id="an accepted state names no previous generation"),
        # Nobody renews a published token that the state does not know, and its next rotation was waited for.
        pytest.param(_BY_RENEWAL, _ACCEPTED_LATE, id="an unknown token is not renewed"),
    ],
)
def test_a_found_bug_stays_mended(policy: Mapping[str, str], age: int) -> None:
    """No promise is broken any more."""
    assert [str(violation) for violation in Simulation(_restored(policy, age)).run().violations] == []
