"""The weather of one run: what the scenario says, and what is drawn for this run alone."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta

from simulator.facts import TokenFacts
from simulator.faults import Kind, Weather
from simulator.scenario import Scenario, Spell

_STORM_OF_TOKENS, _STORM_OF_ALL = 0.03, 0.003
"""How likely a run has a storm for two tokens, and one for a backend or the cluster."""


def weather_of(scenario: Scenario, number: int, rng: random.Random, spared: Iterable[TokenFacts]) -> Weather:
    """`spared` tokens have failed for as long as they may: nothing goes wrong with them, nor with what they share."""
    scopes = {scope for token in spared for scope in (token.key, f"at {token.plan.backend}", "cluster")}
    backends = sorted({plan.backend for plan in scenario.plans})
    keys = [plan.key for plan in scenario.plans]
    storms: set[str] = set()
    if rng.random() < _STORM_OF_TOKENS:
        storms |= set(rng.sample(keys, min(2, len(keys))))
    if rng.random() < _STORM_OF_ALL:
        storms.add(rng.choice([*(f"at {name}" for name in backends), "cluster"]))
    weather = Weather(scenario.seed, number, frozenset(storms), spared=frozenset(scopes))
    weather.skew = timedelta(seconds=rng.randrange(-50, 51))
    for spell in scenario.spells:
        if spell.first <= number < spell.first + spell.length:
            _worsen(weather, spell, rng, backends)
    return weather


def calm(scenario: Scenario, number: int) -> Weather:
    """A run in which nothing goes wrong."""
    return Weather(scenario.seed, number, calm=0.0)


def _worsen(weather: Weather, spell: Spell, rng: random.Random, backends: list[str]) -> None:
    if spell.what == "down":
        weather.down |= {spell.where}
    elif spell.what == "expired":
        weather.expired |= {spell.where}
    elif spell.what == "skewed":
        weather.skew = timedelta(seconds=rng.choice((-1, 1)) * rng.randrange(70, 280))
    elif not weather.spared:
        weather.skew = timedelta(seconds=rng.choice((-1, 1)) * rng.randrange(310, 4000))
        for name in backends:
            weather.strike(f"at {name}", Kind.CLOCK)
