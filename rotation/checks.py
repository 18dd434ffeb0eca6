"""One fact, one reason, one sentence each. A check says what is wrong with a token now, or None. No I/O here.

`policy` composes them into the chain that decides, `health` into the one that reports. What makes a due rotation wait
stands in `holds`, and what gives the same generation a later end in `renewals`.
A check that has nothing to say says nothing: order is the chain's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from rotation.clock import to_rfc3339
from rotation.durations import approximate, format_duration
from rotation.model import Policy, is_generation, is_newer, minted_at, token_of
from rotation.reasons import Action, Decision, Reason
from rotation.windows import next_opening

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
    paused:         an operator lets nothing be minted
    slot:           False where this run's limit of scheduled rotations is used up by others
    rollback:       a new rollback nonce stands in the config
    fallback:       the generation before this one, while it works inside its overlap; empty for none
    rolled_back:    the current generation became current again by a rollback
    adoptable:      the place that holds a working value of the same owner, put there by hand; empty for none
    dependency:     why something that must be ready before a mint is not; empty where nothing is lacking
    bootstrap:      why only a person can give this backend a credential, as a clause; empty where it has one
    unrotated, unrenewed: the place at which a person's annotation pauses rotation or renewal; empty for none
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
    paused: bool = False
    slot: bool = True
    rollback: bool = False
    fallback: str = ""
    rolled_back: bool = False
    adoptable: str = ""
    dependency: str = ""
    bootstrap: str = ""
    unrotated: str = ""
    unrenewed: str = ""


Check = Callable[[Policy, History, datetime], Decision | None]


def first(chain: Iterable[Check], policy: Policy, history: History, now: datetime) -> Decision | None:
    """What the first check of a chain says that finds something; None when none does."""
    return next((found for check in chain if (found := check(policy, history, now)) is not None), None)


def end_of(policy: Policy, history: History) -> datetime:
    """The end that counts: the granted one, and never later than today's policy allows a token that is not renewed."""
    wished = history.created + policy.lifetime
    if history.expires is None:
        return wished
    return history.expires if policy.renew_before else min(history.expires, wished)


def dies_at(policy: Policy, history: History) -> datetime:
    """The instant from which the current generation works no more, if it is only renewed from now on."""
    if history.expires is None:
        return history.created + policy.lifetime
    renewed = policy.renew_before is not None and history.renewable and history.cap is not None
    return max(history.cap, history.expires) if renewed and history.cap else history.expires


def rotates_at(policy: Policy, history: History) -> datetime:
    """The instant at which a rotation falls due."""
    due = []
    if policy.rotate_every is not None:
        due.append(history.created + policy.rotate_every)
    before = _before_end(policy, history)
    if before is not None:
        due.append(end_of(policy, history) - before)
    return min(due) - jitter_of(policy, history)


def _before_end(policy: Policy, history: History) -> timedelta | None:
    """How long before its end a generation is replaced; None while renewals move the end.

    Where the policy sets an age alone, a backend that granted less, or renews no more, must not cost the overlap.
    """
    if policy.rotate_before is not None:
        return policy.rotate_before
    if policy.renew_before is not None and not _renewed_in_vain(history):
        return None
    return policy.overlap + policy.tolerated_outage


def _renewed_in_vain(history: History) -> bool:
    if history.unrenewed:
        return True
    if history.expires is None:
        return False
    return history.renewed_end == history.expires or (history.cap is not None and history.cap <= history.expires)


def jitter_of(policy: Policy, history: History) -> timedelta:
    """How much earlier than its policy says a token rotates: its name decides, so that all runs agree."""
    return _share_of(policy.jitter, history.generation) if policy.jitter else timedelta(0)


@lru_cache(maxsize=4096)
def _share_of(longest: timedelta, generation: str) -> timedelta:
    if not is_generation(generation):
        return timedelta(0)
    lot = int.from_bytes(hashlib.sha256(token_of(generation).encode()).digest()[:8], "big")
    return timedelta(seconds=lot % (int(longest.total_seconds()) + 1))


