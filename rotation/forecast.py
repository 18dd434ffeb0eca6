"""What will happen: the next rotations and retirements of a token, from the very functions that will decide them.

It plays the runs ahead as if each succeeded, consumers moved on and no operator changed anything, and skips those in
which nothing can change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotation.checks import History
from rotation.ledger import Entry, Ledger, Superseded
from rotation.model import Policy, foretold_id, is_generation, is_newer, minted_at
from rotation.policy import decide
from rotation.reasons import Action, Decision, Reason
from rotation.renewals import renews_at

LONGEST = 2_000
"""Runs in which something changes; what needs more to come about is not foretold."""


@dataclass(frozen=True)
class Event:
    """One thing that will happen in the run at an instant.

    generation: what a rotation supersedes, or what a retirement ends; of one not minted yet the id is foretold
    """

    instant: datetime
    action: Action
    reason: Reason
    generation: str


@dataclass(frozen=True)
class Outlook:
    """A token as one run leaves it: its current generation, and what waits for its end."""

    history: History
    ledger: Ledger

    def known(self) -> History:
        """What a run knows of the token: its ledger tells how many wait."""
        return replace(self.history, superseded=len(self.ledger.waiting()))


def forecast(
    policy: Policy, history: History, waiting: Iterable[Entry], now: datetime, *, interval: timedelta, count: int
) -> tuple[Event, ...]:
    """The next `count` rotations, and the retirements up to the last that they cause.

    interval: runs are at now, now + interval, and so on
    waiting:  the ledger's entries that are not known dead; what only an operator can change is foretold as it stands
    """
    outlook = Outlook(_as_if_all_goes_well(history), Ledger(tuple(waiting)))
    events: list[Event] = []
    instant: datetime | None = now
    rotations = 0
    for _ in range(LONGEST):
        if instant is None or (rotations >= count and not outlook.ledger.waiting()):
            break
        before = outlook
        outlook, happened = play(policy, outlook, instant, rotates=rotations < count)
        rotations += sum(event.action is not Action.RETIRE for event in happened)
        events += happened
        instant = (
            instant + interval
            if outlook.known() != before.known()
            else _next_run(policy, outlook, instant, now, interval)
        )
    return tuple(events)


def play(policy: Policy, outlook: Outlook, instant: datetime, *, rotates: bool = True) -> tuple[Outlook, list[Event]]:
    """One run: what it decides and retires, and how it leaves the token. Without `rotates` it only retires."""
    history, ledger = outlook.known(), outlook.ledger
    happened = []
    if rotates:
        decision = decide(policy, history, instant)
        if decision.action in {Action.ROTATE, Action.ADOPT, Action.ROLL_BACK}:
            happened.append(Event(instant, decision.action, decision.reason, history.generation))
            ledger = ledger.admit([Superseded(history.generation, "")], instant, policy.overlap)
            ledger = ledger.expedite(instant) if decision.reason is Reason.EMERGENCY else ledger
        history = _after(policy, history, decision, instant)
        ledger = ledger.reinstate(history.generation)
    for entry in ledger.due(instant):
        happened.append(Event(instant, Action.RETIRE, Reason.DEADLINE_PASSED, entry.generation))
        ledger = ledger.without([entry.generation])
    return Outlook(history, ledger), happened


def _as_if_all_goes_well(history: History) -> History:
    """The facts that the next run may find changed by itself are taken as changed: targets and backend work again."""
    newer = history.published is not None and is_newer(history.published.generation, history.generation)
    return replace(history, unreachable="", slot=True, published=history.published if newer else None)


def _after(policy: Policy, history: History, decision: Decision, instant: datetime) -> History:
    """The current generation after a run that decided so."""
    if decision.action is Action.RENEW:
        return _renewed(policy, history, instant)
    if decision.action is Action.ROLL_BACK:
        fallback = history.fallback
        created = minted_at(fallback) if is_generation(fallback) else instant
        return replace(_fresh(policy, history, fallback, created), rolled_back=True)
    if decision.action in {Action.ROTATE, Action.ADOPT}:
        created = instant.replace(microsecond=0)
        return _fresh(policy, history, foretold_id(history.generation, created), created)
    return history


def _fresh(policy: Policy, history: History, generation: str, created: datetime) -> History:
    """A generation of which nothing is known but that it was granted what the policy wishes for."""
    return History(
        generation=generation,
        created=created,
        expires=created + policy.lifetime,
        renewable=history.renewable,
        cap=created + (history.cap - history.created) if history.cap else None,
        paused=history.paused,
    )


def _renewed(policy: Policy, history: History, instant: datetime) -> History:
    """The same generation with the end that a backend grants: the lifetime from now on, up to its cap."""
    wished = instant + policy.lifetime
    return replace(history, expires=min(wished, history.cap or wished))


def _next_run(
    policy: Policy, outlook: Outlook, instant: datetime, first: datetime, interval: timedelta
) -> datetime | None:
    """The first run in which something may change: the ones before it would decide as this one did."""
    decision = decide(policy, outlook.known(), instant)
    changes = [decision.until, renews_at(policy, outlook.history), *(e.deadline for e in outlook.ledger.waiting())]
    ahead = [change for change in changes if change is not None and change > instant]
    return first - (first - min(ahead)) // interval * interval if ahead else None
