"""What goes wrong, drawn from the seed at every effect, within the bounds that docs/simulator.md calls the contract.

A draw depends on the seed, the run and the effect's own name alone, so that what happens to one token does not depend
on whether another token's quiet line was executed, and a run replays exactly.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    """A way in which an effect goes wrong."""

    REFUSED = "refused before"
    LOST = "lost answer"
    LATE = "late commit"
    LIMITED = "429"
    BROKEN = "5xx"
    FORBIDDEN = "credential expired"
    STALE = "stale read"
    SLOW = "slow"
    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    DOWN = "down"
    CLOCK = "clock skew"


KILLS = frozenset({Kind.KILLED_BEFORE, Kind.KILLED_AFTER})
_HTTP = (Kind.REFUSED, Kind.LOST, Kind.LIMITED, Kind.BROKEN, Kind.FORBIDDEN, Kind.SLOW, *KILLS)
_CLUSTER = (Kind.REFUSED, Kind.LOST, Kind.FORBIDDEN, Kind.SLOW, *KILLS)
MENUS: Mapping[str, tuple[Kind, ...]] = {
    "http write": tuple(sorted((*_HTTP, Kind.LATE, Kind.LATE, Kind.LOST))),
    "http read": tuple(sorted((*_HTTP, Kind.STALE))),
    "cluster write": tuple(sorted((*_CLUSTER, Kind.LATE, Kind.LOST))),
    "cluster read": tuple(sorted((Kind.REFUSED, Kind.FORBIDDEN, Kind.SLOW, Kind.STALE, *KILLS))),
    "save": tuple(sorted((Kind.REFUSED, *KILLS))),
}
CALM, STORMY = 0.012, 0.22
"""How often an effect goes wrong outside and inside a storm."""
UNTOLD_SKEW = timedelta(seconds=55)
"""A clock that is off by less is not worth a line of output."""
_SCALE = float(2**32)


@dataclass(frozen=True)
class Effect:
    """One act on the world.

    scope:   whom its failure concerns: a token's key, `at BACKEND` or `cluster`
    menu:    a key of MENUS
    routine: a read that quiet lines do as well; it only fails in a storm, during which no line is passed over
    """

    scope: str
    step: str
    act: str
    menu: str
    subject: str = ""
    routine: bool = False


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and a number from which its size is taken."""

    kind: Kind
    size: int = 0


@dataclass
class Weather:
    """What may go wrong in one run.

    storms:  scopes whose every effect may fail, often
    down:    backends, or `cluster`, that give no answer in the whole run
    expired: backends that refuse our credential in the whole run
    skew:    how far our clock is ahead of everybody else's
    spared:  scopes that have failed for as long as the contract allows; while there are any, no run is killed
    struck:  scopes that met a fault
    """

    seed: int
    number: int
    storms: frozenset[str] = frozenset()
    down: frozenset[str] = frozenset()
    expired: frozenset[str] = frozenset()
    skew: timedelta = timedelta(0)
    spared: frozenset[str] = frozenset()
    calm: float = CALM
    struck: set[str] = field(default_factory=set)
    met: Counter[Kind] = field(default_factory=Counter)
    _asked: dict[str, int] = field(default_factory=dict)

    def draw(self, effect: Effect) -> Fault | None:
        """What goes wrong with this effect; None, most often."""
        if effect.scope in self.spared:
            return None
        stormy = effect.scope in self.storms
        rate = STORMY if stormy else 0.0 if effect.routine else self.calm
        if not rate:
            return None
        name = f"{self.seed}/{self.number}/{effect.scope}/{effect.step}/{effect.act}/{effect.subject}"
        self._asked[name] = asked = self._asked.get(name, 0) + 1
        name = f"{name}/{asked}"
        number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=12).digest(), "big")
        if (number & 0xFFFFFFFF) / _SCALE >= rate:
            return None
        number >>= 32
        menu = MENUS[effect.menu]
        kind = menu[number % len(menu)]
        ends_the_run = kind in KILLS or effect.menu == "save"  # a run whose state cannot be saved ends, too
        if (ends_the_run and self.spared) or (kind in KILLS and number >> 16 & 1):
            return None
        return self.strike(effect.scope, kind, number >> 20)

    def strike(self, scope: str, kind: Kind, size: int = 0) -> Fault:
        """Note that a fault was met."""
        self.struck.add(scope)
        self.met[kind] += 1
        return Fault(kind, size)

    @property
    def concerns_all(self) -> bool:
        """Whether the reads of every line may fail, or tell of something."""
        shared = "cluster" in self.storms or "cluster" in self.down
        return shared or abs(self.skew) > UNTOLD_SKEW

    def concerns(self, key: str, backend: str) -> bool:
        """Whether the reads of one token's line may fail, so that it must be executed."""
        stormy = key in self.storms or f"at {backend}" in self.storms
        return stormy or backend in self.down or backend in self.expired

    @property
    def is_calm(self) -> bool:
        """Whether no line need be executed for what may happen to its reads."""
        return not (self.storms or self.down or self.expired or abs(self.skew) > UNTOLD_SKEW)
