"""The sweep of a backend that lists: what bears our mark and stands in no ledger gets a deadline, then its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers.state import Run
from dynamic_providers.verbs import Props, Provider, inputs_of, is_unknown, verb
from rotation import lifecycle
from rotation.clock import to_rfc3339
from rotation.durations import parse_duration
from rotation.ledger import Ledger
from rotation.lifecycle import Orphans
from rotation.model import is_newer
from rotation.reasons import Action, Decision, Reason
from rotation.receipt import secret_places

INPUTS = ("backend", "owner", "known", "overlaps")


class SweepProvider(Provider):
    """Never revokes on sight: a killed run may have published what no ledger knows."""

    @verb
    def check(self, _run: Run, _olds: Props, news: Props) -> CheckResult:
        return CheckResult(news, [])

    @verb
    def diff(self, run: Run, _id: str, olds: Props, news: Props) -> DiffResult:
        ledger = Ledger.from_state(olds["entries"]).without(run.named_by_receipts() or ())
        if is_unknown(news["known"]):
            return DiffResult(changes=bool(ledger.due(run.now)))
        if _state_is_older(run, news["known"]):
            return DiffResult(changes=False)
        ledger = _without_answered(run, news, ledger)
        found = _orphans(run, news, ledger)
        _tell(run, news["backend"], found, ledger)
        return DiffResult(changes=bool(found.unknown or ledger.due(run.now)))

    @verb
    def create(self, run: Run, props: Props) -> CreateResult:
        return CreateResult(f"{props['owner']}_{props['backend']}_sweep", _sweep(run, Ledger(), props))

    @verb
    def update(self, run: Run, _id: str, olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(_sweep(run, Ledger.from_state(olds["entries"]), news))

    @verb
    def read(self, _run: Run, id_: str, props: Props) -> ReadResult:
        return ReadResult(id_, props)

    @verb
    def delete(self, _run: Run, _id: str, _props: Props) -> None:
        """Nothing: the guard revokes all that can be listed."""


def _sweep(run: Run, ledger: Ledger, news: Props) -> Props:
    if not _state_is_older(run, news["known"]):
        overlaps = {token: parse_duration(text) for token, text in news["overlaps"].items()}
        ledger = _without_answered(run, news, ledger)
        ledger = _orphans(run, news, ledger).admitted_to(ledger, run.clock(), overlaps)
        ledger = lifecycle.retire(run.backend(news["backend"]), ledger, run.now, keep=()).forget([])
    for entry in ledger.waiting():
        if entry.error:
            message = f"the orphan {entry.generation} could not be ended: {entry.error}"
            run.tell(news["backend"], Decision(Action.DEFER, Reason.REVOCATION_FAILED, message))
    return {**inputs_of(news, INPUTS), "entries": ledger.to_state()}


def _orphans(run: Run, news: Props, ledger: Ledger) -> Orphans:
    if run.named_by_receipts() is None:
        return Orphans(())  # a token that is missing from the config could not be told from an orphan, which can wait
    inventory = run.inventory(news["backend"], news["owner"])
    answered = [*_answered_for(run, news), *(entry.generation for entry in ledger.entries)]
    found = lifecycle.find_orphans(inventory.alive.values(), answered)
    if not found.unknown:
        return found
    return lifecycle.find_orphans(inventory.alive.values(), [*answered, *_at_places(run)])


def _without_answered(run: Run, news: Props, ledger: Ledger) -> Ledger:
    """Their tokens' own ledgers tell when those end; what a published Secret names is in use, whatever they tell."""
    ledger = ledger.without(_answered_for(run, news))
    return ledger.without(_at_places(run)) if ledger.waiting() else ledger


def _answered_for(run: Run, news: Props) -> list[str]:
    """What stands in a ledger: all that this program knows, and, lest a slip in the config kill, all that was told."""
    known = [generation for generations in news["known"].values() for generation in generations]
    return [*known, *(run.named_by_receipts() or ())]


def _at_places(run: Run) -> frozenset[str]:
    """What published Secrets name, whatever state and receipts tell: a restored state knows nothing of it."""
    found: frozenset[str] = run.once("what published Secrets name", lambda: _named_at_places(run))
    return found


def _named_at_places(run: Run) -> frozenset[str]:
    places = {place for receipt in run.receipts() for place in secret_places(receipt.published)}
    seen = [placed for place in sorted(places) if (placed := run.placed(place))]
    return frozenset(name for placed in seen for name in (placed.generation, placed.previous_generation) if name)


def _tell(run: Run, backend: str, found: Orphans, ledger: Ledger) -> None:
    """One line for each orphan in each run, until it is dead: an alert counts them."""
    for orphan in found.unknown:
        message = f"{orphan.id} is alive and known to no ledger; it is entered and ends after its overlap"
        run.tell(backend, Decision(Action.RETIRE, Reason.ORPHAN_FOUND, message))
    due = ledger.due(run.now)
    for entry in ledger.waiting():
        if entry not in due:
            message = f"{entry.generation} is an orphan; it ends at {to_rfc3339(entry.deadline)}"
            run.tell(backend, Decision(Action.KEEP, Reason.ORPHAN_FOUND, message))
    for entry in due:
        message = f"the overlap of the orphan {entry.generation} is over; it is revoked now"
        run.tell(backend, Decision(Action.RETIRE, Reason.DEADLINE_PASSED, message))


def _state_is_older(run: Run, known: Mapping[str, list[str]]) -> bool:
    """Whether the receipt or a published Secret names a newer generation of any token than the state does."""
    if run.older & known.keys():
        return True
    for token, generations in known.items():
        receipt = run.receipt(token)
        if receipt is None or not generations or receipt.generation in generations:
            continue
        if is_newer(receipt.generation, generations[0]):
            return True
    return False


class Sweep(Resource, module="token-rotation", name="Sweep"):
    """Depends on every retirement of its backend."""

    entries: pulumi.Output[list[Any]]

    def __init__(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(SweepProvider(), name, {"entries": None, **props}, opts)
