"""What is to be done for a namespace now: one step at a time, each found from what stands there. Pure.

A rotation is five writes, and the token that consumers hold is accepted after each of them:

1. claim    the record gets the hash of a fresh value, pending; nobody knows the value, and it dies within its lease
2. stage    the Secret gets the value as `token-next`; `token` stays
3. confirm  the record gives it its full life; the one before is superseded, with an open grace
4. publish  the Secret gets it as `token`, and the one before as `token-previous`
5. settle   the record gives the one before its grace: the publication and the overlap

Whoever was cut off after any of them leaves what tells the next step. After 1 nothing does: the value is lost, the
claim dies, and the rotation begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from rotation.checks import History
from rotation.clock import from_rfc3339, to_rfc3339
from rotation.model import Policy
from rotation.operator_tokens.published import LABELS, NEXT, PREVIOUS, TOKEN, OperationalSecret, OwnerObject
from rotation.operator_tokens.record import Entry, Record, State
from rotation.operator_tokens.standing import (
    ORPHANED,
    Seen,
    Standing,
    accepted_of_admission,
    current,
    ends_at,
    holds_ours,
    kept,
    standing,
    stray,
    under_way,
)
from rotation.policy import decide
from rotation.reasons import Action, Decision, Reason


class Step(StrEnum):
    """What one write does. Nothing is written for WAIT but what the team is told."""

    REVOKE_TEAM = "revoke the team"
    EMPTY = "empty the Secret"
    REVOKE_ORPHAN = "revoke the orphan"
    CONFIRM = "confirm"
    PUBLISH = "publish"
    SETTLE = "settle"
    UNSTAGE = "unstage"
    UNPUBLISH = "unpublish the previous"
    RETIRE = "retire"
    REPAIR = "repair"
    ROTATE = "rotate"
    WAIT = "wait"


@dataclass(frozen=True)
class Keeping:
    """What is kept, and how.

    policy:   of every token that an admission made
    owner:    whose deletion takes a Secret with it; None: nobody's
    revoked:  namespaces that stay revoked
    declared: namespaces whose operational token the stack declares, with the token's name
    secrets:  the Secrets that the stack publishes those to, by namespace
    minting:  False where nothing is minted: by the config, or in a run that only retires
    """

    policy: Policy
    owner: OwnerObject | None = None
    revoked: frozenset[str] = frozenset()
    declared: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    minting: bool = True


@dataclass(frozen=True)
class Due:
    """What is due in a namespace: the decision as people read it, the step that follows, what the team is told."""

    namespace: str
    decision: Decision
    step: Step = Step.WAIT
    told: Standing | None = None


def due(seen: Seen, keeping: Keeping, now: datetime) -> Due | None:
    """The next step, or what waits or is to be told; None where nothing is due."""
    told = standing(seen, keeping.policy.overlap, now)
    for find in _ORDER:
        found = find(seen, keeping, now)
        if found is not None:
            return Due(seen.namespace, found[1], found[0], told)
    team = seen.record.team
    if (told.status, told.reason, told.orphaned) == (team.status, team.reason, team.orphaned):
        return None
    return Due(seen.namespace, Decision(Action.KEEP, *_word_for(told)), Step.WAIT, told)


def lacks_owner(secret: OperationalSecret, owner: OwnerObject | None) -> bool:
    """Whether a Secret that is there does not name the owner that it is to have."""
    return owner is not None and bool(secret.version) and not secret.is_owned_by(owner)


def told_beside(record: Record, secret: OperationalSecret, previous_end: datetime | None = None) -> dict[str, str]:
    """The annotations of a Secret by the values in it. `previous_end`: where the record does not tell it yet."""
    entry = record.entries.get(secret.hash_at(TOKEN))
    before = record.entries.get(secret.hash_at(PREVIOUS))
    if entry is None:
        return {}
    told = {"generation": entry.generation, "created": to_rfc3339(entry.issued_at)}
    told["expires"] = to_rfc3339(entry.valid_until)
    if before is not None:
        told["previous-generation"] = before.generation
        told["previous-valid-until"] = to_rfc3339(min(previous_end or before.ends_at, before.ends_at))
    return told


def published_grace(secret: OperationalSecret, overlap: timedelta, now: datetime) -> datetime:
    """Until when the one before is accepted: as the publication told, and never longer than an overlap from now."""
    try:
        told = from_rfc3339(secret.annotations["previous-valid-until"])
    except (KeyError, ValueError):
        return now + overlap
    return min(told, now + overlap)


_Found = tuple[Step, Decision] | None


def _team_revoked(seen: Seen, keeping: Keeping, _now: datetime) -> _Found:
    record = seen.record
    if record.team.revoked_at is None:
        if seen.namespace not in keeping.revoked:
            return None
        return Step.REVOKE_TEAM, Decision(Action.RETIRE, Reason.TEAM_REVOKED, "the config revokes this team")
    if seen.secret is not None and holds_ours(record, seen.secret):
        return Step.EMPTY, Decision(Action.RETIRE, Reason.TEAM_REVOKED, "its Secret still holds a revoked token")
    return None


def _orphan(seen: Seen, keeping: Keeping, now: datetime) -> _Found:
    """A token that nobody owns is not rotated, and not revoked on sight."""
    told, end = standing(seen, keeping.policy.overlap, now), ends_at(seen, keeping.policy.overlap)
    if told.reason != ORPHANED:
        return None
    if end is not None and now >= end:
        return Step.REVOKE_ORPHAN, Decision(Action.RETIRE, Reason.ORPHANED, f"{told.orphaned}, for an overlap")
    end = end or now + keeping.policy.overlap
    message = f"{told.orphaned}; it is revoked from {to_rfc3339(end)} on"
    return Step.WAIT, Decision(Action.DEFER, Reason.ORPHANED, message, end)


def _half_done(seen: Seen, _keeping: Keeping, now: datetime) -> _Found:
    """What a rotation left that was begun and not ended."""
    record, secret = seen.record, seen.secret
    if secret is None or not _is_kept(seen):
        return None
    staged, active, pending = secret.hash_at(NEXT), current(record, now), under_way(record, now)
    if staged and active and staged == active[0] and secret.hash_at(TOKEN) != staged:
        return _goes_on(Step.PUBLISH, f"{active[1].generation} is confirmed and not published")
    if staged and pending and staged == pending[0]:
        return _goes_on(Step.CONFIRM, f"{pending[1].generation} is staged and not confirmed")
    if staged:
        return _goes_on(Step.UNSTAGE, "its Secret holds a successor that is not to be")
    if active and secret.hash_at(TOKEN) == active[0] and _with_open_grace(record):
        return _goes_on(Step.SETTLE, f"the one before {active[1].generation} has no end of its grace")
    return None


def _grace_over(seen: Seen, _keeping: Keeping, now: datetime) -> _Found:
    record, secret = seen.record, seen.secret
    previous = secret.hash_at(PREVIOUS) if secret is not None and _is_kept(seen) else ""
    if previous and previous not in record.accepted(now):
        return Step.UNPUBLISH, Decision(Action.RETIRE, Reason.GRACE_OVER, "its Secret holds a previous that is dead")
    dead = ended(record, now)
    if not dead:
        return None
    return Step.RETIRE, Decision(Action.RETIRE, Reason.GRACE_OVER, f"{', '.join(dead)} ended and is to be revoked")


def _out_of_place(seen: Seen, keeping: Keeping, now: datetime) -> _Found:
    """A Secret that does not hold the token which it is to hold. Only a person, or the team, can mend it."""
    record, secret = seen.record, seen.secret
    if secret is None or not _is_kept(seen) or not accepted_of_admission(record, now) or under_way(record, now):
        return None
    if not secret.hash_at(TOKEN):
        message = "its Secret is gone; the team presents its admission token, and another one is made"
        return Step.WAIT, Decision(Action.DEFER, Reason.PUBLICATION_MISSING, message)
    if stray(record, secret, now):
        message = "its Secret holds a token that is not accepted; delete it, and present the admission token"
        return Step.WAIT, Decision(Action.DEFER, Reason.DRIFT_FOUND, message)
    active = current(record, now)
    if active is None or secret.hash_at(TOKEN) == active[0] or not keeping.minting:
        return None
    message = f"{active[1].generation} is published nowhere; its Secret holds the one before"
    return Step.ROTATE, Decision(Action.ROTATE, Reason.PUBLICATION_MISSING, message)


def _unlike_itself(seen: Seen, _keeping: Keeping, now: datetime) -> _Found:
    record, secret = seen.record, seen.secret
    if secret is None or not secret.hash_at(TOKEN) or not _is_kept(seen) or not accepted_of_admission(record, now):
        return None
    if secret.annotations == told_beside(record, secret) and secret.labels == LABELS and seen.owner is None:
        return None
    message = "its Secret lacks annotations, labels or its owner"
    return Step.REPAIR, Decision(Action.REPAIR, Reason.DRIFT_FOUND, message)


def _too_old(seen: Seen, keeping: Keeping, now: datetime) -> _Found:
    active = current(seen.record, now)
    if active is None or active[1].kept_by != "admission" or under_way(seen.record, now):
        return None
    decision = decide(keeping.policy, _history(active[1], seen, keeping), now)
    if decision.action is Action.ROTATE:
        return Step.ROTATE, decision
    return None if decision.action is Action.KEEP else (Step.WAIT, decision)


def _in_both(seen: Seen, keeping: Keeping, now: datetime) -> _Found:
    name = keeping.declared.get(seen.namespace)
    if name is None or not accepted_of_admission(seen.record, now):
        return None
    message = f"the stack declares it as {name}, and an admission made it; take one of them back"
    return Step.WAIT, Decision(Action.DEFER, Reason.SECOND_WRITER, message)


_ORDER: tuple[Callable[[Seen, Keeping, datetime], _Found], ...] = (
    _team_revoked,  # make sure that what a person revoked is dead
    _orphan,  # make sure that what nobody owns ends, and not on sight
    _half_done,  # make sure that what was begun is ended before anything else begins
    _grace_over,  # make sure that nothing outlives its grace
    _out_of_place,  # make sure that nothing is written over what we do not know
    _unlike_itself,  # make sure that its consumers and its owner find it
    _too_old,  # make sure that it is replaced in time
    _in_both,  # make sure that a person hears of two keepers
)


def ended(record: Record, now: datetime) -> list[str]:
    """The generations that are dead by their lease or their grace, and do not stand as revoked."""
    left = (State.PENDING, State.SUPERSEDED)
    return [one.generation for one in kept(record).values() if one.state in left and not one.is_accepted(now)]


def _is_kept(seen: Seen) -> bool:
    return bool(kept(seen.record)) and seen.record.team.revoked_at is None


def _with_open_grace(record: Record) -> bool:
    entries = kept(record).values()
    return any(one.state is State.SUPERSEDED and one.grace_until is None for one in entries)


def _history(active: Entry, seen: Seen, keeping: Keeping) -> History:
    secret = seen.secret
    held_at = f"{secret.namespace}/{secret.name}" if secret is not None and secret.is_held else ""
    paused = not keeping.minting
    return History(active.generation, active.issued_at, active.valid_until, paused=paused, unrotated=held_at)


def _goes_on(step: Step, why: str) -> tuple[Step, Decision]:
    return step, Decision(Action.REPAIR, Reason.PUBLICATION_MISSING, f"a rotation was cut off: {why}")


def _word_for(told: Standing) -> tuple[Reason, str]:
    reason = Reason.ORPHANED if told.orphaned else Reason.NOTHING_DUE
    return reason, f"it is {told.status} ({told.reason})" + (f": {told.orphaned}" if told.orphaned else "")
