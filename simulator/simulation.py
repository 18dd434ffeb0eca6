"""One scenario from its first run to its destruction: faults first, then healing, then nothing is left."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import stamina
import stamina.instrumentation

from dynamic_providers import process
from dynamic_providers.state import Run
from rotation.backends.protocol import Backend
from rotation.reasons import Action, Decision, Reason
from simulator import checkers
from simulator.cast import gather
from simulator.checkers import Checker, Violation
from simulator.engine import Engine
from simulator.facts import RunRecord, TokenFacts
from simulator.faults import Effect, Kind
from simulator.identity import SeededChoice, seeded_ids
from simulator.operator_acts import Operator
from simulator.program import Program
from simulator.quiet import Quiet
from simulator.run_weather import calm, weather_of
from simulator.scenario import DAY, START, Scenario
from simulator.trace import Event, Trace
from simulator.world import Killed, World

AGAIN = 1_000_000
"""Added to a run's number when it is doubled, so that the second has draws of its own."""
_LATE = timedelta(minutes=5)
_HOLDS_VALUES = ("token", "pair")
_SECRET = frozenset({"value", "previous"})


@dataclass
class Outcome:
    """What a scenario came to."""

    seed: int
    violations: list[Violation]
    counts: Counter[str]
    faults: Counter[Kind]
    tail: list[Event] = field(default_factory=list)