def latest_start(policy: Policy, history: History) -> datetime:
    """The last instant at which a rotation may begin and still leave the overlap, though runs fail for an outage."""
    return end_of(policy, history) - policy.overlap - policy.tolerated_outage


def planned_at(policy: Policy, history: History) -> datetime:
    """When the rotation is to begin: at the first opening from its due instant on, but not past the latest start."""
    due = rotates_at(policy, history)
    limit = max(due, latest_start(policy, history))
    return min(next_opening(policy, due) or limit, limit)


def scheduled(policy: Policy, history: History, now: datetime) -> Decision | None:
    """What asks for a rotation by time alone, if anything does."""
    return maximum_age(policy, history, now) or nearing_expiry(policy, history, now)


def state_is_older(policy: Policy, history: History, now: datetime) -> Decision | None:
    """A newer generation was published than the state knows: an old state was restored."""
    if not is_newer(history.newest_seen, history.generation):
        return None
    unseen = History(history.newest_seen, minted_at(history.newest_seen), _end_told_of(history.newest_seen, history))
    limit = min(rotates_at(policy, unseen), latest_start(policy, unseen))  # nobody renews what this state does not know
    if now >= limit:
        return None  # waiting longer would let the published generation end: the ordinary checks go on
    return Decision(
        Action.DEFER,
        Reason.STATE_IS_OLDER,
        f"the state holds {history.generation}, but {history.newest_seen} was published; neither rotating nor sweeping."
        " Restore the newer state, or accept this one with `pulumi up --replace` of the token",
        limit,
    )


def adoptable(_policy: Policy, history: History, _now: datetime) -> Decision | None:
    """Somebody put a working value of the same owner in one of the token's places, and it is to be taken over."""
    if not history.adoptable:
        return None
    message = f"{history.adoptable} holds a working value of the same owner, put there by hand; it becomes current"
    return Decision(Action.ADOPT, Reason.ADOPTED, message)


def rollback_requested(_policy: Policy, history: History, _now: datetime) -> Decision | None:
    """An operator wants the generation before this one back. An emergency outranks it: it ends that one, too."""
    if not history.rollback or not history.fallback or history.emergency:
        return None
    message = f"a new rollback nonce stands in the config; {history.fallback} becomes current again"
    return Decision(Action.ROLL_BACK, Reason.ROLLBACK_REQUESTED, message)


def rejected_with_fallback(_policy: Policy, history: History, _now: datetime) -> Decision | None:
    """The backend refuses the current value, and the one before still works: it helps sooner than a new one."""
    if not history.rejected or not history.fallback or history.emergency:
        return None
    message = f"the backend refuses the value of {history.generation}; {history.fallback} becomes current again"
    return Decision(Action.ROLL_BACK, Reason.ROLLED_BACK, message)


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


def maximum_age(policy: Policy, history: History, now: datetime) -> Decision | None:
    """The current generation has reached the age at which it is replaced."""
    jitter = jitter_of(policy, history)
    if policy.rotate_every is None or now < history.created + policy.rotate_every - jitter:
        return None
    rule = f"is replaced every {format_duration(policy.rotate_every)}{_told(jitter, 'less')}"
    message = f"it is {approximate(now - history.created)} old and {rule}"
    return Decision(Action.ROTATE, Reason.MAXIMUM_AGE, message)


def nearing_expiry(policy: Policy, history: History, now: datetime) -> Decision | None:
    """The end is nearer than the policy allows."""
    before, jitter, end = _before_end(policy, history), jitter_of(policy, history), end_of(policy, history)
    if before is None or now < end - before - jitter:
        return None
    rule = f"it is replaced {format_duration(before)}{_told(jitter, 'and')} before its end"
    return Decision(Action.ROTATE, Reason.NEARING_EXPIRY, f"it ends at {to_rfc3339(end)} and {rule}")


def _told(jitter: timedelta, joined_by: str) -> str:
    return f" {joined_by} {format_duration(jitter)} of jitter" if jitter else ""


def _end_told_of(generation: str, history: History) -> datetime | None:
    """Its end, if the receipt tells of this generation and not of an earlier one."""
    told = history.published
    return told.expires if told is not None and told.generation == generation else None
