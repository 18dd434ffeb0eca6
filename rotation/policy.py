"""The chain that decides what to do with a token now."""

from __future__ import annotations

from datetime import datetime

from rotation import checks, holds, renewals
from rotation.checks import Check, History, first
from rotation.model import Policy
from rotation.reasons import Action, Decision, Reason

RENEWAL_CHAIN: tuple[Check, ...] = (
    renewals.paused_at_its_place,  # make sure that an annotation set by a person is heeded
    renewals.renewal_gains_nothing,  # make sure that a renewal has a use
    renewals.renewal_due,  # make sure that it lives until it is replaced
)
ROTATION_CHAIN: tuple[Check, ...] = (
    checks.state_is_older,  # make sure that a restored state undoes nothing
    holds.waiting_for_bootstrap,  # make sure that a person is called where only a person helps
    checks.adoptable,  # make sure that what a person put in place is not overwritten
    checks.rollback_requested,  # make sure that a person gets back what worked
    holds.nothing_to_roll_back_to,
    checks.rejected_with_fallback,  # make sure that consumers get back what works
    holds.paused,  # make sure that nothing is minted against a person's word
    holds.waiting_for_dependency,  # make sure that what a token needs is there first
    checks.ledger_full,  # make sure that what is superseded stays countable
    checks.missing_at_backend,  # make sure that consumers hold something that exists
    checks.rejected_by_backend,  # make sure that it works
    checks.emergency,  # make sure that an operator is obeyed at once
    checks.forced_by_operator,
    checks.spec_changed,  # make sure that the token is what the config says
    holds.paused_at_its_place,  # make sure that an annotation set by a person is heeded
    holds.previous_unpublished,  # make sure that a broken target does not mint for ever
    holds.backend_unreachable,  # make sure that nothing is started that cannot end
    holds.rolled_back,  # make sure that what failed is not tried again unseen
    holds.outside_window,  # make sure that it begins when people want it to
    holds.rotation_limit,  # make sure that not everything begins at once
    checks.maximum_age,  # make sure that it is replaced in time
    checks.nearing_expiry,
    *RENEWAL_CHAIN,
)
_RENEWED_MEANWHILE = frozenset(
    {
        Reason.PAUSED,
        Reason.WAITING_FOR_DEPENDENCY,
        Reason.ROLLED_BACK,
        Reason.OUTSIDE_WINDOW,
        Reason.ROTATION_LIMIT,
    }
)
"""While a rotation waits for one of these, the current generation is still given a later end."""


def decide(policy: Policy, history: History | None, now: datetime, *, paused: bool = False) -> Decision:
    """What to do with a token now: the first check that finds something says so; otherwise it is kept.

    paused: whether an operator lets nothing be minted, for a token that has no history yet.
    """
    if history is None and paused:
        return Decision(Action.DEFER, Reason.PAUSED, "it has no generation yet, but minting is paused")
    if history is None:
        return Decision(Action.ROTATE, Reason.FIRST_GENERATION, "it has no generation yet")
    decision = first(ROTATION_CHAIN, policy, history, now)
    if decision is None:
        return Decision(Action.KEEP, Reason.NOTHING_DUE, "nothing is due", checks.rotates_at(policy, history))
    if decision.action is Action.DEFER and decision.reason in _RENEWED_MEANWHILE:
        renewal = first(RENEWAL_CHAIN, policy, history, now)
        return renewal if renewal is not None and renewal.action is Action.RENEW else decision
    return decision
