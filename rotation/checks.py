"""One fact, one reason, one sentence each. A check says what is wrong with a token now, or None. No I/O here.

`policy` composes them into the chain that decides. A check that has nothing to say says nothing: order is the chain's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rotation.clock import to_rfc3339
from rotation.durations import approximate, format_duration
from rotation.model import Policy, is_newer, minted_at
from rotation.reasons import Action, Decision, Reason

LEDGER_LIMIT = 16
"""Superseded generations that may wait for their end; past that something keeps failing and a person is needed."""


@dataclass(frozen=True)
class Published:
    """What consumers were last given: a generation, and its end where one is known."""

    generation: str
    expires: datetime | None


@dataclass(frozen=True)
class History:
    """All that one run knows about a token's current generation.

    expires:        the end of the current generation, from the receipt or the backend; None while it is only wished for
    published:      the last publication, from the receipt; None when there is no receipt
    newest_seen:    the newest generation that a receipt or a published Secret names
    superseded:     how many generations wait for their end
    missing:        the backend was asked and does not have it
    rejected:       the backend refuses its value
    unreachable:    why the backend could not be asked; empty when it could
    spec_changed, forced, emergency: what an operator changed since the current generation was minted
    renewable, cap: whether the backend can extend it, and the instant that no renewal can pass (None: unknown)
    renewed_end:    the end at which the last renewal was tried, so that one due date is renewed for once
    """

    generation: str
    created: datetime
    expires: datetime | None = None
    published: Published | None = None
    newest_seen: str = ""
    superseded: int = 0
    missing: bool = False
    rejected: bool = False
    unreachable: str = ""
    spec_changed: bool = False
    forced: bool = False
    emergency: bool = False
    renewable: bool = False
    cap: datetime | None = None
    renewed_end: datetime | None = None


Check = Callable[[Policy, History, datetime], Decision | None]


def end_of(policy: Policy, history: History) -> datetime:
    """The end that counts: the granted one, and never later than today's policy allows a token that is not renewed."""
    wished = history.created + policy.lifetime
    if history.expires is None:
        return wished
    return history.expires if policy.renew_before else min(history.expires, wished)


def rotates_at(policy: Policy, history: History) -> datetime:
    """The instant at which a rotation falls due."""
    due = []
    if policy.rotate_every is not None:
        due.append(history.created + policy.rotate_every)
    if policy.rotate_before is not None:
        due.append(end_of(policy, history) - policy.rotate_before)
    return min(due)


def state_is_older(policy: Policy, history: History, now: datetime) -> Decision | None:
    """A newer generation was published than the state knows: an old state was restored."""
    if not is_newer(history.newest_seen, history.generation):
        return None
    unseen = History(history.newest_seen, minted_at(history.newest_seen), _end_told_of(history.newest_seen, history))
    if now >= rotates_at(policy, unseen):
        return None  # waiting longer would let the published generation end: the ordinary checks go on
    return Decision(
        Action.DEFER,
        Reason.STATE_IS_OLDER,
        f"the state holds {history.generation}, but {history.newest_seen} was published; neither rotating nor sweeping."
        " Restore the newer state, or accept this one with `pulumi up --replace` of the token",
        rotates_at(policy, unseen),
    )


def ledger_full(_policy: Policy, history: History, _now: datetime) -> Decision | None:
    """Too many superseded generations could not be ended."""
    if history.superseded < LEDGER_LIMIT:
        return None
    message = f"{history.superseded} superseded generations are not known dead; see why their revocation fails"
    return Decision(Action.DEFER, Reason.LEDGER_FULL, message)


def missing_at_backend(_policy: Policy, history: History, _now: datetime) -> Decision | None:
    """The backend no longer has the current generation."""
    if not history.missing:
        return None
    return Decision(Action.ROTATE, Reason.MISSING_AT_BACKEND, f"the backend does not have {history.generation}")


def rejected_by_backend(_policy: Policy, history: History, _now: datetime) -> Decision | None:
    """The backend refuses the current value."""
    if not history.rejected:
        return None
    return Decision(Action.ROTATE, Reason.REJECTED_BY_BACKEND, f"the backend refuses the value of {history.generation}")


def emergency(_policy: Policy, history: History, _now: datetime) -> Decision | None:
    """An operator calls an emergency: rotate, and end every earlier generation once the new one is published."""
    if not history.emergency:
        return None
    message = "a new emergency nonce stands in the config; every earlier generation ends with this run"
    return Decision(Action.ROTATE, Reason.EMERGENCY, message)


