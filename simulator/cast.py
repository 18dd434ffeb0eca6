"""What all parts of a simulation share: the world, the engine, the declared tokens, and the facts about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rotation.backends.registry import KINDS
from rotation.model import Policy, owner_mark
from simulator.consumers import Consumer
from simulator.engine import Engine
from simulator.facts import Facts, TokenFacts
from simulator.program import Declared
from simulator.scenario import Plan, Scenario
from simulator.site_kinds import site_of
from simulator.trace import Event
from simulator.world import World

NOTHING: Mapping[str, Any] = {"outputs": {"entries": ()}}


@dataclass
class Cast:
    """`keys` leads from a token's name, which an operator may change, to its key in the scenario."""

    scenario: Scenario
    world: World
    engine: Engine
    facts: Facts
    declared: list[Declared]
    keys: dict[str, str]

    def facts_of(self, token: Declared) -> TokenFacts:
        """What an outsider knows of a declared token."""
        return self.facts.tokens[self.keys[token.name]]

    def stored(self, kind: str, name: str) -> Mapping[str, Any]:
        """The outputs of a resource as the state holds them; empty ones where it holds none."""
        found: Mapping[str, Any] = self.engine.state.get(f"{kind} {name}", NOTHING)["outputs"]
        return found

    def note(self, step: str, token: str, act: str, outcome: str) -> None:
        """A line of the trace that is no effect."""
        self.world.trace.add(Event(self.world.weather.number, self.world.now, step, token, act, "", outcome))


def gather(scenario: Scenario, world: World, engine: Engine) -> Cast:
    """Servers, consumers and declared tokens as the scenario begins."""
    declared = [_declared(plan) for plan in scenario.plans]
    tokens = {plan.key: _facts_of(plan, scenario, world) for plan in scenario.plans}
    world.facts = Facts(world.clock, tokens, dict(tokens))
    return Cast(scenario, world, engine, world.facts, declared, {plan.key: plan.key for plan in scenario.plans})


def _declared(plan: Plan) -> Declared:
    backend = "" if plan.backend in KINDS else plan.backend
    owner = owner_mark("token-rotation", "simulated", backend)
    return Declared(plan.key, plan.backend, plan.policy, plan.places, owner, plan.spec, probe=plan.probe)


def _facts_of(plan: Plan, scenario: Scenario, world: World) -> TokenFacts:
    if plan.backend not in world.sites:
        kind, seed = plan.backend.split("-", maxsplit=1)[0], scenario.seed + len(world.sites)
        details = {"self_rotation": plan.backend == "authentik-self"}
        world.sites[plan.backend] = site_of(kind, plan.backend, world.clock, seed, details)
    if plan.backend == "authentik-self":
        world.self_rotated[plan.backend] = plan.places[0]
    consumers = [Consumer(plan.key, reader) for reader in plan.readers]
    policy = Policy.model_validate(plan.policy)
    waits = scenario.rotation_limit is not None
    return TokenFacts(plan, policy, world.sites[plan.backend], consumers, waits=waits)
