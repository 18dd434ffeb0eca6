"""What gives the same generation a later end: one fact, one reason, one sentence each. No I/O here."""

from __future__ import annotations

from datetime import datetime

from rotation.checks import History, rotates_at
from rotation.clock import to_rfc3339
from rotation.durations import format_duration
from rotation.model import Policy
from rotation.reasons import Action, Decision, Reason


def renews_at(policy: Policy, history: History) -> datetime | None:
    """The instant at which a renewal falls due; None when none does."""
    if policy.renew_before is None or not history.renewable or history.expires is None:
        return None
    return None if history.renewed_end == history.expires else history.expires - policy.renew_before


def paused_at_its_place(policy: Policy, history: History, now: datetime) -> Decision | None:
    """A person set `auto-renew: "false"` where the token is published; it rotates before it ends all the same."""
    end = _end_to_move(policy, history, now)
    if end is None or not history.unrenewed:
        return None
    message = f"a renewal is due, but the annotation auto-renew at {history.unrenewed} is false"
    return Decision(Action.KEEP, Reason.PAUSED, message, rotates_at(policy, history))


def renewal_gains_nothing(policy: Policy, history: History, now: datetime) -> Decision | None:
    """A renewal is due but cannot move the end: only a rotation can."""
    end = _end_to_move(policy, history, now)
    if end is None or history.cap is None or history.cap > end:
        return None
    message = f"a renewal is due, but the end at {to_rfc3339(end)} is the backend's cap already"
    return Decision(Action.KEEP, Reason.RENEWAL_GAINS_NOTHING, message, rotates_at(policy, history))


def renewal_due(policy: Policy, history: History, now: datetime) -> Decision | None:
    """The same generation can be given a later end, and it is time."""
    end = _end_to_move(policy, history, now)
    if end is None or policy.renew_before is None:
        return None
    rule = f"it is renewed {format_duration(policy.renew_before)} before its end"
    return Decision(Action.RENEW, Reason.RENEWAL_DUE, f"it ends at {to_rfc3339(end)} and {rule}")


def _end_to_move(policy: Policy, history: History, now: datetime) -> datetime | None:
    """The end that a renewal is due to move; None while none is due, or the backend cannot be asked."""
    at = renews_at(policy, history)
    return history.expires if at is not None and now >= at and not history.unreachable else None