def forced_by_operator(_policy: Policy, history: History, _now: datetime) -> Decision | None:
    """An operator asks for a rotation by a new nonce."""
    if not history.forced:
        return None
    return Decision(Action.ROTATE, Reason.FORCED_BY_OPERATOR, "a new force nonce stands in the config")


def spec_changed(_policy: Policy, history: History, _now: datetime) -> Decision | None:
    """What the token is has changed, so it must be made anew."""
    if not history.spec_changed:
        return None
    return Decision(Action.ROTATE, Reason.SPEC_CHANGED, "the token's spec in the config changed")


def previous_unpublished(policy: Policy, history: History, now: datetime) -> Decision | None:
    """The current generation never reached its consumers: minting another would not help them."""
    due = _scheduled(policy, history, now)
    if due is None or history.published is None or history.published.generation == history.generation:
        return None
    if is_newer(history.published.generation, history.generation):
        return None  # it is the state that is older
    limit = _published_end(history)
    if limit is not None and now >= limit - policy.tolerated_outage:
        return None
    return Decision(
        Action.DEFER,
        Reason.PREVIOUS_UNPUBLISHED,
        f"a rotation is due ({due.reason}), but {history.generation} is not published yet; repair its targets first",
        None if limit is None else limit - policy.tolerated_outage,
    )


def backend_unreachable(policy: Policy, history: History, now: datetime) -> Decision | None:
    """A rotation is due and the backend cannot be asked; the next run tries again."""
    due = _scheduled(policy, history, now)
    if due is None or not history.unreachable:
        return None
    message = f"a rotation is due ({due.reason}), but the backend gives no answer: {history.unreachable}"
    return Decision(Action.DEFER, Reason.BACKEND_UNREACHABLE, message)


def maximum_age(policy: Policy, history: History, now: datetime) -> Decision | None:
    """The current generation has reached the age at which it is replaced."""
    if policy.rotate_every is None or now < history.created + policy.rotate_every:
        return None
    message = (
        f"it is {approximate(now - history.created)} old and is replaced every {format_duration(policy.rotate_every)}"
    )
    return Decision(Action.ROTATE, Reason.MAXIMUM_AGE, message)


def nearing_expiry(policy: Policy, history: History, now: datetime) -> Decision | None:
    """The end is nearer than the policy allows."""
    end = end_of(policy, history)
    if policy.rotate_before is None or now < end - policy.rotate_before:
        return None
    rule = f"it is replaced {format_duration(policy.rotate_before)} before its end"
    return Decision(Action.ROTATE, Reason.NEARING_EXPIRY, f"it ends at {to_rfc3339(end)} and {rule}")


def renewal_gains_nothing(policy: Policy, history: History, now: datetime) -> Decision | None:
    """A renewal is due but cannot move the end: only a rotation can."""
    if not _renewal_due(policy, history, now) or history.cap is None or history.expires is None:
        return None
    if history.cap > history.expires:
        return None
    message = f"a renewal is due, but the end at {to_rfc3339(history.expires)} is the backend's cap already"
    return Decision(Action.KEEP, Reason.RENEWAL_GAINS_NOTHING, message, rotates_at(policy, history))


def renewal_due(policy: Policy, history: History, now: datetime) -> Decision | None:
    """The same generation can be given a later end, and it is time."""
    if not _renewal_due(policy, history, now) or history.expires is None or policy.renew_before is None:
        return None
    rule = f"it is renewed {format_duration(policy.renew_before)} before its end"
    return Decision(Action.RENEW, Reason.RENEWAL_DUE, f"it ends at {to_rfc3339(history.expires)} and {rule}")


def _renewal_due(policy: Policy, history: History, now: datetime) -> bool:
    if policy.renew_before is None or not history.renewable or history.expires is None or history.unreachable:
        return False
    return now >= history.expires - policy.renew_before and history.renewed_end != history.expires


def _scheduled(policy: Policy, history: History, now: datetime) -> Decision | None:
    return maximum_age(policy, history, now) or nearing_expiry(policy, history, now)


def _published_end(history: History) -> datetime | None:
    return history.published.expires if history.published else None


def _end_told_of(generation: str, history: History) -> datetime | None:
    """Its end, if the receipt tells of this generation and not of an earlier one."""
    told = history.published is not None and history.published.generation == generation
    return _published_end(history) if told else None
