"""What validation finds of one token, judged from what was read and what was tried. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rotation.clock import to_rfc3339
from rotation.model import fingerprint
from rotation.receipt import Receipt, Waiting
from rotation.run_record import Validated


@dataclass(frozen=True)
class Held:
    """What stands at one place. The generations are empty where the place tells none, `previous` outside overlaps."""

    value: str = field(repr=False)
    generation: str = ""
    previous: str = field(default="", repr=False)
    previous_generation: str = ""


@dataclass(frozen=True)
class Reading:
    """One place, as receipts name it, and what stands there; or why that could not be read."""

    place: str
    held: Held | None
    cause: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the backend made of one value. Neither works nor refused: it gave no answer that tells."""

    works: bool = False
    refused: bool = False
    cause: str = ""


Verdicts = Mapping[str, Verdict]
"""By the fingerprint of the value that was tried."""


def tried(readings: Iterable[Reading]) -> dict[str, str]:
    """Every value that stands anywhere, by its fingerprint, so that each is tried once."""
    held = [reading.held for reading in readings if reading.held]
    return {fingerprint(value): value for one in held for value in (one.value, one.previous) if value}


def judge(receipt: Receipt | None, readings: Sequence[Reading], verdicts: Verdicts, now: datetime) -> Validated:
    """Whether all is as the receipt tells, with a sentence for each place where it is not."""
    causes = [] if receipt else ["there is no receipt that tells what was published"]
    for reading in readings:
        wrong = _current(receipt, reading, verdicts) or _previous(receipt, reading, readings, verdicts, now)
        causes += [f"{reading.place}: {wrong}"] if wrong else []
    refused = receipt is not None and verdicts.get(receipt.fingerprint, Verdict()).refused
    generation = receipt.generation if receipt else ""
    return Validated(generation=generation, works=not causes, rejected=refused, causes=tuple(causes))


def _current(receipt: Receipt | None, reading: Reading, verdicts: Verdicts) -> str:
    """What is wrong with the current value at a place; empty when nothing is."""
    held = reading.held
    if held is None:
        return f"it could not be read: {reading.cause}"
    if not held.value:
        return "it holds no value"
    strange = _strange(receipt, held) if receipt else ""
    verdict = verdicts.get(fingerprint(held.value), Verdict())
    if verdict.works:
        return strange and f"{strange} (it works)"
    outcome = _outcome(verdict, "its value")
    return f"{strange}; {outcome}" if strange else outcome


def _strange(receipt: Receipt, held: Held) -> str:
    if held.generation and held.generation != receipt.generation:
        return f"it holds {held.generation}, and the receipt names {receipt.generation}"
    if fingerprint(held.value) != receipt.fingerprint:
        return f"it holds another value than was published as {receipt.generation}"
    return ""


def _previous(
    receipt: Receipt | None, reading: Reading, readings: Sequence[Reading], verdicts: Verdicts, now: datetime
) -> str:
    """What is wrong with the previous value at a place, while its overlap lasts; empty when nothing is."""
    held = reading.held
    if receipt is None or held is None:
        return ""
    promised = _promised(receipt, held, now)
    if promised is None:
        return ""
    if not held.previous:
        others = [other.place for other in readings if other.held and other.held.previous]
        return f"it lacks the previous value, which {others[0]} holds" if others else ""
    verdict = verdicts.get(fingerprint(held.previous), Verdict())
    if verdict.works:
        return ""
    until = to_rfc3339(promised.deadline)
    return f"{_outcome(verdict, 'its previous value')}, and its overlap lasts until {until}"


def _promised(receipt: Receipt, held: Held, now: datetime) -> Waiting | None:
    """The superseded generation that must still work as `previous`; None where there is none.

    A place that does not name it holds the one that was superseded last.
    """
    named = [item for item in receipt.superseded if item.generation == held.previous_generation]
    told = [item for item in receipt.superseded if item.published_at is not None]
    last = sorted(told, key=lambda item: item.published_at or now)[-1:]
    waiting = (named if held.previous_generation else last)[:1]
    return waiting[0] if waiting and waiting[0].deadline > now else None


def _outcome(verdict: Verdict, what: str) -> str:
    if verdict.refused:
        return f"the backend refuses {what} ({verdict.cause})"
    return f"{what} could not be tried: {verdict.cause or 'nothing was asked'}"
