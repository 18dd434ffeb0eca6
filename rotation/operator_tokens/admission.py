"""Whether an admission token admits a team, told by the same comparisons whatever comes of it. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from rotation.clock import to_rfc3339
from rotation.errors import Refused
from rotation.operator_tokens.record import Entry, Record, State

SLOTS = 8
"""A record is compared a multiple of this often, so that the number of its entries does not show."""
_LONGEST = 1024
_DUMMY = bytes(hashlib.sha256().digest_size)


class Refusal(StrEnum):
    """Why nothing is made, as a code."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    TEAM_REVOKED = "team-revoked"
    WRONG_TYPE = "wrong-type"
    IN_BOTH = "in-both"
    OWNER_MISSING = "owner-missing"
    TOO_MANY = "too-many"


class AdmissionRefused(Refused):
    """An admission token was presented, and nothing is made for it; `reason` says why. No text shows the value."""

    def __init__(self, reason: Refusal, cause: str, remedy: str) -> None:
        super().__init__("present the admission token", cause, remedy)
        self.reason = reason


def admitted_by(
    record: Record, value: str, now: datetime, same: Callable[[bytes, bytes], bool] = hmac.compare_digest
) -> Entry:
    """The admission entry of a value. Raises AdmissionRefused for every other value.

    same: compares two digests without telling by its time where they differ

    A value is compared with every entry of this namespace's record and with dummies up to a multiple of eight, and what
    it is picked afterwards. It is not looked for in other records: another team's token is unknown here, and whoever
    presents it is not told that it is good elsewhere.
    """
    presented = hashlib.sha256(value[:_LONGEST].encode("utf-8", "surrogatepass")).digest()
    entries = list(record.entries.items())
    digests = [bytes.fromhex(hashed) for hashed, _entry in entries]
    dummies = [_DUMMY] * (-len(digests) % SLOTS or (0 if digests else SLOTS))
    matches = [same(digest, presented) for digest in (*digests, *dummies)]
    found = [entry for (_hashed, entry), is_it in zip(entries, matches, strict=False) if is_it]
    if not found:
        cause = f"no record of {record.namespace} has its hash"
        raise AdmissionRefused(
            Refusal.UNKNOWN, cause, "Present the one that the platform team made for this namespace."
        )
    _refuse(record, found[0], now)
    return found[0]


def _refuse(record: Record, entry: Entry, now: datetime) -> None:
    remedy = "Ask the platform team for another one."
    if entry.token_type != "admission":  # noqa: S105 - a type
        cause = f"it is the {entry.token_type} token of {record.namespace}"
        raise AdmissionRefused(Refusal.WRONG_TYPE, cause, "Present the admission token instead.")
    if record.team.revoked_at is not None:
        cause = f"the team of {record.namespace} was revoked at {to_rfc3339(record.team.revoked_at)}"
        raise AdmissionRefused(Refusal.TEAM_REVOKED, cause, "Ask the platform team to restore it.")
    if entry.state is State.REVOKED:
        raise AdmissionRefused(Refusal.REVOKED, f"{entry.generation} was revoked", remedy)
    if not entry.is_accepted(now):
        cause = f"{entry.generation} ended at {to_rfc3339(entry.ends_at)}"
        raise AdmissionRefused(Refusal.EXPIRED, cause, remedy)
