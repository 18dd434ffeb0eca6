"""The simulator's model of the engine is held to the real CLI: the same steps, and the same picture after each run.

`DEEP=1` (`make test-deep`) plays more scenarios, each near to one of the others, to a cell or to an end-to-end test.
"""

from __future__ import annotations

import os

import pytest

from tests.agreement import scenarios, scenarios_at_vault, scenarios_by_hand, scenarios_refused, scenarios_trouble
from tests.agreement.conftest import Agree
from tests.agreement.harness import Scenario

AT_AUTHENTIK = [*scenarios.ALL, *scenarios_trouble.ALL, *scenarios_by_hand.ALL, *scenarios_refused.ALL]
AT_VAULT = [*scenarios_at_vault.ALL]
if os.environ.get("DEEP"):
    AT_AUTHENTIK += [*scenarios.MORE, *scenarios_trouble.MORE, *scenarios_by_hand.MORE, *scenarios_refused.MORE]
    AT_VAULT += scenarios_at_vault.MORE


@pytest.mark.parametrize("scenario", AT_AUTHENTIK, ids=lambda scenario: scenario.__name__)
def test_model_and_cli_agree(scenario: Scenario, agree: Agree) -> None:
    """Model and CLI do the same to each resource, and leave the same ledgers, generations and published values."""
    agree(scenario)


@pytest.mark.parametrize("scenario", AT_VAULT, ids=lambda scenario: scenario.__name__)
def test_model_and_cli_agree_at_vault(scenario: Scenario, agree: Agree) -> None:
    """So they do with the simulated Vault and OpenBao, whose clock is the real one: instants are not compared."""
    agree(scenario, instants=False)


def test_there_are_enough_scenarios_and_each_says_what_it_shows() -> None:
    """At least 30 scenarios, each with a promise of its own."""
    told = [scenario.__doc__ for scenario in (*AT_AUTHENTIK, *AT_VAULT)]
    assert len(told) >= 30
    assert all(told)
    assert len(set(told)) == len(told)
