"""The world of one scenario: one clock, the servers, the cluster, and the place where every effect may go wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from rotation.backends.protocol import Backend
from rotation.backends.transport import Request, Response, json_response
from rotation.clock import Clock
from rotation.errors import ClusterError
from simulator.cluster import SimulatedCluster, away
from simulator.facts import Facts
from simulator.faults import Effect, Fault, Kind, Weather
from simulator.scenario import START
from simulator.sites import Site
from simulator.trace import Event, Trace

STALE_FOR = timedelta(minutes=15)
"""How old a stale answer can be: replicas and caches lag by minutes."""
_BROKEN = (500, 502, 503, 504)


class Killed(BaseException):
    """The run's process is gone. No code of the run may catch it."""


@dataclass
class Turn:
    """Whose step it is: the kind of resource, and the token's key, or the name of a backend."""

    step: str = ""
    token: str = ""


class World:
    """Time stands still but for slow effects; `now` is everybody's clock, `our_clock` that of the run."""

    def __init__(self, trace: Trace) -> None:
        self.now = START
        self.trace = trace
        self.turn = Turn()
        self.weather = Weather(0, 0)
        self.sites: dict[str, Site] = {}
        self.facts: Facts
        self.is_judging: Callable[[], bool] = bool
        self.cluster = SimulatedCluster(self._on_cluster)
        self.self_rotated: dict[str, str] = {}
        self._late: list[tuple[str, Callable[[], None]]] = []
        self._answers: dict[tuple[str, str], tuple[datetime, Any]] = {}

    def clock(self) -> datetime:
        return self.now

    def our_clock(self) -> datetime:
        return self.now + self.weather.skew

    def connect(self, backend: str, warn: Callable[[str], None]) -> Backend:
        """What production makes of its settings: the credential is resolved when a run first needs it."""
        site = self.sites[backend]
        credential = site.credential
        place = self.self_rotated.get(backend)
        if place and place in self.cluster.secrets:
            namespace, name = place.split("/")
            credential = self.cluster.secret_value(namespace, name, "token")
        wire = _Wire(self, site, credential)
        clock: Clock = self.our_clock
        return site.connect(backend, wire, credential, clock, warn)

    def move_to(self, instant: datetime) -> None:
        """Let time pass; what ends by itself ends at its own instant."""
        for end, generation in self.facts.advance(instant):
            self.now = max(self.now, end)
            self.facts.ended(generation)
        self.now = max(self.now, instant)

    def settle_late(self, of: str | None = None) -> None:
        """What was on its way when its caller gave up happens now: all of it, or what comes soon to one token."""
        due = [commit for token, commit in self._late if of is None or token == of]
        self._late = [item for item in self._late if item[1] not in due]
        for commit in due:
            commit()

    def effect(self, act: str, menu: str, subject: str = "", scope: str = "") -> Effect:
        """Name an effect of the step whose turn it is."""
        return Effect(scope or self.turn.token, self.turn.step, act, menu, subject, self.is_judging())

    def note(self, effect: Effect, outcome: str, token: str = "") -> None:
        """A line of the trace. Reads that a quiet line does as well stand there only when they fail."""
        line = (effect.step, token or self.turn.token, effect.act, effect.subject, outcome)
        self.trace.add(Event(self.weather.number, self.now, *line))

    def struck(self, effect: Effect) -> Fault | None:
        """What goes wrong with this effect; the run ends here when it is killed before it."""
        if self._late:
            self.settle_late(self.turn.token)
        fault = self.weather.draw(effect)
        if fault is None:
            return None
        self.note(effect, f"fault: {fault.kind}")
        self.facts.disturb(effect.scope)
        if fault.kind is Kind.SLOW:
            self.move_to(self.now + timedelta(seconds=1 + fault.size % 29))
            return None
        if fault.kind is Kind.KILLED_BEFORE:
            raise Killed
        return fault

    def later(self, fault: Fault, effect: Effect, commit: Callable[[], Any]) -> None:
        """Keep an act for later: before this token's next effect, or at the end of the run."""

        token = self.turn.token

        def happen() -> None:
            commit()
            self.note(effect, "committed late", token)

        self._late.append((token if fault.size & 1 else "", happen))

    def remember(self, effect: Effect, answer: Any) -> None:
        self._answers[effect.act, effect.subject] = (self.now, answer)

    def stale(self, effect: Effect) -> Any:
        """An answer of some minutes ago; None when none is that young."""
        at, answer = self._answers.get((effect.act, effect.subject), (START, None))
        return answer if self.now - at <= STALE_FOR else None

    def _on_cluster(self, act: str, subject: str, menu: str, do: Callable[[], Any]) -> Any:
        shared = "cluster" if act in ("read receipts",) else self._backend_of_turn() if act == "read credential" else ""
        effect = self.effect(act, menu, subject, shared)
        if "cluster" in self.weather.down and not self._spared("cluster", effect):
            self.weather.strike("cluster", Kind.DOWN)
            self.note(effect, "fault: down")
            raise away(act, "the API server does not answer")
        return _cluster_effect(self, effect, do)

    def _spared(self, where: str, effect: Effect) -> bool:
        return where in self.weather.spared or effect.scope in self.weather.spared

    def _backend_of_turn(self) -> str:
        token = self.facts.tokens.get(self.turn.token)
        return f"at {token.plan.backend}" if token else "cluster"


