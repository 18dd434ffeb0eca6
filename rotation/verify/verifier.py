"""Holds the hashes of all teams and judges what is presented, with the same comparisons whatever comes of it.

What depends on the record alone is made ready when the record is put, so that a check hashes, compares, and picks.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from rotation.clock import Clock
from rotation.operator_tokens.record import Entry, Record, State, new_value, read_record
from rotation.verify.verdict import ELSEWHERE, Failures, Reason, Uncounted, Verdict

Told = Record | Mapping[str, str] | None
"""What was read for a namespace: a record, a ConfigMap's data, or None where it is there and could not be read."""

SLOTS = 8
"""Each namespace is compared a multiple of this often, so that the number of its generations does not show."""
LENGTH = len(new_value())
_LONGEST = 1024
_DUMMY = bytes(sha256().digest_size)

_UNKNOWN = Verdict(accepted=False, reason=Reason.UNKNOWN)
_MALFORMED = Verdict(accepted=False, reason=Reason.MALFORMED)
_STALE = Verdict(accepted=False, reason=Reason.RECORDS_STALE)
_ACCEPTED = {
    State.ACTIVE: Reason.ACCEPTED_CURRENT,
    State.SUPERSEDED: Reason.ACCEPTED_PREVIOUS,
    State.PENDING: Reason.ACCEPTED_PENDING,
}


@dataclass(frozen=True, slots=True)
class _Slot:
    """What is answered to one generation's value before it ends, and from then on."""

    ends_at: datetime
    before: Verdict
    after: Verdict


@dataclass(frozen=True, slots=True)
class _Known:
    """One namespace, ready: its digests, padded with dummies, and the slots of those that are real."""

    digests: tuple[bytes, ...]
    slots: tuple[_Slot, ...]


class Verifier:
    """Answers whether a value is an operational token of a namespace. For any number of threads; a check never waits.

    clock:    tells now, aware of its zone
    failures: counts refusals by namespace and reason, and records that cannot be read
    oldest:   records that were not known to be the newest for longer than this authorise nobody; None: they always do
    same:     compares two digests without telling by its time where they differ

    Whatever is presented is hashed and compared with every hash of the namespace, and with dummies up to a multiple of
    eight; the answer is picked afterwards. A namespace without a record is compared with eight dummies. So how often is
    compared tells how long a namespace's history is, to the next eight, and nothing of the value.

    A hash is looked for in its own namespace only: to look in the others would be further comparisons, for some values
    and not for others. Another team's token is therefore `unknown`. `wrong-namespace` is what stands in a record that
    it was not made for, as in a copied ConfigMap.

    With a clock that is off by S, ahead or behind:
    - a token that others accept for longer than S from now is accepted, a fresh one too: its issue is not judged
    - nothing is accepted for longer than S after its end; a grace is short or long by at most S
    - what is revoked is refused from the moment its record is put, whatever any clock says
    A mint that is not confirmed lives ten minutes at most, so a clock that is ahead may refuse it until it is, which is
    before or at once after its publication.

    Feed it from one loop, in the order of reading: what is put last is believed.
    """

    def __init__(
        self,
        clock: Clock,
        failures: Failures | None = None,
        *,
        oldest: timedelta | None = None,
        same: Callable[[bytes, bytes], bool] = hmac.compare_digest,
    ) -> None:
        self._clock = clock
        self._failures = failures or Uncounted()
        self._oldest = oldest
        self._same = same
        self._known: Mapping[str, _Known] = {}
        self._read_at: datetime | None = None
        self._writing = threading.Lock()

    def check(self, namespace: str, value: object) -> Verdict:
        """Judge a value, as it was presented, for a namespace. Never raises for a value of any form.

        `malformed`, of one that is no token's, means that it cannot be one: no text, or not as long as ours are.
        """
        now = self._clock()
        known = self._known.get(namespace)
        text = value if isinstance(value, str) and len(value) <= _LONGEST else ""
        presented = sha256(text.encode("utf-8", "surrogatepass")).digest()
        same = self._same
        matches = [same(digest, presented) for digest in (known or _NOBODY).digests]
        verdict = self._picked(known or _NOBODY, matches, text, now)
        if not verdict.accepted:
            self._failures.refused(ELSEWHERE if known is None else namespace, verdict.reason)
        return verdict

    def put(self, namespace: str, told: Told) -> None:
        """Take what was read of one namespace; the next check goes by it.

        What cannot be read leaves the record before in use, and is counted: a broken entry is no reason to turn away a
        team, but a revocation that stands beside it is not seen until it can be read.
        """
        with self._writing:
            self._known = {**self._known, namespace: self._read(namespace, told)}

    def remove(self, namespace: str) -> None:
        """Forget a namespace whose record was deleted; nothing authorises for it any more."""
        with self._writing:
            self._known = {name: known for name, known in self._known.items() if name != namespace}

    def replace_all(self, told: Mapping[str, Told], begun: datetime | None = None) -> None:
        """Take what a whole listing read, by namespace, at once; who is not in it is forgotten.

        begun: when the listing began, which is how old it is; now where it took no time
        """
        with self._writing:
            self._known = {namespace: self._read(namespace, one) for namespace, one in told.items()}
            self._read_at = begun or self._clock()

    def still_newest(self) -> None:
        """Say that what is held is what stands in the cluster now, as a watch that is alive tells."""
        with self._writing:
            self._read_at = self._clock()

    @property
    def is_stale(self) -> bool:
        """Whether the records are too old to authorise anybody."""
        return self._is_stale(self._clock())

    def _picked(self, known: _Known, matches: list[bool], text: str, now: datetime) -> Verdict:
        if self._is_stale(now):
            return _STALE
        if True in matches:
            place = matches.index(True)
            if place < len(known.slots):
                slot = known.slots[place]
                return slot.before if now < slot.ends_at else slot.after
        return _UNKNOWN if len(text) == LENGTH else _MALFORMED

    def _is_stale(self, now: datetime) -> bool:
        if self._oldest is None:
            return False
        # A clock that was set back must not make old records look new for as long.
        return self._read_at is None or abs(now - self._read_at) > self._oldest

    def _read(self, namespace: str, told: Told) -> _Known:
        if isinstance(told, Record):
            return _ready(namespace, told)
        try:
            return _ready(namespace, read_record(namespace, _given(told)))
        except (ValueError, TypeError, AttributeError):  # pydantic's is a ValueError; its text quotes the entry
            self._failures.unreadable(namespace)
            return self._known.get(namespace, _NOBODY)


