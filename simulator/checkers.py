"""One checker for each promise. They judge by facts that an outsider sees and know nothing of the code's insides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rotation.testing.secrecy import forms
from simulator.facts import Facts, Life, RunRecord, TokenFacts, Watcher
from simulator.scenario import DAY, SKEW


@dataclass(frozen=True)
class Violation:
    """A broken promise, and when it was seen."""

    promise: str
    what: str
    run: int
    instant: datetime

    def __str__(self) -> str:
        return f"run {self.run} at {self.instant:%Y-%m-%dT%H:%M:%S}Z: {self.promise}: {self.what}"


class Checker(Watcher):
    """Watches for one promise."""

    promise = ""

    def __init__(self, facts: Facts, found: list[Violation]) -> None:
        self.facts = facts
        self._found = found

    def broken(self, what: str) -> None:
        self._found.append(Violation(self.promise, what, self.facts.run, self.facts.clock()))


class ConsumersHoldAValidToken(Checker):
    """A consumer that reads within the overlap always holds a value that its server accepts."""

    promise = "a consumer is never without a valid token"

    def died(self, token: TokenFacts, life: Life, *, revoked: bool) -> None:
        if not life.value or self.facts.destroying:
            return
        now = self.facts.clock()
        for consumer in token.consumers:
            if consumer.holds(now) == life.value:
                end = "revoked" if revoked else "at its end"
                self.broken(f"{life.generation} is {end}, and the reader of {consumer.reader.place} uses it")

    def published(self, token: TokenFacts, place: str, value: str) -> None:
        if not token.site.accepts(value):
            self.broken(f"{place} was given {token.at[place]}, which its server does not accept")


class OneMintForEachDueDate(Checker):
    """A mint has a due date or an order, each of them has one mint, and only a fault excuses another."""

    promise = "one mint for each due rotation"

    def __init__(self, facts: Facts, found: list[Violation]) -> None:
        super().__init__(facts, found)
        self._faulty: dict[str, set[int]] = {}

    def run_ended(self, run: RunRecord) -> None:
        """A mint of a run that met a fault may come to nothing, and another follows when its window opens again."""
        if len(run.clean) < len(self.facts.tokens):
            for key in self.facts.tokens.keys() - run.clean:
                self._faulty.setdefault(key, set()).add(run.number)

    def born(self, token: TokenFacts, life: Life) -> None:
        faulty = life.born <= token.disturbed + token.policy.tolerated_outage + 2 * DAY
        twice = any(other.run == life.run for other in token.lives.values() if other is not life)
        if twice and not faulty:
            self.broken(f"{token.key} was minted twice in one run")
        due, current = token.due(), token.current
        if due is None or faulty or token.orders or token.behind:
            return
        others = [other for other in token.lives.values() if other not in (life, current)]
        if any(other.born >= due and other.run not in self._faulty.get(token.key, ()) for other in others):
            self.broken(f"{life.generation} is the second mint for the rotation that was due at {due}")
        if life.born < due - SKEW - (token.policy.jitter or 0 * DAY):
            self.broken(f"{life.generation} was minted, but the rotation is due at {due}")


class DueRotationsHappen(Checker):
    """The first run without a fault after a due date has minted and published."""

    promise = "a due rotation happens in the next run without faults"

    def run_ended(self, run: RunRecord) -> None:
        if run.start < self.facts.earliest_due():
            return
        for key in run.clean:
            token = self.facts.tokens[key]
            due = token.latest()
            if due is not None and run.start >= due + SKEW and not token.behind and token.current:
                self.broken(f"{token.current.generation} was due at {due} and is still current")


class NothingOutlivesItsDeadline(Checker):
    """What was superseded is dead after its overlap, in the first run that meets no fault."""

    promise = "nothing outlives its deadline by more than a run"

    def __init__(self, facts: Facts, found: list[Violation]) -> None:
        super().__init__(facts, found)
        self._deadlines: dict[str, datetime] = {}
        self._seen: set[str] = set()

    def run_ended(self, run: RunRecord) -> None:
        for token in list(self.facts.several.values()):
            if token.key in run.clean and not token.behind:
                for life in list(token.lives.values()):
                    if not token.shows(life.generation) and not life.forgotten:
                        self._judge(token, life, run)

    def published(self, token: TokenFacts, place: str, value: str) -> None:  # noqa: ARG002
        """What is current again waits for its end anew when it is superseded once more."""
        self._deadlines.pop(token.at[place], None)

    def restored(self) -> None:
        """The state may name again as current what had its deadline: it is given another."""
        self._deadlines.clear()
        self._seen.clear()

    def _judge(self, token: TokenFacts, life: Life, run: RunRecord) -> None:
        """Not known means that only the sweep can find it: a run later than what a token's own ledger knows."""
        if not life.known and token.plan.backend not in run.swept:
            return
        name = life.generation
        if not life.known and name not in self._seen:
            self._seen.add(name)
        elif name not in self._deadlines:
            self._deadlines[name] = self.facts.clock() + token.policy.overlap
        elif run.start >= self._deadlines[name] + SKEW:
            self.broken(f"{name} lives, and its overlap ended at {self._deadlines[name]}")


