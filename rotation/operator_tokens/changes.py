"""What may become of a record: each transition a function of the record before, safe to apply again. Pure.

A writer whose change met another's, or whose answer was lost, reads again and applies its change again (`store`). So
each function here, given what it made before, makes nothing more. What stands fast through all of them:

- at most one entry of a type is `active` in a namespace
- operational tokens have one keeper: the stack, or the one that keeps what admission tokens made
- versions count up, for each type, and none is given twice
- an end never moves away, but for the one that a confirmation gives
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from rotation.clock import to_rfc3339
from rotation.errors import NotFound, Refused
from rotation.operator_tokens.record import Entry, Record, State, TokenType

REMEMBERED = 4
REMEMBERED_FOR = timedelta(days=30)
LONGEST_LEASE = timedelta(minutes=10)
Keeper = Literal["stack", "admission"]


@dataclass(frozen=True)
class Newcomer:
    """A generation that is about to be given out, before anybody knows its value.

    now:      the instant of its issue
    lifetime: the life that it gets when it is confirmed
    lease_until: its end unless it is confirmed; `lease_end` tells the usual one
    made_by:  the generation of the admission token that made it; empty for the stack's
    """

    generation: str
    now: datetime
    lifetime: timedelta
    lease_until: datetime
    token_type: TokenType = "operational"  # noqa: S105 - a type
    kept_by: Keeper = "stack"
    made_by: str = ""


def lease_end(now: datetime, lifetime: timedelta) -> datetime:
    """When a mint that nobody confirms dies: after ten minutes, or a quarter of its life where that is less."""
    return (now + min(LONGEST_LEASE, lifetime / 4)).replace(microsecond=0)


def find(record: Record, generation: str) -> tuple[str, Entry] | None:
    """The hash and the entry of a generation; None where the record has none."""
    return next(((hashed, entry) for hashed, entry in record.entries.items() if entry.generation == generation), None)


def admit(record: Record, hashed: str, newcomer: Newcomer) -> Record:
    """Enter a newcomer as pending: its value is let in from now on, and dies with its lease unless it is confirmed.

    Raises Refused for a revoked team, and where operational tokens are kept by somebody else.
    """
    if hashed in record.entries:
        return record
    _refuse_revoked(record)
    _refuse_second_keeper(record, newcomer)
    entry = Entry(
        namespace=record.namespace,
        token_type=newcomer.token_type,
        state=State.PENDING,
        generation=newcomer.generation,
        version=record.next_version(newcomer.token_type),
        issued_at=_whole(newcomer.now),
        valid_until=_whole(newcomer.now + newcomer.lifetime),
        kept_by=newcomer.kept_by,
        made_by=newcomer.made_by,
        lease_until=newcomer.lease_until,
    )
    return record.with_entry(hashed, entry)


def confirm(record: Record, generation: str, now: datetime, lifetime: timedelta) -> Record:
    """Give a pending generation its full life from now on; the active one of its type becomes superseded.

    The superseded one's grace stays open until `supersede` or `revoke`, and its own end stands behind both. One that
    is active already gets the same end. Raises NotFound when it died, was revoked, or has a successor.
    """
    found = find(record, generation)
    if found is None or not found[1].is_accepted(now) or found[1].state is State.SUPERSEDED:
        raise NotFound("confirm", _why_not(found, generation))
    hashed, entry = found
    confirmed = {"state": State.ACTIVE, "valid_until": _whole(now + lifetime), "lease_until": None}
    before = _each(record, lambda one: _superseded(one) if _is_before(one, entry) else one)
    return before.with_entry(hashed, entry.model_copy(update=confirmed))


def supersede(record: Record, generation: str, grace_until: datetime | None = None) -> Record:
    """Let a generation go on for its grace only, never past its own end. Of two ends of a grace the sooner counts.

    grace_until: the instant of the successor's publication and the overlap; None leaves it open
    What is pending, revoked or unknown stays as it is.
    """
    return _each(record, lambda one: _superseded(one, grace_until) if one.generation == generation else one)


def revoke(record: Record, generation: str, now: datetime) -> Record:
    """End a generation now. What is revoked already keeps its instant; what is unknown is a success."""
    return _each(record, lambda one: _revoked(one, now) if one.generation == generation else one)


def withdraw(record: Record, generation: str, now: datetime) -> Record:
    """Take back what its maker gives up. One that somebody confirmed meanwhile is in use, and stays."""
    found = find(record, generation)
    return revoke(record, generation, now) if found is not None and found[1].state is State.PENDING else record


def revoke_all(record: Record, now: datetime) -> Record:
    """Revoke a team: all its tokens, of either type, end now, and nothing is minted for it until it is restored."""
    ended = _each(record, lambda one: _revoked(one, now))
    return ended if record.team.revoked_at else ended.with_team(revoked_at=_whole(now))


def restore(record: Record) -> Record:
    """Let a revoked team be given tokens again. What was revoked stays dead."""
    return record.with_team(revoked_at=None) if record.team.revoked_at else record


def prune(record: Record, now: datetime) -> Record:
    """Forget the dead but for the newest few of some weeks, which can tell a consumer why it is refused.

    The newest of each type always stays, or versions would begin anew.
    """
    dead = {hashed: entry for hashed, entry in record.entries.items() if entry.ends_at <= now}
    newest = sorted(dead, key=lambda hashed: (dead[hashed].ends_at, dead[hashed].version), reverse=True)[:REMEMBERED]
    recent = {hashed for hashed in newest if now - dead[hashed].ends_at < REMEMBERED_FOR}
    last = {entry.token_type: entry.version for entry in sorted(record.entries.values(), key=lambda one: one.version)}
    kept = {
        hashed: entry
        for hashed, entry in record.entries.items()
        if hashed not in dead or hashed in recent or entry.version == last[entry.token_type]
    }
    return record if len(kept) == len(record.entries) else replace(record, entries=kept)


def _each(record: Record, change: Callable[[Entry], Entry]) -> Record:
    entries = {hashed: change(entry) for hashed, entry in record.entries.items()}
    return record if entries == record.entries else replace(record, entries=entries)


def _is_before(one: Entry, successor: Entry) -> bool:
    """Whether a confirmation supersedes it: what is active of that type, whoever kept it, lest two be active."""
    same_type = one.token_type == successor.token_type
    return one.state is State.ACTIVE and same_type and one.generation != successor.generation


def _superseded(one: Entry, grace_until: datetime | None = None) -> Entry:
    if one.state not in (State.ACTIVE, State.SUPERSEDED):
        return one
    ends = [end for end in (one.grace_until, grace_until and _whole(grace_until)) if end is not None]
    grace = min([*ends, one.valid_until]) if ends else None
    return one.model_copy(update={"state": State.SUPERSEDED, "grace_until": grace})


def _revoked(one: Entry, now: datetime) -> Entry:
    if one.state is State.REVOKED:
        return one
    return one.model_copy(update={"state": State.REVOKED, "revoked_at": min(_whole(now), one.ends_at)})


def _refuse_revoked(record: Record) -> None:
    if record.team.revoked_at:
        cause = f"the team of {record.namespace} was revoked at {to_rfc3339(record.team.revoked_at)}"
        raise Refused("mint", cause, "Restore the team first, if it shall have tokens again.")


def _refuse_second_keeper(record: Record, newcomer: Newcomer) -> None:
    """One in both is refused: two keepers would supersede each other's tokens for ever."""
    if newcomer.token_type != "operational":  # noqa: S105 - a type
        return
    others = [one for one in record.accepted(newcomer.now).values() if one.kept_by != newcomer.kept_by]
    if not others:
        return
    if newcomer.kept_by == "stack":
        cause = f"an admission token made the operational token of {record.namespace}, so the stack does not keep it"
        remedy = "Take this token out of the stack's config, or revoke the one that is kept there and run again."
    else:
        cause = f"the stack's config declares the operational token of {record.namespace}, so none is made beside it"
        remedy = "Use the token that the stack publishes, or take it out of the stack's config."
    raise Refused("mint", cause, remedy)


def _why_not(found: tuple[str, Entry] | None, generation: str) -> str:
    if found is None:
        return f"there is no record of {generation}"
    return f"{generation} is {found[1].state} and ended at {to_rfc3339(found[1].ends_at)}"


def _whole(instant: datetime) -> datetime:
    """Records hold whole seconds; an end that is rounded must not come later."""
    return instant.replace(microsecond=0)
