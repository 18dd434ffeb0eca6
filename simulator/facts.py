"""What an outsider sees: generations born and dead at the servers, values at the places, orders of the operator.

The checkers judge by this alone. Nothing here is read from the code under test but what it wrote into its state.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rotation.model import Policy
from simulator.consumers import Consumer
from simulator.scenario import DAY, START, Plan
from simulator.sites import Change, Site

_LONG_AGO = START - timedelta(days=10_000)


@dataclass
class Life:
    """One generation at its server. `value` is empty until it was told to somebody.

    published: a place held it
    known:     and the state knows it, so that its token's own ledger does
    forgotten: a restored state does not know it, and its backend cannot list it: it lives until its own end
    """

    generation: str
    born: datetime
    run: int
    end: datetime | None = None
    value: str = field(default="", repr=False)
    published: bool = False
    known: bool = False
    forgotten: bool = False


@dataclass
class TokenFacts:
    """One token, by its key.

    lives:     its living generations, oldest first
    at:        the generation at each place
    current:   the one that was published last
    orders:    what an operator asked for and no publication has answered yet
    urgent:    since when an emergency has waited for its publication
    disturbed: when a fault, an order or a restored state last touched it
    clean:     the start of the last run that met no fault here
    behind:    the state was restored and does not know what is published
    taken_back: an earlier generation was published again: its successor waits for as long as there is time
    waits:     the stack limits how many rotations begin in one run
    """

    plan: Plan
    policy: Policy
    site: Site
    consumers: list[Consumer]
    lives: dict[str, Life] = field(default_factory=dict)
    at: dict[str, str] = field(default_factory=dict)
    current: Life | None = None
    orders: set[str] = field(default_factory=set)
    urgent: datetime | None = None
    disturbed: datetime = _LONG_AGO
    clean: datetime = START
    behind: bool = False
    taken_back: bool = False
    waits: bool = False
    _due: datetime | None = None

    @property
    def key(self) -> str:
        return self.plan.key

    def due(self) -> datetime | None:
        """When the published generation is to be replaced, by the policy's own words; None before the first."""
        if self._due is None and self.current is not None:
            self._due = self._computed_due(self.current)
        return self._due

    def latest(self) -> datetime | None:
        """By when its rotation must have begun: windows and a limit hold it back for as long as there is time."""
        due = self.due()
        if due is None or self.current is None or not (self.policy.windows or self.policy.blackouts or self.waits):
            return due
        return max(due, self._latest_start(self.current))

    def moved(self) -> None:
        """Another generation is published, or its end has moved."""
        self._due = None

    def _computed_due(self, current: Life) -> datetime:
        end, instants = self._end_of(current), []
        if self.taken_back:
            return self._latest_start(current)
        if self.policy.rotate_every is not None:
            instants.append(current.born + self.policy.rotate_every)
        if self.policy.rotate_before is not None:
            instants.append(end - self.policy.rotate_before)
        return min(instants)

    def _end_of(self, current: Life) -> datetime:
        wished = current.born + self.policy.lifetime
        end = current.end or wished
        return end if self.policy.renew_before else min(end, wished)

    def _latest_start(self, current: Life) -> datetime:
        return self._end_of(current) - self.policy.overlap - self.policy.tolerated_outage

    def calm_since(self, now: datetime) -> bool:
        """Whether all that a disturbance can leave behind must be over."""
        return now > self.disturbed + self.policy.overlap + self.policy.tolerated_outage + 5 * DAY

    def of_value(self, value: str, generation: str) -> Life | None:
        """The living generation of a value. A server that keeps hashes tells none: a place shows it first."""
        found = next((life for life in self.lives.values() if life.value == value), None)
        shown = self.lives.get(generation)
        if found is None and shown is not None and not shown.value and self.site.accepts(value):
            shown.value = value
            return shown
        return found

    def shows(self, generation: str) -> bool:
        """Whether some place holds it as the current one."""
        return generation in self.at.values()


@dataclass(frozen=True)
class RunRecord:
    """One run as it ended. `clean`: tokens that met no fault; `swept`: backends all of whose tokens are clean."""

    number: int
    start: datetime
    clean: Set[str]
    swept: Collection[str]
    executed: Collection[str]
    state: Mapping[str, Mapping[str, Any]]


class Watcher:
    """Told of each fact after it was entered. Checkers override what they need."""

    def born(self, token: TokenFacts, life: Life) -> None: ...
    def died(self, token: TokenFacts, life: Life, *, revoked: bool) -> None: ...
    def published(self, token: TokenFacts, place: str, value: str) -> None: ...
    def told(self, where: str, text: str, tokens: Iterable[TokenFacts]) -> None: ...
    def run_ended(self, run: RunRecord) -> None: ...
    def restored(self) -> None: ...
    def healed(self) -> None: ...
    def destroyed(self) -> None: ...