class AtMostTwoAlive(Checker):
    """Outside of faults and of what was forced, a token has its current generation and one before it."""

    promise = "at most two generations live outside faults and forced rotations"

    def run_ended(self, run: RunRecord) -> None:  # noqa: ARG002
        now = self.facts.clock()
        for token in self.facts.several.values():
            if len(token.lives) > 2 and token.calm_since(now):
                living = [life.generation for life in token.lives.values() if not life.forgotten]
                if len(living) > 2:
                    self.broken(f"{token.key} has {len(living)} living generations")


class NoOrphansAfterHealing(Checker):
    """After the healing phase, all that lives at the servers is what is published."""

    promise = "no orphan after healing"

    def healed(self) -> None:
        for token in self.facts.tokens.values():
            allowed = set(token.at.values()) | {life.generation for life in self._in_overlap(token)}
            alive = {name for name in token.site.alive() if self._is_of(name, token)}
            for orphan in sorted(alive - allowed):
                self.facts.counts["orphans"] += 1
                self.broken(f"{orphan} lives, and nothing is published of it")
            if not set(token.at.values()) <= alive or len(set(token.at.values())) != 1:
                self.broken(f"{token.key} is not healed: {sorted(set(token.at.values()))} is published")

    def _in_overlap(self, token: TokenFacts) -> Iterator[Life]:
        """The one before the current, while the current one is younger than the overlap."""
        current = token.current
        if current and self.facts.clock() <= current.born + token.policy.overlap + DAY:
            yield from [life for life in token.lives.values() if life.published and life is not current][-1:]

    def _is_of(self, generation: str, token: TokenFacts) -> bool:
        return self.facts.by_name.get(generation.split("_")[1]) is token


class DestroyLeavesNothing(Checker):
    """When everything is destroyed, nothing of ours lives at any server."""

    promise = "destroy leaves nothing alive"

    def destroyed(self) -> None:
        for site in {id(token.site): token.site for token in self.facts.tokens.values()}.values():
            for generation in sorted(site.alive()):
                self.broken(f"{generation} still lives at {site.name}")


class NoValueIsTold(Checker):
    """No value stands in a line of output, an error, a receipt, a trace line or the open part of the state."""

    promise = "no value is told"

    def __init__(self, facts: Facts, found: list[Violation]) -> None:
        super().__init__(facts, found)
        self._forms: dict[str, tuple[str, ...]] = {}

    def told(self, where: str, text: str, tokens: Iterable[TokenFacts]) -> None:
        for token in tokens:
            for life in token.lives.values():
                for form in self._forms_of(life):
                    if form in text:
                        self.broken(f"{where} tells the value of {life.generation}")

    def _forms_of(self, life: Life) -> tuple[str, ...]:
        if not life.value:
            return ()
        if life.generation not in self._forms:
            self._forms[life.generation] = tuple(sorted({*forms(life.value), life.value[:12], life.value[-12:]}))
        return self._forms[life.generation]

    def died(self, token: TokenFacts, life: Life, *, revoked: bool) -> None:  # noqa: ARG002
        self._forms.pop(life.generation, None)


class CurrentIsNeverRevoked(Checker):
    """What a place holds as current is revoked by nothing but a destroy."""

    promise = "the current generation is never revoked"

    def died(self, token: TokenFacts, life: Life, *, revoked: bool) -> None:
        if revoked and token.shows(life.generation) and not self.facts.destroying:
            places = [place for place, shown in token.at.items() if shown == life.generation]
            self.broken(f"{life.generation} was revoked while {places} hold it")


@dataclass
class _Known:
    ids: set[str] = field(default_factory=set)


class NoLivingIdIsLost(Checker):
    """A generation that the pair once named stays in the state until it is dead."""

    promise = "the state never loses a living generation"

    def __init__(self, facts: Facts, found: list[Violation]) -> None:
        super().__init__(facts, found)
        self._known: dict[str, _Known] = {}

    def restored(self) -> None:
        """An old state was restored: what it does not know is not lost by the code."""
        self._known.clear()

    def run_ended(self, run: RunRecord) -> None:
        for key in run.executed:
            token = self.facts.tokens[key]
            named = {name for other in _names(self.facts, token) for name in _ids(run, other)}
            swept = {entry["generation"] for entry in _outputs(run, f"sweep {token.plan.backend}").get("entries", ())}
            known = self._known.setdefault(key, _Known())
            for lost in sorted(name for name in known.ids - named - swept if name in token.lives):
                self.broken(f"{lost} lives, and the state does not name it any more")
            known.ids = named


def _names(facts: Facts, token: TokenFacts) -> list[str]:
    return [name for name, found in facts.by_name.items() if found is token]


def _ids(run: RunRecord, name: str) -> Iterator[str]:
    pair = _outputs(run, f"pair {name}")
    if pair:
        yield pair["generation"]
    for item in (*pair.get("superseded", ()), *_outputs(run, f"retirement {name}").get("entries", ())):
        yield item["generation"]


def _outputs(run: RunRecord, key: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.state.get(key, {}).get("outputs", {})
    return found


ALL: tuple[type[Checker], ...] = (
    ConsumersHoldAValidToken,
    OneMintForEachDueDate,
    DueRotationsHappen,
    NothingOutlivesItsDeadline,
    AtMostTwoAlive,
    NoOrphansAfterHealing,
    DestroyLeavesNothing,
    NoValueIsTold,
    CurrentIsNeverRevoked,
    NoLivingIdIsLost,
)