class Simulation:
    """Executes one scenario. `elide`: quiet lines are passed over."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        elide: bool = True,
        trace: Trace | None = None,
        kinds: tuple[type[Checker], ...] = checkers.ALL,
    ) -> None:
        self.scenario = scenario
        self.elide = elide
        self.trace = trace or Trace()
        self.violations: list[Violation] = []
        self.faults: Counter[Kind] = Counter()
        self.world = World(self.trace)
        self.engine = Engine(reached=self._reached, saved=self._saved, copies=not elide)
        self.cast = gather(scenario, self.world, self.engine)
        self.facts, self.counts = self.cast.facts, self.cast.facts.counts
        self.checkers = [kind(self.facts, self.violations) for kind in kinds]
        self.facts.watchers += self.checkers
        self.quiet = Quiet(self.cast)
        self.operator = Operator(self.cast, self.quiet.wake)
        self.world.is_judging = lambda: self.engine.judging
        self.world.cluster.on_published = self.facts.published
        self.world.cluster.on_receipt = self._receipt_written
        lists = {name: site.lists for name, site in self.world.sites.items()}
        self.program = Program(self.engine, self.world.cluster.publish, lists.__getitem__, self._begin_turn)
        self._ids = SeededChoice()
        self._killed = False
        self._calm = START
        self._least_tolerated = min(token.policy.tolerated_outage for token in self.facts.tokens.values())

    def run(self) -> Outcome:
        """All of it, or until a promise is broken."""
        with ExitStack() as stack:
            stack.enter_context(stamina.set_testing(True, attempts=4, cap=True))
            stack.enter_context(_silent_retries())
            self._ids = stack.enter_context(seeded_ids())
            self._all_runs()
        return Outcome(self.scenario.seed, self.violations, self.counts, self.faults, self.trace.events)

    def _all_runs(self) -> None:
        total = self.scenario.runs + self.scenario.healing
        for number in range(total):
            self._one_day(number, healing=number >= self.scenario.runs)
            if self.violations:
                return
        for checker in self.checkers:
            checker.healed()
        if not self.violations:
            self._destroy(total)

    def _one_day(self, number: int, *, healing: bool) -> None:
        rng = random.Random(f"{self.scenario.seed}/{number}")  # noqa: S311 - repeatable on purpose
        self.world.move_to(START + number * DAY + timedelta(seconds=rng.randrange(240)))
        if not healing:
            for act in self.scenario.acts_of(number):
                self.operator.act(act, number)
            if number in self.scenario.missed and not self._must_be_clean():
                self.counts["runs missed"] += 1
                return
        self.operator.notice(number)
        self._execute(number, rng, healing=healing)
        if number in self.scenario.doubled and not healing and not self.violations:
            self.world.move_to(self.world.now + timedelta(seconds=60 + rng.randrange(540)))
            self.counts["runs doubled"] += 1
            self._execute(number, rng, healing=healing, again=True)

    def _must_be_clean(self) -> list[TokenFacts]:
        """Tokens that have gone without a good run for so long that the next one would be too late."""
        late = self.world.now + DAY - _LATE
        if late <= self._calm + self._least_tolerated:
            return []
        tokens = self.facts.tokens.values()
        return [token for token in tokens if late > max(token.clean, self._calm) + token.policy.tolerated_outage]

    def _execute(self, number: int, rng: random.Random, *, healing: bool, again: bool = False) -> None:
        self.facts.run = number
        quiet = self._meet_weather(number, rng, healing=healing, again=again)
        start, weather = self.world.now, self.world.weather
        lines = [token for token in self.cast.declared if f"token {token.name}" not in quiet]
        self.counts["lines passed over"] += len(self.cast.declared) - len(lines)
        failed: set[str] = set()
        if self.quiet.covers(quiet):
            self.counts["runs passed over"] += 1
        else:
            self.counts["runs executed"] += 1
            self.counts["lines executed"] += len(lines)
            failed = self._up(number, quiet)
            self.quiet.judge(lines, {token.name for token in lines} if self._killed else failed)
            if not failed and not self._killed:
                self.operator.keep_state(number)
        if weather.met:
            self.faults += weather.met
        self._end_run(number, start, failed, [self.cast.keys[token.name] for token in lines])

    def _meet_weather(self, number: int, rng: random.Random, *, healing: bool, again: bool) -> set[str]:
        """Draw what may go wrong in this run; returns what it passes over."""
        number += AGAIN if again else 0
        if healing or not self.scenario.faults:
            self.world.weather = calm(self.scenario, number)
        else:
            self.world.weather = weather_of(self.scenario, number, rng, self._must_be_clean())
        return self.quiet.keys(self.world.weather) if self.elide else set()

    def _up(self, number: int, quiet: set[str]) -> set[str]:
        """One `pulumi up`; returns the names of what failed."""
        self.engine.steps.clear()
        self.engine.saved = self._saved
        self._killed, failed = False, set()
        with process.using(self._run(f"run-{number}")):
            try:
                for name, error in self.program.run(self.cast.declared, quiet):
                    failed.add(name)
                    self.facts.tell("an error", str(error))
                    self.cast.note("run", self.cast.keys.get(name, name), "failed", str(error).split(":")[0])
            except Killed:
                self._killed = True
                self.counts["runs killed"] += 1
                self.cast.note("run", "", "killed", "the process is gone")
        self.world.settle_late()
        self.operator.forget_obeyed()
        return failed

    def _run(self, name: str) -> Run:
        world = self.world
        run = Run(name, world.our_clock(), world.our_clock, world.cluster, self._connect, self._say)
        run.rotation_limit = self.scenario.rotation_limit
        return run

    def _end_run(self, number: int, start: datetime, failed: set[str], executed: Collection[str]) -> None:
        """Tell the checkers how the run ended, and for whom it was clean."""
        clean: Set[str] = self.facts.tokens.keys()
        backends: Collection[str] = self.world.sites
        if failed or self._killed or self.world.weather.struck:
            clean = self._clean_after(start, failed)
            dirty = {token.plan.backend for token in self.facts.tokens.values() if token.key not in clean}
            backends = [name for name in self.world.sites if not failed and name not in dirty]
        else:
            self._calm = start
        self._killed = False
        behind = self._behind()
        swept = [name for name in backends if name not in behind] if behind else backends
        record = RunRecord(number, start, clean, swept, executed, self.engine.state)
        for watcher in self.facts.hearing("run_ended"):
            watcher.run_ended(record)

    def _behind(self) -> set[str]:
        """Backends with a token of which a restored state does not know what is published: nothing is swept there."""
        behind = {token.plan.backend for token in self.facts.tokens.values() if token.behind}
        if behind:
            for token in self.facts.tokens.values():
                if token.plan.backend in behind:
                    token.disturbed = self.world.now
        return behind

    def _clean_after(self, start: datetime, failed: set[str]) -> set[str]:
        """The tokens that met no fault in this run."""
        struck, clean = self.world.weather.struck, set()
        for token in self.facts.tokens.values():
            hit = not struck.isdisjoint((token.key, f"at {token.plan.backend}", "cluster"))
            names = {name for name in failed if self.cast.keys.get(name, name) in (token.key, token.plan.backend)}
            if hit:
                token.disturbed = self.world.now
            elif not self._killed and not names:
                token.clean = start
                clean.add(token.key)
        return clean

    def _destroy(self, number: int) -> None:
        world = self.world
        world.weather = calm(self.scenario, number)
        world.turn.step, world.turn.token = "destroy", ""
        self.facts.destroying = True
        with process.using(self._run("destroy")):
            self.engine.state = dict(sorted(self.engine.state.items()))
            self.engine.destroy()
        world.move_to(world.now + timedelta(minutes=11))  # an unconfirmed lease dies by itself
        for checker in self.checkers:
            checker.destroyed()

    def _connect(self, name: str) -> Backend:
        def warn(text: str) -> None:
            process.current().tell(name, Decision(Action.KEEP, Reason.CLOCK_SKEW, text))

        return self.world.connect(name, warn)

    def _say(self, line: str) -> None:
        self.facts.tell("a line of output", line)
        reason = line.split("(")[1].split(")", maxsplit=1)[0]
        self.cast.note(self.world.turn.step, self.world.turn.token, "said", reason)

    def _receipt_written(self, name: str, text: str) -> None:
        self.facts.tell(f"the receipt of {name}", text, self.cast.keys.get(name.removeprefix("lease."), ""))

    def _begin_turn(self, step: str, name: str) -> None:
        turn, key = self.world.turn, self.cast.keys.get(name, name)
        turn.step, turn.token = step, key
        if step == "token":
            self._ids.begin(f"{self.scenario.seed}/{self.world.weather.number}/{key}")
            self.engine.replace = ("token",) if name in self.operator.replace else ()

    def _reached(self, act: str, kind: str, _name: str) -> None:
        """An act is done and its state is about to be saved."""
        if act == "same" or self.facts.destroying:
            return
        fault = self.world.struck(Effect(self.world.turn.token, kind, f"save {act}", "save"))
        if fault is not None and fault.kind is Kind.REFUSED:
            raise Killed
        if fault is not None:
            self.engine.saved = _killed_after_save

    def _saved(self, act: str, kind: str, name: str) -> None:
        if act == "same":
            return
        self.cast.note(kind, self.world.turn.token, "save", act)
        if kind in _HOLDS_VALUES:  # a Secret's data is secret as a whole, and a receipt is checked as it is written
            resource = self.engine.state[f"{kind} {name}"]
            self.facts.tell(f"the open state of {kind} {name}", _open_part(resource), self.world.turn.token)


@contextmanager
def _silent_retries() -> Iterator[None]:
    """A line for each retry would tell nothing here."""
    hooks = stamina.instrumentation.get_on_retry_hooks()
    stamina.instrumentation.set_on_retry_hooks([])
    try:
        yield
    finally:
        stamina.instrumentation.set_on_retry_hooks(hooks)


def _killed_after_save(_act: str, _kind: str, _name: str) -> None:
    raise Killed


def _open_part(resource: Mapping[str, Any]) -> str:
    """What the state holds of a resource in clear: all but what is registered as secret."""
    parts = (resource["inputs"], resource["outputs"])
    return str([{name: part[name] for name in part if name not in _SECRET} for part in parts])