def _given(data: Mapping[str, str] | None) -> Mapping[str, str]:
    if data is None:
        raise ValueError("there is a record that could not be read")
    return data


def _ready(namespace: str, record: Record) -> _Known:
    digests = [bytes.fromhex(hashed) for hashed in record.entries]
    slots = [_slot(_barred(namespace, record, entry), entry) for entry in record.entries.values()]
    dummies = -len(digests) % SLOTS or (0 if digests else SLOTS)
    return _Known((*digests, *(_DUMMY,) * dummies), tuple(slots))


def _slot(barred: Reason | None, entry: Entry) -> _Slot:
    if barred:
        refused = _refused(barred, entry)
        return _Slot(entry.ends_at, refused, refused)
    accepted = Verdict(True, _ACCEPTED[entry.state], entry.version, entry.token_type)
    return _Slot(entry.ends_at, accepted, _refused(_ended(entry), entry))


def _barred(namespace: str, record: Record, entry: Entry) -> Reason | None:
    """Why it never authorises, whatever the time; None when the time decides."""
    if entry.namespace != namespace:
        return Reason.WRONG_NAMESPACE
    if record.team.revoked_at is not None:
        return Reason.TEAM_REVOKED
    if entry.state is State.REVOKED:
        return Reason.REVOKED
    return None if entry.token_type == "operational" else Reason.WRONG_TYPE  # noqa: S105 - a type


def _ended(entry: Entry) -> Reason:
    """What its end is the end of."""
    if entry.ends_at == entry.valid_until:
        return Reason.EXPIRED
    return Reason.GRACE_OVER if entry.state is State.SUPERSEDED else Reason.PENDING_EXPIRED


def _refused(reason: Reason, entry: Entry) -> Verdict:
    return Verdict(False, reason, entry.version, entry.token_type)


_NOBODY = _Known((_DUMMY,) * SLOTS, ())
