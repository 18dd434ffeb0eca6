"""Whether a token is well: another chain over the checks that decide, so that rotation and alerts cannot disagree."""

from __future__ import annotations

from datetime import datetime, timedelta

from rotation import checks, holds
from rotation.checks import Check, History, dies_at, first, latest_start, planned_at, rotates_at
from rotation.clock import to_rfc3339
from rotation.durations import approximate
from rotation.model import Policy
from rotation.reasons import Action, Decision, Reason


def health(policy: Policy, history: History, now: datetime, interval: timedelta) -> Decision:
    """The gravest thing that is wrong with a token, or that it is healthy until its rotation is due."""
    overdue = rotation_overdue(interval)
    chain: tuple[Check, ...] = (
        checks.state_is_older,
        holds.waiting_for_bootstrap,
        checks.ledger_full,
        checks.missing_at_backend,
        checks.rejected_by_backend,
        expired,
        holds.previous_unpublished,
        overdue,
        holds.paused,
        holds.paused_at_its_place,
        holds.waiting_for_dependency,
    )
    well = Decision(Action.KEEP, Reason.HEALTHY, "all is well", rotates_at(policy, history))
    return first(chain, policy, history, now) or well


def expired(policy: Policy, history: History, now: datetime) -> Decision | None:
    """The current generation has come to its end, so consumers hold nothing that works."""
    end = history.expires or dies_at(policy, history)
    if now < end:
        return None
    return Decision(Action.ROTATE, Reason.EXPIRED, f"{history.generation} ended at {to_rfc3339(end)}")


def rotation_overdue(interval: timedelta) -> Check:
    """A check for runs at this interval: a rotation should have begun in one that is past, and did not."""

    def check(policy: Policy, history: History, now: datetime) -> Decision | None:
        begins = (
            latest_start(policy, history) if history.rolled_back or not history.slot else planned_at(policy, history)
        )
        begins = max(begins, rotates_at(policy, history))
        if history.paused or history.unrotated or now <= begins + interval:
            return None
        message = f"a rotation was to begin at {to_rfc3339(begins)}, {approximate(now - begins)} ago, and did not"
        return Decision(Action.ROTATE, Reason.ROTATION_OVERDUE, message)

    return check
