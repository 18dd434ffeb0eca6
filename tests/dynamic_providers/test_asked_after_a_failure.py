"""With `--continue-on-error` the engine judges what comes after a failed mint, before it skips it.

An error there would end the whole run, and with it what the other tokens still had to do.
"""

from __future__ import annotations

import pytest

from dynamic_providers.retirement import RetirementProvider
from dynamic_providers.token_pair import TokenPairProvider
from dynamic_providers.verbs import Provider
from tests.dynamic_providers.line import Line
from tests.dynamic_providers.world import World

_MINTED = (
    "generation",
    "reason",
    "value",
    "handle",
    "created",
    "granted_until",
    "expires",
    "fingerprint",
    "superseded",
)


@pytest.mark.parametrize(("kind", "provider"), [("pair", TokenPairProvider()), ("retirement", RetirementProvider())])
def test_what_follows_a_failed_mint_can_be_judged(line: Line, kind: str, provider: Provider) -> None:
    """Without what a mint would have given, check and diff raise nothing and say that there is something to do."""
    line.run()
    stored = line.state[f"{kind} admin"]
    news = {name: value for name, value in stored["inputs"].items() if name not in _MINTED}
    with line._process():
        checked = provider.check(stored["inputs"], news).inputs
        assert provider.diff(stored["id"], stored["outputs"], checked).changes


def test_what_follows_a_failed_pair_can_be_judged(line: Line) -> None:
    """The pair's own inputs are known and what it would have told is not: the retirement's check raises nothing."""
    line.run()
    stored, provider = line.state["retirement admin"], RetirementProvider()
    news = {name: value for name, value in stored["inputs"].items() if name not in ("expires", "superseded")}
    with line._process():
        checked = provider.check(stored["inputs"], news).inputs
        assert provider.diff(stored["id"], stored["outputs"], checked).changes


@pytest.mark.parametrize("provider", [TokenPairProvider(), RetirementProvider()])
def test_what_follows_a_failed_first_mint_can_be_judged(provider: Provider) -> None:
    """Nor does a check of what does not exist yet."""
    line = Line(World())
    with line._process():
        news = {"token": "admin", "owner": "us", "backend": "authentik", "policy": {}, "was": [], "emergency": ""}
        assert provider.check({}, news).inputs["token"] == "admin"
