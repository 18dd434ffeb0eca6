"""What became of every generation, judged from outside: installed, or revoked and verified. Anything else is a third.

The judge looks at the server, at the places, at receipts and state, and at what answers the runs were given. A lease
that nobody confirmed dies by itself; that is an end that needs no revocation, and it is told as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from rotation.receipt import Receipt
from simulator.facts import Life, TokenFacts, Watcher
from simulator.fault_matrix.stage import NAME, PLACES, Stage
from simulator.trace import Event


class Fate(StrEnum):
    """How a generation ended up. THIRD is the one that may not be."""

    INSTALLED = "installed"
    RETIRED = "revoked and verified by its token's ledger"
    SWEPT = "revoked and verified by the sweep"
    UNDONE = "revoked by the run that minted it"
    LEASE_ENDED = "an unconfirmed lease that ended by itself"
    THIRD = "a third outcome"


@dataclass(frozen=True)
class Death:
    """When a generation was revoked, and in which step of which run."""

    run: int
    instant: datetime
    step: str


@dataclass
class Register(Watcher):
    """Everything that was ever born, and what was revoked, in order."""

    stage: Stage
    births: list[Life] = field(default_factory=list)
    deaths: dict[str, Death] = field(default_factory=dict)

    def born(self, token: TokenFacts, life: Life) -> None:  # noqa: ARG002
        self.births.append(life)

    def died(self, token: TokenFacts, life: Life, *, revoked: bool) -> None:  # noqa: ARG002
        if revoked:
            self.deaths[life.generation] = Death(self.stage.runs, self.stage.now, self.stage.world.turn.step)

    def is_alive(self, life: Life) -> bool:
        """By the server's own word: it takes the value, or has the row of one whose value nobody was told."""
        site = self.stage.site
        return bool(site.accepts(life.value) if life.value else life.generation in site.alive())


def fate(register: Register, life: Life) -> Fate:
    """What became of one generation, after everything has settled."""
    stage, generation = register.stage, _id(life)
    if register.is_alive(life):
        return Fate.INSTALLED if is_installed(stage, life) else Fate.THIRD
    if generation in waiting(stage):
        return Fate.THIRD  # dead, and still believed alive
    death = register.deaths.get(life.generation)
    if death is None:
        return Fate.LEASE_ENDED if stage.setting.leases else Fate.THIRD
    if death.step in ("token", "pair"):
        return Fate.UNDONE
    told = told_of(stage, generation, death)
    if told is None:
        return Fate.THIRD  # dead, and nobody was told so
    return Fate.SWEPT if told.step == "sweep" else Fate.RETIRED


def is_installed(stage: Stage, life: Life) -> bool:
    """Current in the state, named by the receipt, and the very value at every place."""
    at = [stage.world.cluster.secrets.get(place, {}).get("token") for place in PLACES]
    receipt = _receipt(stage)
    named = (stage.outputs("token").get("generation"), stage.outputs("pair").get("generation"))
    told = receipt.generation if receipt else ""
    return set(at) == {life.value} and {*named, told} == {_id(life)}


def waiting(stage: Stage) -> set[str]:
    """Every generation that some ledger, the pair or the receipt still holds for alive, besides the current one."""
    pair = {item["generation"] for item in stage.outputs("pair").get("superseded", ())}
    return pair | _in_receipt(stage) | _in_entries(stage)


def told_of(stage: Stage, generation: str, death: Death) -> Event | None:
    """The answer by which a ledger was told, after the death, that there is no such generation; None when none was."""
    for event in stage.trace.events:
        about = event.act == "read token" and event.subject == generation and event.step in ("retirement", "sweep")
        if about and event.outcome in ("404", "400") and event.instant >= death.instant:
            return event
    return None


def has_ended(register: Register, life: Life) -> bool:
    """Whether a ledger was told of its death, and a receipt and the state hold it."""
    death, stage = register.deaths.get(life.generation), register.stage
    if death is None or told_of(stage, _id(life), death) is None:
        return False
    return life.generation not in _in_receipt(stage) | _in_entries(stage)


def _in_receipt(stage: Stage) -> set[str]:
    receipt = _receipt(stage)
    return {item.generation for item in receipt.superseded} if receipt else set()


def _in_entries(stage: Stage) -> set[str]:
    entries = [*_entries(stage.outputs("retirement")), *_entries(stage.outputs("sweep", stage.setting.backend))]
    return {entry["generation"] for entry in entries if not entry["retired"]}


def _id(life: Life) -> str:
    """The id that we gave it. A site adds a mark to a second birth of the same id, of a request that came twice."""
    return life.generation.rstrip("+")


def _receipt(stage: Stage) -> Receipt | None:
    text = stage.world.cluster.entries.get(NAME)
    return Receipt.model_validate_json(text) if text else None


def _entries(outputs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from outputs.get("entries") or ()
