"""How a team comes by its first operational token, and by another one when it deleted the Secret of the one before.

1. claim    the record gets the hash of a fresh value, pending: the claim, which one of many writers gets
2. publish  the Secret gets the value, and is read back
3. confirm  the record gives it its full life; one before it gets its grace

Whoever dies after 1 leaves a hash whose value nobody knows, and after 2 a value that is not confirmed; either is dead
when the claim is over, and the next one who presents the admission token begins anew.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rotation.checks import LEDGER_LIMIT
from rotation.clock import Clock, to_rfc3339
from rotation.errors import BackendError, Conflict, NotFound, Unavailable
from rotation.model import Policy
from rotation.operator_tokens import changes
from rotation.operator_tokens.acts import claim, tell_change, with_grace
from rotation.operator_tokens.admission import AdmissionRefused, Refusal, admitted_by
from rotation.operator_tokens.events import Events
from rotation.operator_tokens.plan import told_beside
from rotation.operator_tokens.published import (
    TOKEN,
    OperationalSecret,
    OwnerObject,
    PublishedSecrets,
    refuse_strange_namespace,
)
from rotation.operator_tokens.record import Entry, Record, State, hash_of, new_value
from rotation.operator_tokens.standing import (
    Seen,
    TeamState,
    changed,
    current,
    has_token,
    standing,
    state_of,
    superseded,
    under_way,
)
from rotation.operator_tokens.store import RecordStore

ROUNDS = 600
"""How often one looks again; with the waits below it outlasts the claim of a writer whose clock is minutes ahead."""
MOST_OUTRUN = 10
"""How often one is outrun by another writer before one gives up."""
_SHORTEST_WAIT = 1.0


class _Next(StrEnum):
    MINT = "mint"
    WAIT = "wait"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Outcome:
    """What a presentation came to: whether it made a token, and how the namespace stands. No value."""

    minted: bool
    state: TeamState


class Bootstrapper:
    """Exchanges admission tokens. For any number of processes at once: one of them mints, the others wait for it.

    policy: its lifetime and its overlap
    owner:  whose deletion takes the Secret with it; without that object nothing is made, because a Secret that nobody
            owns would be an orphan from the first
    sleep:  lets time pass while another one is at it, in seconds
    """

    def __init__(
        self,
        store: RecordStore,
        published: PublishedSecrets,
        events: Events,
        clock: Clock,
        policy: Policy,
        *,
        owner: OwnerObject | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._published = published
        self._events = events
        self._clock = clock
        self._policy = policy
        self._owner = owner
        self._sleep = sleep

    def present(self, namespace: str, admission_value: str) -> Outcome:
        """Judge an admission token, and make the operational token of its namespace where there is none to use.

        There is none where no entry is accepted, and where the Secret is gone or holds what is known to be dead.
        Otherwise nothing is made, and the state is told.

        Raises AdmissionRefused with the reason, and BackendError where the cluster failed: then nothing is left that is
        let in, but for a token whose last answer was lost, which the next presentation finds.
        """
        refuse_strange_namespace("present the admission token", namespace)
        outrun = 0
        for _ in range(ROUNDS):
            secret, record, now = self._published.read(namespace), self._store.read(namespace), self._clock()
            admission = admitted_by(record, admission_value, now)
            match _next(record, secret, now):
                case _Next.NOTHING:
                    return Outcome(minted=False, state=self._state(Seen(record, secret), now))
                case _Next.MINT:
                    try:
                        return self._minted(Seen(record, secret), admission)
                    except (Conflict, NotFound):  # somebody else was quicker: look again
                        outrun += 1
                        if outrun == MOST_OUTRUN:
                            raise
            self._sleep(_SHORTEST_WAIT + secrets.randbelow(1000) / 1000)
        raise Unavailable("present the admission token", "others are at it all the time", "Present it again.")

    def _state(self, seen: Seen, now: datetime) -> TeamState:
        """What stands there now, though nobody wrote it yet."""
        return state_of(changed(seen.record, standing(seen, self._policy.overlap, now), now), now)

    def _minted(self, seen: Seen, admission: Entry) -> Outcome:
        reference = self._reference(seen.namespace)
        value, newcomer = new_value(), claim(seen.namespace, self._clock(), self._policy.lifetime, admission.generation)
        claimed = replace(seen, record=self._claim(seen.record, hash_of(value), newcomer))
        try:
            secret = _of(seen).holding({TOKEN: value}, {})
            secret = secret.holding(secret.values, told_beside(claimed.record, secret)).owned_by(reference)
            published = replace(claimed, secret=self._published.put(_of(seen), secret))
            confirmed = replace(published, record=self._confirm(published, newcomer.generation))
        except Unavailable:
            raise  # nobody knows whether it was done; what was not dies with its claim
        except BackendError:
            self._take_back(seen.namespace, newcomer.generation, hash_of(value))
            raise
        tell_change(self._events, seen, confirmed, "bootstrap", self._clock())
        return Outcome(minted=True, state=state_of(confirmed.record, self._clock()))

    def _reference(self, namespace: str) -> dict[str, object] | None:
        if self._owner is None:
            return None
        found = self._published.reference(self._owner, namespace)
        if found is None:
            cause = f"there is no {self._owner.kind} {namespace}/{self._owner.name_in(namespace)} to own the Secret"
            raise AdmissionRefused(Refusal.OWNER_MISSING, cause, "Create it first.")
        return dict(found)

    def _claim(self, seen: Record, hashed: str, newcomer: changes.Newcomer) -> Record:
        """Enter the hash, if nobody changed the record since it was read; a claim that is over is revoked with it."""

        def claimed(record: Record) -> Record:
            if hashed in record.entries:
                return record
            if record.version != seen.version:
                raise Conflict("claim", f"the record of {record.namespace} was changed meanwhile")
            now = self._clock()
            return changes.prune(changes.admit(_without_dead_claims(record, now), hashed, newcomer), now)

        return self._store.change(seen.namespace, claimed)

    def _confirm(self, published: Seen, generation: str) -> Record:
        def confirmed(record: Record) -> Record:
            now, found = self._clock(), changes.find(record, generation)
            if found is not None and found[1].state is State.ACTIVE:
                return record  # it was written, and its answer was lost
            lifetime = found[1].valid_until - now if found else self._policy.lifetime
            after = changes.confirm(record, generation, now, lifetime)
            after = with_grace(after, now + self._policy.overlap)
            place = f"{_of(published).namespace}/{_of(published).name}"
            after = after.with_team(bootstraps=record.team.bootstraps + 1, secret=place)
            return changed(after, standing(replace(published, record=after), self._policy.overlap, now), now)

        return self._store.change(published.namespace, confirmed)

    def _take_back(self, namespace: str, generation: str, hashed: str) -> None:
        """Leave nothing of an attempt that failed for sure; where this fails too, its claim ends it."""
        now = self._clock()
        with suppress(BackendError):
            record = self._store.change(namespace, lambda record: changes.withdraw(record, generation, now))
            secret = self._published.read(namespace)
            if secret.hash_at(TOKEN) == hashed and hashed not in record.accepted(now):
                self._published.put(secret, secret.holding({}, {}))


def _next(record: Record, secret: OperationalSecret, now: datetime) -> _Next:
    """What is left to do for a team that was admitted. Raises AdmissionRefused where the stack's config keeps it."""
    accepted = record.accepted(now)
    if any(one.kept_by == "stack" for one in accepted.values()):
        cause = f"one in both: the stack's config declares the operational token of {record.namespace}"
        remedy = "Use the token that the stack publishes, or take it out of the stack's config."
        raise AdmissionRefused(Refusal.IN_BOTH, cause, remedy)
    is_there = current(record, now) or superseded(record, now)
    if is_there and has_token(record, secret, now):
        return _Next.NOTHING
    if under_way(record, now):
        return _Next.WAIT
    _refuse_too_many(record, now)
    return _Next.MINT


def _refuse_too_many(record: Record, now: datetime) -> None:
    """Who deletes the Secret over and over would fill the record with tokens in their grace."""
    alive = record.accepted(now).values()
    if len(alive) >= LEDGER_LIMIT:
        soonest = to_rfc3339(min(one.ends_at for one in alive))
        cause = f"{len(alive)} operational tokens of {record.namespace} are still let in; the first ends at {soonest}"
        remedy = "Find out who deletes the Secret; revoking and restoring the team ends them all at once."
        raise AdmissionRefused(Refusal.TOO_MANY, cause, remedy)


def _without_dead_claims(record: Record, now: datetime) -> Record:
    """Revoked, not only ended: whoever claimed and slept must not go on by a clock that is behind ours."""
    dead = [one for one in record.of_type("operational").values() if one.state is State.PENDING]
    for one in dead:
        record = record if one.is_accepted(now) else changes.revoke(record, one.generation, now)
    return record


def _of(seen: Seen) -> OperationalSecret:
    assert seen.secret is not None, "it was read before anything was made"
    return seen.secret
