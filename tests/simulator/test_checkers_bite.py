"""Each promise is broken on purpose, in the tests alone, and its checker says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from dynamic_providers import guard, judging, token, token_pair
from rotation import lifecycle
from rotation.backends.protocol import Backend, Order
from rotation.checks import History
from rotation.ledger import Entry, Ledger, Superseded
from rotation.lifecycle import Orphans
from rotation.model import Minted, Policy, token_of
from rotation.policy import decide
from rotation.reasons import Action, Decision, Reason
from simulator import checkers
from simulator.checkers import Checker
from simulator.scenario import OperatorAct, Plan, Reader, Scenario, draw
from simulator.simulation import Simulation

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Breach:
    """A promise, the way in which production is broken, and a scenario in which that shows."""

    checker: type[Checker]
    patch: Patch
    scenario: Callable[[], Scenario]
    elide: bool = True

    def __str__(self) -> str:
        return self.patch.__name__.strip("_")


def _half_the_overlap(patch: pytest.MonkeyPatch) -> None:
    admit = Ledger.admit

    def early(ledger: Ledger, items: Iterable[Superseded], published_at: datetime, overlap: timedelta) -> Ledger:
        return admit(ledger, items, published_at, overlap / 2)

    patch.setattr(Ledger, "admit", early)


def _a_token_that_is_not_retained(patch: pytest.MonkeyPatch) -> None:
    mint = lifecycle.mint

    def ends_the_old_one(backend: Backend, order: Order, policy: Policy) -> Minted:
        for generation in backend.inventory(order.owner, []):
            if token_of(generation.id) == order.token:
                backend.revoke(generation.handle)
        return mint(backend, order, policy)

    patch.setattr(lifecycle, "mint", ends_the_old_one)


def _the_current_one_is_retired_too(patch: pytest.MonkeyPatch) -> None:
    retire = lifecycle.retire

    def spares_nobody(backend: Backend, ledger: Ledger, now: datetime, keep: Iterable[str]) -> Ledger:
        for generation in keep:
            backend.revoke(generation)
        return retire(backend, ledger, now, keep)

    patch.setattr(lifecycle, "retire", spares_nobody)


def _two_mints_for_one_due_date(patch: pytest.MonkeyPatch) -> None:
    mint = lifecycle.mint

    def twice(backend: Backend, order: Order, policy: Policy) -> Minted:
        mint(backend, replace(order, id=order.id[:-6] + "second"), policy)
        return mint(backend, order, policy)

    patch.setattr(lifecycle, "mint", twice)


def _a_rotation_before_it_is_due(patch: pytest.MonkeyPatch) -> None:
    def hasty(policy: Policy, history: History | None, now: datetime, **asked: bool) -> Decision:
        return decide(policy, history, now + timedelta(days=1), **asked)

    patch.setattr(token, "decide", hasty)


def _a_rotation_that_never_fires(patch: pytest.MonkeyPatch) -> None:
    def idle(policy: Policy, history: History | None, now: datetime, **asked: bool) -> Decision:
        if history is None:
            return decide(policy, history, now, **asked)
        return Decision(Action.KEEP, Reason.NOTHING_DUE, "nothing is ever due")

    patch.setattr(token, "decide", idle)
    patch.setattr(judging, "decide", idle)


def _no_deadline_is_ever_due(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "due", lambda _ledger, _now: ())


def _a_revocation_that_is_not_verified(patch: pytest.MonkeyPatch) -> None:
    def believed(_backend: Backend, entry: Entry, now: datetime) -> Entry:
        return replace(entry, retired=now, error="")

    patch.setattr(lifecycle, "_end", believed)


def _no_sweep(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lifecycle, "find_orphans", lambda _inventory, _known: Orphans(()))


def _a_destroy_that_forgets(patch: pytest.MonkeyPatch) -> None:
    def nothing(_provider: Any, _id: str, _props: Any) -> None: ...

    patch.setattr(guard.GuardProvider, "delete", nothing)
    patch.setattr(token_pair.TokenPairProvider, "delete", nothing)


def _a_fingerprint_that_is_the_value(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(token, "fingerprint", lambda value: value)


def _a_year() -> Scenario:
    """Twelve tokens without a fault."""
    return draw(2, 1, 12, faults=False)


def _an_old_state() -> Scenario:
    """One token rotates before run 81; a state from before it is restored before run 83, and accepted before run 86."""
    policy = {"lifetime": "90d", "rotate_before": "10d", "overlap": "7d"}
    reader = Reader("apps/one", timedelta(days=5), timedelta(hours=1))
    plan = Plan("one", "one", "authentik", policy, {}, ("apps/one",), "never", (reader,))
    restore = OperatorAct(83, "restore", size=4)
    return Scenario(1, 110, 40, (plan,), (restore,), (), frozenset(), frozenset(), faults=False)


BREACHES = (
    Breach(checkers.ConsumersHoldAValidToken, _half_the_overlap, _a_year),
    Breach(checkers.ConsumersHoldAValidToken, _a_token_that_is_not_retained, _a_year),
    Breach(checkers.CurrentIsNeverRevoked, _the_current_one_is_retired_too, _a_year),
    Breach(checkers.OneMintForEachDueDate, _two_mints_for_one_due_date, _a_year),
    Breach(checkers.OneMintForEachDueDate, _a_rotation_before_it_is_due, _a_year, elide=False),
    Breach(checkers.DueRotationsHappen, _a_rotation_that_never_fires, _a_year),
    Breach(checkers.NothingOutlivesItsDeadline, _no_deadline_is_ever_due, _a_year),
    Breach(checkers.AtMostTwoAlive, _no_deadline_is_ever_due, _a_year),
    Breach(checkers.NoLivingIdIsLost, _a_revocation_that_is_not_verified, _a_year),
    Breach(checkers.NoOrphansAfterHealing, _no_sweep, _an_old_state),
    Breach(checkers.DestroyLeavesNothing, _a_destroy_that_forgets, _a_year),
    Breach(checkers.NoValueIsTold, _a_fingerprint_that_is_the_value, _a_year),
)


def _violations(breach: Breach) -> set[str]:
    simulation = Simulation(breach.scenario(), elide=breach.elide, kinds=(breach.checker,))
    return {violation.promise for violation in simulation.run().violations}


@pytest.mark.parametrize("breach", BREACHES, ids=str)
def test_a_broken_promise_is_seen(breach: Breach, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker of the promise names it when production breaks it, and is silent when production does not."""
    assert _violations(breach) == set()
    breach.patch(monkeypatch)
    assert _violations(breach) == {breach.checker.promise}


def test_every_promise_is_broken_once() -> None:
    """No checker is without a breach that it catches."""
    assert {breach.checker for breach in BREACHES} == set(checkers.ALL)
