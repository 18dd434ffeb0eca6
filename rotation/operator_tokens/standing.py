"""How a namespace stands: what its team is told, and whether its token is an orphan. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rotation.clock import to_rfc3339
from rotation.operator_tokens.published import NEXT, PREVIOUS, TOKEN, OperationalSecret
from rotation.operator_tokens.record import Entry, Record, State, Status, Team

ACCEPTED, ROTATED, DECLARED = "Accepted", "Rotated", "Declared"
NOT_BOOTSTRAPPED, NOTHING_ACCEPTED = "NotBootstrapped", "NothingAccepted"
SECRET_MISSING, SECRET_DIFFERS, ORPHANED, TEAM_REVOKED = "SecretMissing", "SecretDiffers", "Orphaned", "TeamRevoked"


@dataclass(frozen=True)
class Seen:
    """All that one look tells of a namespace.

    secret:     its operational Secret; None where nobody looked
    strays:     other Secrets that are labelled operational and hold what no record lets in
    gone:       the namespace was deleted
    owner_gone: an owner is set, the Secret does not name it, and there is no such object
    owner:      what the Secret is to say of its owner, where it does not
    """

    record: Record
    secret: OperationalSecret | None = None
    strays: tuple[str, ...] = ()
    gone: bool = False
    owner_gone: bool = False
    owner: Mapping[str, Any] | None = field(default=None)

    @property
    def namespace(self) -> str:
        """Whose it is."""
        return self.record.namespace


@dataclass(frozen=True)
class Standing:
    """What a team is told: the status, its reason as a code, and why its token is an orphan, if it is one."""

    status: Status
    reason: str
    orphaned: str = ""


@dataclass(frozen=True)
class TeamState:
    """What may be told of a namespace's operational token: instants and names, and no value.

    generation, expires: the current one and its end; empty and None where none is accepted
    previous, grace_until: the one before, while it is accepted too
    """

    namespace: str
    status: Status
    reason: str
    since: datetime | None
    generation: str
    expires: datetime | None
    previous: str
    grace_until: datetime | None
    secret: str
    orphaned: str


def kept(record: Record) -> dict[str, Entry]:
    """The operational entries that an admission made, by hash."""
    return {hashed: one for hashed, one in record.of_type("operational").items() if one.kept_by == "admission"}


def accepted_of_admission(record: Record, now: datetime) -> dict[str, Entry]:
    """Those of them that are let in now: what the keeper is there for."""
    return {hashed: one for hashed, one in kept(record).items() if one.is_accepted(now)}


def current(record: Record, now: datetime) -> tuple[str, Entry] | None:
    """The hash and the entry of the operational token that is active and accepted, whoever keeps it."""
    accepted = record.accepted(now).items()
    return next(((hashed, one) for hashed, one in accepted if one.state is State.ACTIVE), None)


def superseded(record: Record, now: datetime) -> list[Entry]:
    """The superseded operational entries that are still accepted, the newest first."""
    found = [one for one in record.accepted(now).values() if one.state is State.SUPERSEDED]
    return sorted(found, key=lambda one: one.version, reverse=True)


def under_way(record: Record, now: datetime) -> tuple[str, Entry] | None:
    """The hash and the entry of what an admission or a rotation has begun, while its claim lives."""
    pending = [(hashed, one) for hashed, one in record.accepted(now).items() if one.state is State.PENDING]
    return max(pending, key=lambda found: found[1].version, default=None)


def has_token(record: Record, secret: OperationalSecret, now: datetime) -> bool:
    """Whether the Secret holds a token to use, or one that may be anybody's. One that is not confirmed may yet die."""
    entry = record.entries.get(secret.hash_at(TOKEN))
    is_usable = entry is None or (entry.is_accepted(now) and entry.state is not State.PENDING)
    return bool(secret.hash_at(TOKEN)) and is_usable


def holds_ours(record: Record, secret: OperationalSecret) -> bool:
    """Whether the Secret holds any value that this record knows, dead or alive."""
    return any(secret.hash_at(key) in record.entries for key in (TOKEN, PREVIOUS, NEXT))


def stray(record: Record, secret: OperationalSecret, now: datetime) -> bool:
    """Whether a Secret holds a token that its namespace's record does not let in."""
    hashed = secret.hash_at(TOKEN)
    return bool(hashed) and hashed not in record.accepted(now)


def standing(seen: Seen, overlap: timedelta, now: datetime) -> Standing:
    """What the team is to be told now."""
    if seen.record.team.revoked_at is not None:
        return Standing(Status.REVOKED, TEAM_REVOKED)
    abandoned = _abandoned(seen, overlap, now)
    if abandoned:
        return Standing(Status.DEGRADED, ORPHANED, abandoned)
    return Standing(*_status(seen, now), _strayed(seen, now))


def ends_at(seen: Seen, overlap: timedelta) -> datetime | None:
    """When an orphan's tokens are revoked: an overlap after it was first told to be one; None for what is none."""
    team = seen.record.team
    first_seen = team.since if team.reason == ORPHANED and team.orphaned else None
    return first_seen + overlap if first_seen else None


