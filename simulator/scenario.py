"""What is drawn from the seed before the first run, and printed: tokens, operator acts, outages."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rotation.backends.registry import KINDS
from rotation.errors import InvalidSettings
from rotation.margins import refuse_impossible
from rotation.model import Policy
from simulator.sites import ROLES, TEAMS

START = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SKEW = timedelta(minutes=10)
"""Two clocks that are each off by what is tolerated; a consumer reads again that much before its overlap is over."""


@dataclass(frozen=True)
class Mould:
    """A kind of token as the seeds describe it; `weight` is how often it is drawn."""

    label: str
    backend: str
    weight: int
    policy: Mapping[str, Any]


MOULDS = (
    Mould("authentik-admin", "authentik", 300, {"lifetime": "365d", "rotate_before": "33d", "overlap": "30d"}),
    Mould("operator-team", "operator", 60, {"lifetime": "90d", "rotate_before": "10d", "overlap": "7d"}),
    Mould("coder-admin", "coder", 3, {"lifetime": "30d", "rotate_before": "7d", "overlap": "3d"}),
    Mould(
        "coder-owner",
        "coder",
        1,
        {"lifetime": "7d", "rotate_before": "3d", "overlap": "1d", "tolerated_outage": "2d"},
    ),
    Mould("yearly-or-age", "authentik", 60, {"lifetime": "365d", "rotate_every": "180d", "overlap": "14d"}),
    Mould("authentik-self", "authentik-self", 20, {"lifetime": "180d", "rotate_before": "33d", "overlap": "30d"}),
    Mould(
        "vault-admin",
        "vault",
        7,
        {"lifetime": "32d", "rotate_every": "25d", "renew_before": "7d", "overlap": "1d"},
    ),
    Mould(
        "vault-renewed",
        "vault",
        3,
        {"lifetime": "14d", "rotate_every": "25d", "renew_before": "7d", "overlap": "2d"},
    ),
)


_HELD_BACK: tuple[dict[str, Any], ...] = (
    {"jitter": "1d"},
    {"jitter": "10d"},
    {"windows": [{"days": ["sat", "sun"], "from": "00:00", "to": "06:00"}], "tolerated_outage": "2d"},
    {"windows": [{"days": ["mon"], "from": "20:00", "to": "04:00"}], "time_zone": "America/New_York"},
    {"blackouts": [{"from": "2026-12-20", "to": "2027-01-03"}], "time_zone": "Europe/Berlin"},
)
"""Parts of a policy that move a rotation within its margins."""


@dataclass(frozen=True)
class Reader:
    """A consumer: reads its place at `phase` after the start and every `interval` from then on."""

    place: str
    interval: timedelta
    phase: timedelta


@dataclass(frozen=True)
class Plan:
    """One token as the scenario begins with it. `key` stays when it is renamed."""

    key: str
    label: str
    backend: str
    policy: Mapping[str, Any]
    spec: Mapping[str, Any]
    places: tuple[str, ...]
    probe: str
    readers: tuple[Reader, ...]


@dataclass(frozen=True)
class OperatorAct:
    """What a person does before a run: force, emergency, spec, rename, restore."""

    run: int
    what: str
    token: str = ""
    size: int = 0


@dataclass(frozen=True)
class Spell:
    """Bad weather of some runs: a backend or the cluster is down, a credential has expired, our clock is off."""

    first: int
    length: int
    what: str
    where: str


@dataclass(frozen=True)
class Scenario:
    """All of it. `healing` runs without faults follow the others; then everything is destroyed."""

    seed: int
    runs: int
    healing: int
    plans: tuple[Plan, ...]
    acts: tuple[OperatorAct, ...]
    spells: tuple[Spell, ...]
    missed: frozenset[int]
    doubled: frozenset[int]
    rotation_limit: int | None = None
    faults: bool = True
    _by_run: dict[int, list[OperatorAct]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for act in self.acts:
            self._by_run.setdefault(act.run, []).append(act)

    def acts_of(self, run: int) -> list[OperatorAct]:
        """What a person did before this run."""
        return self._by_run.get(run, [])

    def lines(self) -> Iterator[str]:
        """The scenario as it is printed."""
        yield f"seed {self.seed}: {len(self.plans)} tokens, {self.runs} daily runs from {START:%Y-%m-%d}"
        for plan in self.plans:
            policy = " ".join(f"{name}={value}" for name, value in plan.policy.items())
            spec = " ".join(f"{name}={value}" for name, value in plan.spec.items())
            readers = ", ".join(f"{reader.place} every {reader.interval}" for reader in plan.readers)
            yield f"  token {plan.key} at {plan.backend}: {policy} [{spec}] probe={plan.probe}; read: {readers}"
        for act in self.acts:
            yield f"  before run {act.run}: {act.what} {act.token}".rstrip()
        for spell in self.spells:
            yield f"  runs {spell.first}-{spell.first + spell.length - 1}: {spell.what} {spell.where}"
        yield f"  rotations that may begin in one run: {self.rotation_limit or 'any number'}"
        yield f"  missed runs (where the contract allows): {sorted(self.missed)}; doubled: {sorted(self.doubled)}"


def draw(seed: int, years: float, tokens: int, *, faults: bool = True) -> Scenario:
    """The scenario of a seed."""
    rng = random.Random(f"scenario {seed}")  # noqa: S311 - repeatable on purpose
    runs = round(years * 365)
    plans = tuple(_plans(rng, tokens))
    longest = max(Policy.model_validate(plan.policy).overlap for plan in plans)
    healing = max(longest, timedelta(days=33)) // DAY + 5
    acts = tuple(sorted(_acts(rng, plans, runs), key=lambda act: act.run)) if faults else ()
    spells = tuple(_spells(rng, plans, runs)) if faults else ()
    missed = frozenset(_stretches(rng, runs, 0.006)) if faults else frozenset()
    doubled = frozenset(rng.sample(range(1, runs), min(runs - 1, runs // 120))) if faults else frozenset()
    limit = rng.choice((None, None, None, 2))
    return Scenario(seed, runs, healing, plans, acts, spells, missed, doubled, limit, faults)


def _plans(rng: random.Random, count: int) -> Iterator[Plan]:
    self_rotating = False
    for number in range(count):
        mould = rng.choices(MOULDS, [mould.weight for mould in MOULDS])[0]
        while mould.backend == "authentik-self" and self_rotating:
            mould = rng.choice(MOULDS)
        self_rotating |= mould.backend == "authentik-self"
        yield _plan(rng, number, mould)


def _plan(rng: random.Random, number: int, mould: Mould) -> Plan:
    key = f"{mould.label}-{number}"
    policy = _varied(rng, mould)
    places = tuple(f"apps/{key}" + (f"-{copy}" if copy else "") for copy in range(rng.choice((1, 1, 1, 2))))
    overlap = Policy.model_validate(policy).overlap
    readers = tuple(_reader(rng, place, overlap) for place in places)
    probe = "always" if rng.random() < 0.05 else "never"
    return Plan(key, mould.label, mould.backend, policy, _spec(rng, mould, key), places, probe, readers)


def _reader(rng: random.Random, place: str, overlap: timedelta) -> Reader:
    interval = (overlap - SKEW) * rng.choice((0.05, 0.5, 0.9, 0.98))
    return Reader(place, interval, interval * rng.random())


def _varied(rng: random.Random, mould: Mould) -> dict[str, Any]:
    """The mould's policy, sometimes with a change, if the change can hold."""
    policy = dict(mould.policy)
    if mould.backend == "authentik" and rng.random() < 0.15:
        varied = {**policy, **rng.choice(_HELD_BACK)}
        if _holds(varied, mould):
            return varied
    if rng.random() < 0.3 and mould.label in {"authentik-admin", "operator-team", "yearly-or-age"}:
        varied = {**policy, "tolerated_outage": rng.choice(("3d", "4d", "5d"))}
        if "rotate_before" in policy and rng.random() < 0.5:
            varied["rotate_every"] = rng.choice(("60d", "100d", "200d"))
        if _holds(varied, mould):
            return varied
    return policy