def _cluster_effect(world: World, effect: Effect, do: Callable[[], Any]) -> Any:
    fault = world.struck(effect)
    kind = fault.kind if fault else None
    if fault is None or kind is Kind.KILLED_AFTER:
        answer = do()
        if effect.menu == "cluster read":
            world.remember(effect, answer)
        if not effect.routine:
            world.note(effect, "done")
        if kind is Kind.KILLED_AFTER:
            raise Killed
        return answer
    if kind is Kind.STALE:
        old = world.stale(effect)
        return do() if old is None else old
    if kind is Kind.FORBIDDEN:
        raise ClusterError(effect.act, "HTTP 403", "See the README for the rights that a run needs.")
    if kind is Kind.LOST:
        do()
    if kind is Kind.LATE:
        world.later(fault, effect, do)
    raise away(effect.act, f"no answer ({kind})")


class _Wire:
    """A transport to one server: each request is an effect, and what the server did is entered into the facts."""

    def __init__(self, world: World, site: Site, credential: str) -> None:
        self._world, self._site, self._credential = world, site, credential

    def __call__(self, request: Request) -> Response:
        world, site = self._world, self._site
        act = site.act(request)
        ours = site.is_ours(request, self._credential)
        shared = act.name == "list" or (act.name == "who am I" and ours)
        menu = "http write" if act.writes else "http read"
        effect = world.effect(act.name, menu, act.subject, f"at {site.name}" if shared else "")
        self._refuse_outage(effect, ours=ours)
        fault = world.struck(effect)
        if fault is None:
            return self._answer(request, effect)
        return self._misbehave(fault, request, effect)

    def _refuse_outage(self, effect: Effect, *, ours: bool) -> None:
        world, name = self._world, self._site.name
        where = f"at {name}"
        if where in world.weather.spared:
            return
        if name in world.weather.down:
            world.weather.strike(where, Kind.DOWN)
            world.note(effect, "fault: down")
            raise ConnectionRefusedError("the server is down")
        if name in world.weather.expired and ours:
            world.weather.strike(where, Kind.FORBIDDEN)
            world.note(effect, "fault: credential expired")

    def _answer(self, request: Request, effect: Effect) -> Response:
        world = self._world
        expired = self._site.name in world.weather.expired and f"at {self._site.name}" not in world.weather.spared
        if expired and self._site.is_ours(request, self._credential):
            return _forbidden()
        response = self._act(request)
        if not effect.routine:
            world.note(effect, str(response.status))
        world.remember(effect, response)
        return response

    def _act(self, request: Request) -> Response:
        response = self._site.handle(request)
        change = self._site.change(request, response, self._world.now) if response.status < 300 else None
        if change is not None:
            self._world.facts.changed(change)
        return response

    def _misbehave(self, fault: Fault, request: Request, effect: Effect) -> Response:
        kind = fault.kind
        if kind is Kind.LIMITED:
            return json_response(429, {"detail": "too many"}, {"retry-after": str(1 + fault.size % 90)})
        if kind is Kind.BROKEN:
            return json_response(_BROKEN[fault.size % len(_BROKEN)], {"detail": "broken", "errors": ["broken"]})
        if kind is Kind.FORBIDDEN:
            return _forbidden()
        if kind is Kind.STALE:
            return self._stale(effect) or self._answer(request, effect)
        if kind is Kind.LATE:
            self._world.later(fault, effect, lambda: self._act(replace(request)))
        if kind in (Kind.LOST, Kind.KILLED_AFTER):
            response = self._act(request)
            self._world.note(effect, f"{response.status}, unheard")
        if kind is Kind.KILLED_AFTER:
            raise Killed
        raise ConnectionResetError("the connection broke")

    def _stale(self, effect: Effect) -> Response | None:
        """What was answered some minutes ago, with today's date."""
        old: Response | None = self._world.stale(effect)
        if old is None:
            return None
        date = format_datetime(self._world.now.replace(microsecond=0), usegmt=True)
        return Response(old.status, {**old.headers, "date": date}, old.body)


def _forbidden() -> Response:
    return json_response(403, {"detail": "Token invalid/expired", "errors": ["permission denied"]})
