"""A small world for one cell: one token with two places and two readers, run by hand from one moment to the next."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import stamina

from dynamic_providers import process
from dynamic_providers.state import Run
from rotation.backends.protocol import Backend
from rotation.model import Policy, owner_mark
from simulator.checkers import Checker, ConsumersHoldAValidToken, CurrentIsNeverRevoked, NoValueIsTold, Violation
from simulator.consumers import Consumer
from simulator.engine import Engine
from simulator.facts import Facts, TokenFacts
from simulator.fault_matrix.aim import Aim, AimedWeather
from simulator.faults import Kind
from simulator.identity import SeededChoice, seeded_ids
from simulator.program import Declared, Program
from simulator.scenario import SKEW, Plan, Reader
from simulator.site_kinds import site_of
from simulator.sites import ROLES, TEAMS
from simulator.trace import Event, Trace
from simulator.world import Killed, World

PLACES = ("apps/token", "apps/token-copy")
NAME = "team"
_AUTHENTIK = {"lifetime": "90d", "rotate_before": "10d", "overlap": "3d", "tolerated_outage": "3d"}
_VAULT = {"lifetime": "32d", "rotate_every": "25d", "renew_before": "7d", "overlap": "1d"}
CHECKERS: tuple[type[Checker], ...] = (ConsumersHoldAValidToken, CurrentIsNeverRevoked, NoValueIsTold)


@dataclass(frozen=True)
class Setting:
    """One way to use a backend. `leases`: a mint dies by itself unless it is confirmed."""

    label: str
    title: str
    backend: str
    policy: Mapping[str, str] = field(hash=False)
    spec: Mapping[str, str] = field(hash=False)
    leases: bool = False


_ADMIN = "Authentik, mode `schedule`, with an administrator's credential"
_SELF = "Authentik, self-rotation: the credential is what it publishes"
_SERVER = "Authentik, mode `server`: the tenant ends its tokens"
SETTINGS = (
    Setting("authentik", _ADMIN, "authentik", _AUTHENTIK, {"user": TEAMS[0]}),
    Setting("authentik-self", _SELF, "authentik-self", _AUTHENTIK, {}),
    Setting("authentik-server", _SERVER, "authentik", _AUTHENTIK, {"user": TEAMS[0], "mode": "server"}),
    Setting("vault", "Vault or OpenBao", "vault", _VAULT, {"role": ROLES[0]}, leases=True),
)


@dataclass(frozen=True)
class Ran:
    """How a run ended. `steps`: what the engine did; `failed`: it did not reach its end."""

    steps: tuple[str, ...]
    failed: bool


@dataclass
class Stage:
    """Entered as a context: ids repeat, and retries do not wait."""

    setting: Setting
    violations: list[Violation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.trace = Trace(keep_all=True)
        self.world = World(self.trace)
        self.plan = _plan(self.setting)
        self.policy = Policy.model_validate(self.plan.policy)
        self.facts = self.world.facts = self._facts()
        self.facts.watchers += [kind(self.facts, self.violations) for kind in CHECKERS]
        self.world.cluster.on_published = self.facts.published
        self.world.cluster.on_receipt = self.facts.tell
        self.engine = Engine(reached=self._reached, saved=self._saved)
        self.world.is_judging = lambda: self.engine.judging
        self.program = Program(self.engine, self.world.cluster.publish, lambda _: self.site.lists, self._begin_turn)
        self.runs = 0
        self._weather = AimedWeather(0, 0)
        self._declared = _declared(self.plan)
        self._ends_after: str = ""
        self._ids = SeededChoice()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(stamina.set_testing(True, attempts=4, cap=True))
        self._ids = self._open.enter_context(seeded_ids())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    @property
    def token(self) -> TokenFacts:
        return self.facts.tokens[NAME]

    @property
    def now(self) -> datetime:
        return self.world.now

    def pass_time(self, length: timedelta) -> None:
        """Let time pass; what ends by itself ends at its own instant."""
        self.world.move_to(self.now + length)

    def run(self, aim: Aim | None = None) -> Ran:
        """One `up`; what was on its way when the run ended is carried out after it."""
        self._begin_run(AimedWeather(0, self.runs + 1, aim=aim))
        ran = self._up()
        self.world.turn.step = "late"
        self.world.settle_late()
        return ran

    def run_refused(self) -> Ran:
        """One more run while the server of the last one still refuses our credential."""
        refusing = self._weather.refusing
        if refusing == "save":
            self.runs += 1
            return Ran((), failed=True)  # it cannot even read the state
        self._begin_run(AimedWeather(0, self.runs + 1, refusing=refusing))
        return self._up()

    @property
    def hits(self) -> int:
        """How often the last run was struck."""
        return self._weather.hits

    def outputs(self, kind: str, name: str = NAME) -> Mapping[str, Any]:
        """What the state holds of a resource; empty where it knows none."""
        found: Mapping[str, Any] = self.engine.state.get(f"{kind} {name}", {}).get("outputs", {})
        return found

    @property
    def site(self) -> Any:
        return self.world.sites[self.setting.backend]

    def _begin_run(self, weather: AimedWeather) -> None:
        self.runs += 1
        self.facts.run = self.runs
        self.world.weather = self._weather = weather
        self.engine.steps.clear()
        self.engine.saved = self._saved
        self._ends_after = ""

    def _up(self) -> Ran:
        world = self.world
        run = Run(f"run-{self.runs}", world.our_clock(), world.our_clock, world.cluster, self._connect, self._say)
        with process.using(run):
            try:
                failures = self.program.run([self._declared])
            except Killed:
                self._note("run", "ended here")
                return Ran(tuple(self.engine.steps), failed=True)
        for _, error in failures:
            self.facts.tell("an error", str(error))
            self._note("failed", str(error).split(". ")[0])
        return Ran(tuple(self.engine.steps), failed=bool(failures))

    def _connect(self, name: str) -> Backend:
        return self.world.connect(name, lambda _text: None)

    def _say(self, line: str) -> None:
        self.facts.tell("a line of output", line)
        self._note("said", line)

    def _note(self, act: str, outcome: str) -> None:
        turn = self.world.turn
        self.trace.add(Event(self.runs, self.now, turn.step, turn.token, act, "", outcome))

    def _begin_turn(self, step: str, name: str) -> None:
        turn = self.world.turn
        turn.step, turn.token = step, name
        if step == "token":
            self._ids.begin(f"{self.runs}")
        if step == "pair" and self.world.struck(self.world.effect("put together", "process")):
            self._ends_after = "put together"

    def _reached(self, act: str, _kind: str, name: str) -> None:
        """An act is done and its state is about to be saved."""
        if act == "same":
            return
        if self._ends_after:
            raise Killed
        fault = self.world.struck(self.world.effect("save", "save", name))
        if fault is None:
            return
        if fault.kind in (Kind.REFUSED, Kind.FORBIDDEN):
            raise Killed  # a run whose state cannot be saved ends
        self._ends_after = "save"

    def _saved(self, act: str, _kind: str, name: str) -> None:
        if act != "same":
            self.trace.add(Event(self.runs, self.now, self.world.turn.step, self.world.turn.token, "save", name, act))
        if self._ends_after == "save":
            raise Killed

    def _facts(self) -> Facts:
        world, backend = self.world, self.setting.backend
        self_rotates = backend == "authentik-self"
        kind = backend.split("-")[0]
        world.sites[backend] = site_of(kind, backend, world.clock, 1, {"self_rotation": self_rotates})
        if self_rotates:
            world.self_rotated[backend] = PLACES[0]
        readers = [Consumer(NAME, reader) for reader in self.plan.readers]
        tokens = {NAME: TokenFacts(self.plan, self.policy, world.sites[backend], readers)}
        return Facts(world.clock, tokens, dict(tokens))


def _plan(setting: Setting) -> Plan:
    overlap = Policy.model_validate(setting.policy).overlap
    readers = tuple(
        Reader(place, overlap - SKEW, (overlap - SKEW) * part) for place, part in zip(PLACES, (0.1, 0.9), strict=True)
    )
    return Plan(NAME, setting.label, setting.backend, setting.policy, setting.spec, PLACES, "never", readers)


def _declared(plan: Plan) -> Declared:
    owner = owner_mark("token-rotation", "matrix", plan.backend)
    return Declared(plan.key, plan.backend, plan.policy, plan.places, owner, plan.spec)
