"""Weather that strikes one act of one run, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.fault_matrix import acts
from simulator.fault_matrix.acts import Target
from simulator.faults import Effect, Fault, Kind, Weather

_KINDS = {
    acts.Fault.REFUSED: Kind.BROKEN,
    acts.Fault.LOST: Kind.LOST,
    acts.Fault.LATE: Kind.LATE,
    acts.Fault.KILLED_BEFORE: Kind.KILLED_BEFORE,
    acts.Fault.KILLED_AFTER: Kind.KILLED_AFTER,
    acts.Fault.EXPIRED: Kind.FORBIDDEN,
}


@dataclass
class Aim:
    """What is struck, with what. `once`: the first try alone, so that a second one may get past it."""

    target: Target
    fault: acts.Fault
    once: bool = False


@dataclass
class AimedWeather(Weather):
    """`refusing`: the server that takes our credential no more: http, cluster or save; empty while all do.
    `hits`: how often the act was struck."""

    aim: Aim | None = None
    refusing: str = ""
    hits: int = field(default=0)

    def draw(self, effect: Effect) -> Fault | None:
        """The fault for the act that is aimed at; a credential that has expired stays so for every later effect."""
        server = effect.menu.split()[0]
        if self.refusing == server:
            return Fault(Kind.FORBIDDEN)
        if self.aim is None or not self.aim.target.is_hit_by(effect) or (self.aim.once and self.hits):
            return None
        self.hits += 1
        if self.aim.fault is acts.Fault.EXPIRED:
            self.refusing = server
        kind = _KINDS[self.aim.fault]
        refused_by_cluster = kind is Kind.BROKEN and server != "http"
        return Fault(Kind.REFUSED if refused_by_cluster else kind)