@dataclass
class Facts:
    """All tokens, and who is told. `several`: those with more than one living generation."""

    clock: Callable[[], datetime]
    tokens: dict[str, TokenFacts]
    by_name: dict[str, TokenFacts]
    watchers: list[Watcher] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    run: int = 0
    destroying: bool = False
    several: dict[str, TokenFacts] = field(default_factory=dict)
    _earliest: datetime | None = None
    _hearing: dict[str, list[Watcher]] = field(default_factory=dict)
    _ends: list[tuple[datetime, str]] = field(default_factory=list)

    def hearing(self, event: str) -> list[Watcher]:
        """The watchers that do something when they are told of this kind of event."""
        if event not in self._hearing:
            deaf = getattr(Watcher, event)
            self._hearing[event] = [one for one in self.watchers if getattr(type(one), event) is not deaf]
        return self._hearing[event]

    def of(self, generation: str) -> TokenFacts:
        """Whose generation this is: the id tells the token's name."""
        return self.by_name[generation.split("_")[1]]

    def changed(self, change: Change) -> None:
        """A server did what it was asked."""
        token = self.of(change.generation)
        if change.what == "born":
            self._born(token, change)
        elif change.what == "told" and change.generation in token.lives:
            token.lives[change.generation].value = change.value
        elif change.what == "extended" and change.generation in token.lives:
            token.lives[change.generation].end = change.end
            self._moved(token)
            self._await_end(change)
        elif change.what == "died":
            self.counts["revocations"] += 1
            self._died(token, change.generation, revoked=True)

    def published(self, place: str, content: Mapping[str, str]) -> None:
        """A place holds this now."""
        token, now = self.of(content["generation"]), self.clock()
        life = token.of_value(content["token"], content["generation"])
        generation = life.generation if life else content["generation"]
        if token.at.get(place) != generation:
            self._took_place(token, place, generation, life)
        urgent = token.urgent is not None and life is not None and life.born >= token.urgent
        for consumer in token.consumers:
            if consumer.reader.place == place and consumer.shown != content["token"]:
                consumer.changed(content["token"], now, at_once=urgent or not consumer.shown)
        for watcher in self.hearing("published"):
            watcher.published(token, place, content["token"])

    def _took_place(self, token: TokenFacts, place: str, generation: str, life: Life | None) -> None:
        token.at[place] = generation
        self.counts["publications"] += 1
        if life is not None:
            token.taken_back = token.current is not None and life.born < token.current.born
            life.published, life.known, token.current = True, True, life
            self._moved(token)
        if set(token.at.values()) == {generation} and len(token.at) == len(token.plan.places):
            token.orders.clear()
            token.behind = False

    def advance(self, now: datetime) -> list[tuple[datetime, str]]:
        """The generations that end by themselves until this instant, in order; the caller moves the clock to each."""
        due = []
        while self._ends and self._ends[0][0] <= now:
            due.append(heapq.heappop(self._ends))
        return due

    def ended(self, generation: str) -> None:
        """The clock stands at an end that was told once: unless it was moved since, the generation dies now."""
        token = self.of(generation)
        life = token.lives.get(generation)
        if life is not None and life.end is not None and life.end <= self.clock():
            self._died(token, generation, revoked=False)

    def tell(self, where: str, text: str, key: str = "") -> None:
        """Something was written where people or machines may read it. `key`: the one token that it is about."""
        tokens = [self.tokens[key]] if key in self.tokens else self.tokens.values()
        for watcher in self.hearing("told"):
            watcher.told(where, text, tokens)

    def disturb(self, scope: str) -> None:
        """A fault touches a token, all tokens of a backend (`at BACKEND`), or all (`cluster`), now."""
        if scope in self.tokens:
            self.tokens[scope].disturbed = self.clock()
            return
        for token in self.tokens.values():
            if scope in ("cluster", f"at {token.plan.backend}"):
                token.disturbed = self.clock()

    def restored(self, known: Callable[[TokenFacts], Collection[str]]) -> None:
        """Another state took the place of the newest. `known`: the generations that it names."""
        for token in self.tokens.values():
            token.disturbed, named = self.clock(), known(token)
            token.behind = bool(token.at) and not set(token.at.values()) <= set(named)
            for life in token.lives.values():
                life.known = life.published and life.generation in named
                life.forgotten = not token.site.lists and life.generation not in named
        for watcher in self.hearing("restored"):
            watcher.restored()

    def _moved(self, token: TokenFacts) -> None:
        token.moved()
        self._earliest = None

    def earliest_due(self) -> datetime:
        """The first instant at which any token's rotation is due."""
        if self._earliest is None:
            dues = (token.due() for token in self.tokens.values())
            self._earliest = min((due for due in dues if due is not None), default=START)
        return self._earliest

    def _born(self, token: TokenFacts, change: Change) -> None:
        life = Life(change.generation, self.clock(), self.run, change.end, change.value)
        token.lives[life.generation] = life
        if len(token.lives) > 1:
            self.several[token.key] = token
        self.counts["mints"] += 1
        if change.end is not None:
            self._await_end(change)
        for watcher in self.hearing("born"):
            watcher.born(token, life)

    def _await_end(self, change: Change) -> None:
        assert change.end is not None, "only what has an end is awaited"
        heapq.heappush(self._ends, (change.end, change.generation))

    def _died(self, token: TokenFacts, generation: str, *, revoked: bool) -> None:
        life = token.lives.pop(generation, None)
        if life is None:
            return
        if len(token.lives) < 2:
            self.several.pop(token.key, None)
        for watcher in self.hearing("died"):
            watcher.died(token, life, revoked=revoked)