def _holds(policy: Mapping[str, Any], mould: Mould) -> bool:
    cap = KINDS[mould.backend.split("-")[0]].capabilities.cap
    try:
        refuse_impossible(mould.label, Policy.model_validate(policy), DAY, cap)
    except InvalidSettings:
        return False
    return True


def _spec(rng: random.Random, mould: Mould, key: str) -> dict[str, Any]:
    if mould.backend == "vault":
        return {"role": ROLES[0]}
    if mould.backend == "authentik-self":
        return {}
    if mould.backend == "operator":
        return {"namespace": key}
    if mould.backend == "coder":
        return {} if mould.label == "coder-owner" else {"user": rng.choice(TEAMS)}
    return rng.choice(({}, {"user": TEAMS[0]}, {"mode": "schedule"}))


def _acts(rng: random.Random, plans: tuple[Plan, ...], runs: int) -> Iterator[OperatorAct]:
    rates = {"force": 0.25, "emergency": 0.06, "spec": 0.06, "rename": 0.04}
    for plan in plans:
        for what, yearly in rates.items():
            if plan.backend in ("authentik-self", "operator") and what == "spec":
                continue
            for _ in range(_poisson(rng, yearly * runs / 365)):
                yield OperatorAct(rng.randrange(1, runs), what, plan.key)
    if runs > 60 and rng.random() < 0.7:
        yield OperatorAct(rng.randrange(5, runs - 45), "restore", size=rng.randrange(1, 60))


def _spells(rng: random.Random, plans: tuple[Plan, ...], runs: int) -> Iterator[Spell]:
    backends = sorted({plan.backend for plan in plans})
    for _ in range(_poisson(rng, runs / 365)):
        what = rng.choice(("down", "down", "expired", "skewed", "skewed too far"))
        where = rng.choice((*backends, "cluster")) if what == "down" else rng.choice(backends)
        yield Spell(rng.randrange(1, runs), rng.randrange(1, 4), what, where if "skew" not in what else "")


def _stretches(rng: random.Random, runs: int, rate: float) -> Iterator[int]:
    for _ in range(_poisson(rng, runs * rate)):
        first = rng.randrange(1, runs)
        yield from range(first, first + rng.randrange(1, 4))


def _poisson(rng: random.Random, mean: float) -> int:
    count, left = 0, rng.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + rng.expovariate(1.0)
    return count