def changed(record: Record, told: Standing, now: datetime) -> Record:
    """The record that tells this; the instant stays while status and reason do."""
    team = record.team
    if (team.status, team.reason, team.orphaned) == (told.status, told.reason, told.orphaned):
        return record
    same = (team.status, team.reason) == (told.status, told.reason)
    since = team.since if same else now.replace(microsecond=0)
    return record.with_team(status=told.status, reason=told.reason, orphaned=told.orphaned, since=since)


def state_of(record: Record, now: datetime) -> TeamState:
    """What may be told of a record, and is true now though no run wrote it."""
    active, before, team = current(record, now), superseded(record, now), _told_now(record, now)
    return TeamState(
        namespace=record.namespace,
        status=team.status,
        reason=team.reason,
        since=team.since,
        generation=active[1].generation if active else "",
        expires=active[1].ends_at if active else None,
        previous=before[0].generation if before else "",
        grace_until=before[0].ends_at if before else None,
        secret=team.secret,
        orphaned=team.orphaned,
    )


def _told_now(record: Record, now: datetime) -> Team:
    """The team as the record alone tells it. What only the Secret tells stands until a run looks again."""
    team = record.team
    is_seen_elsewhere = team.reason in (SECRET_MISSING, SECRET_DIFFERS, ORPHANED) and accepted_of_admission(record, now)
    if team.revoked_at is not None or is_seen_elsewhere:
        return team
    status, reason = _status(Seen(record), now)
    if (status, reason) == (team.status, team.reason):
        return team
    ends = [one.ends_at for one in record.of_type("operational").values() if one.ends_at <= now]
    since = max((end for end in ends if team.since is None or end > team.since), default=None)
    return team.model_copy(update={"status": status, "reason": reason, "since": since})


def sentence(record: Record, now: datetime) -> str:
    """What the status means, for people."""
    team, state = record.team, state_of(record, now)
    until = f"{state.generation} is accepted until {_shown(state.expires)}"
    before = f", and {state.previous} until {_shown(state.grace_until)}" if state.previous else ""
    is_admitted = bool(record.accepted(now, "admission"))
    present = "Present the admission token" if is_admitted else "Ask the platform team for an admission token"
    told = {
        ACCEPTED: f"{until}.",
        ROTATED: f"{until}{before}.",
        DECLARED: f"{until}{before}. The stack keeps it.",
        NOT_BOOTSTRAPPED: f"There is no operational token yet. {present}.",
        NOTHING_ACCEPTED: f"No operational token is accepted any more. {present}.",
        SECRET_MISSING: f"The Secret of the operational token is gone. {present}, and another token is made.",
        SECRET_DIFFERS: f"The Secret holds a token that is not accepted. Delete it. {present}.",
        ORPHANED: "The operational token is an orphan, and is revoked if it stays one.",
        TEAM_REVOKED: f"All tokens were revoked at {_shown(team.revoked_at)}; none is made until the team is restored.",
    }
    return told.get(state.reason, state.reason) + (f" Orphan: {team.orphaned}." if team.orphaned else "")


def _status(seen: Seen, now: datetime) -> tuple[Status, str]:
    record, team, before = seen.record, seen.record.team, superseded(seen.record, now)
    if not current(record, now) and not before:
        if under_way(record, now):
            return team.status, team.reason
        return Status.DEGRADED, NOTHING_ACCEPTED if record.of_type("operational") else NOT_BOOTSTRAPPED
    if not accepted_of_admission(record, now):
        return Status.GRACE if before else Status.AUTHORIZED, DECLARED
    out_of_place = "" if seen.secret is None else _out_of_place(record, seen.secret, now)
    if out_of_place:
        return Status.DEGRADED, out_of_place
    is_settled = any(one.grace_until is not None for one in before)
    return (Status.GRACE, ROTATED) if is_settled else (Status.AUTHORIZED, ACCEPTED)


def _out_of_place(record: Record, secret: OperationalSecret, now: datetime) -> str:
    if not secret.hash_at(TOKEN):
        return SECRET_MISSING
    return SECRET_DIFFERS if stray(record, secret, now) else ""


def _abandoned(seen: Seen, overlap: timedelta, now: datetime) -> str:
    """Why a token that is accepted belongs to nobody any more, as one clause; empty where it does not."""
    if seen.secret is None or not accepted_of_admission(seen.record, now):
        return ""
    if seen.gone:
        return "its namespace is gone"
    if seen.owner_gone:
        return "its owner is gone"
    if seen.secret.hash_at(TOKEN):
        return ""
    team, clause = seen.record.team, "its Secret is gone"
    missing_since = team.since if team.reason == SECRET_MISSING else None
    is_long_gone = missing_since is not None and now >= missing_since + overlap
    return clause if is_long_gone or team.orphaned == clause else ""


def _strayed(seen: Seen, now: datetime) -> str:
    """Which Secrets hold what no record lets in. Nothing of it is alive, so there is nothing to revoke."""
    names = list(seen.strays)
    if seen.secret is not None and not accepted_of_admission(seen.record, now) and stray(seen.record, seen.secret, now):
        names.insert(0, seen.secret.name)
    return f"no record lets in what stands in {', '.join(names)}" if names else ""


def _shown(instant: datetime | None) -> str:
    return to_rfc3339(instant) if instant else "now"
