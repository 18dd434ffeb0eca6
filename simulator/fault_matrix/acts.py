"""The rows and columns of the matrix: the acts of the line, when they happen, and what goes wrong with one of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from simulator.faults import Effect


class Moment(StrEnum):
    """The run in which the fault strikes."""

    ROTATION = "a rotation"
    RETIREMENT = "the end of an overlap"
    ORPHAN = "the end of an orphan"
    FIRST_RUN = "the first run"


class Act(StrEnum):
    """What a run does to a token, in its order. A save is that of the state, after the act it is named for."""

    MINT = "mint"
    READ_BACK = "read back"
    PROBE = "probe"
    SAVE_MINT = "save of the mint"
    PAIR = "pair"
    NOTE = "lease note"
    CONFIRM = "confirm"
    SAVE_PAIR = "save of the pair"
    PUBLISH_FIRST = "publication 1"
    SAVE_FIRST = "save of publication 1"
    PUBLISH_SECOND = "publication 2"
    SAVE_SECOND = "save of publication 2"
    RETIRE = "retire"
    VERIFY = "verify"
    RECEIPT = "receipt"
    SAVE_LEDGER = "save of the ledger"


class Fault(StrEnum):
    """What goes wrong with the act, and with each further try of it in the same run."""

    REFUSED = "refused before"
    LOST = "lost after"
    LATE = "late"
    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    EXPIRED = "credential expired"


MASKABLE = (Fault.REFUSED, Fault.LOST, Fault.LATE)
"""Faults that a second try may get past; they are also played for the first try alone."""
WORTH_RETRYING = (Act.MINT, Act.READ_BACK, Act.PROBE, Act.CONFIRM, Act.RETIRE, Act.VERIFY)
ACTS: dict[Moment, tuple[Act, ...]] = {
    Moment.ROTATION: tuple(act for act in Act if act not in (Act.RETIRE, Act.VERIFY)),
    Moment.RETIREMENT: (Act.RETIRE, Act.VERIFY, Act.RECEIPT, Act.SAVE_LEDGER),
    Moment.ORPHAN: (Act.RETIRE, Act.VERIFY, Act.SAVE_LEDGER),
    Moment.FIRST_RUN: tuple(act for act in Act if act not in (Act.RETIRE, Act.VERIFY)),
}


@dataclass(frozen=True)
class Target:
    """By what an effect of the simulated world is known as this act. Empty: any subject."""

    step: str
    act: str
    subject: str = ""

    def is_hit_by(self, effect: Effect) -> bool:
        """Whether this effect is the act; our own credential's check before a mint is no probe."""
        shared = effect.scope.startswith("at ")
        known = (effect.step, effect.act) == (self.step, self.act) and not shared and not effect.routine
        return known and self.subject in ("", effect.subject)


def target_of(moment: Moment, act: Act, token: str, places: tuple[str, ...]) -> Target:
    """Where in a run this act is."""
    ledger = "sweep" if moment is Moment.ORPHAN else "retirement"
    return {
        Act.MINT: Target("token", "mint"),
        Act.READ_BACK: Target("token", "read key"),
        Act.PROBE: Target("token", "who am I"),
        Act.SAVE_MINT: Target("token", "save"),
        Act.PAIR: Target("pair", "put together"),
        Act.NOTE: Target("pair", "write receipt", f"lease.{token}"),
        Act.CONFIRM: Target("pair", "extend"),
        Act.SAVE_PAIR: Target("pair", "save"),
        Act.PUBLISH_FIRST: Target("publish", "publish", places[0]),
        Act.SAVE_FIRST: Target("publish", "save", places[0]),
        Act.PUBLISH_SECOND: Target("publish", "publish", places[1]),
        Act.SAVE_SECOND: Target("publish", "save", places[1]),
        Act.RETIRE: Target(ledger, "revoke"),
        Act.VERIFY: Target(ledger, "read token"),
        Act.RECEIPT: Target("retirement", "write receipt", token),
        Act.SAVE_LEDGER: Target(ledger, "save"),
    }[act]


_SAVES = (Act.SAVE_MINT, Act.SAVE_PAIR, Act.SAVE_FIRST, Act.SAVE_SECOND, Act.SAVE_LEDGER)
_OF_LEASES = (Act.NOTE, Act.CONFIRM)
_READS = (Act.READ_BACK, Act.PROBE, Act.VERIFY)


def impossible(moment: Moment, act: Act, fault: Fault, *, leases: bool) -> str:
    """Why this cell cannot be; empty where it can."""
    late, killed = fault is Fault.LATE, fault in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)
    reasons = (
        (leases and moment is Moment.ORPHAN, "nothing is swept: a lease that no state knows ends by itself"),
        (not leases and act in _OF_LEASES, "a row lives from its creation on: there is nothing to confirm or to note"),
        (leases and act is Act.READ_BACK, "value and grant come in the answer to the mint: nothing is read back"),
        (act is Act.PAIR and not killed, "it is put together in the run's own process, and asks servers by other acts"),
        (late and act in _READS, "a read changes nothing, however late it is carried out"),
        (late and act in _SAVES, "nothing reads the state before the next run: it is a save whose answer was lost"),
    )
    return next((reason for applies, reason in reasons if applies), "")
