"""The simulator's model of the engine is held to the real CLI: the same steps, and the same picture after each run.

`make test` plays some of the scenarios, at least one of each theme; `make test-deep` (`DEEP=1`) all of them.
"""

from __future__ import annotations

import os

import pytest

from tests.agreement import scenarios, scenarios_at_vault, scenarios_by_hand, scenarios_refused, scenarios_trouble
from tests.agreement.conftest import Agree
from tests.agreement.harness import Scenario

AT_AUTHENTIK = [*scenarios.ALL, *scenarios_trouble.ALL, *scenarios_by_hand.ALL, *scenarios_refused.ALL]
AT_VAULT = [*scenarios_at_vault.ALL]
MORE = [*scenarios.MORE, *scenarios_trouble.MORE, *scenarios_by_hand.MORE, *scenarios_refused.MORE]
MORE_AT_VAULT = [*scenarios_at_vault.MORE]
ALL = (*AT_AUTHENTIK, *AT_VAULT, *MORE, *MORE_AT_VAULT)
if os.environ.get("DEEP"):
    AT_AUTHENTIK += MORE
    AT_VAULT += MORE_AT_VAULT


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
    told = [scenario.__doc__ for scenario in ALL]
    assert len(told) >= 30
    assert all(told)
    assert len(set(told)) == len(told)
