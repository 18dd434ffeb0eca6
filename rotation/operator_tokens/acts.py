"""The steps of `plan`, each one write to the record or to the Secret, and the Event where it changes the status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotation.clock import Clock
from rotation.errors import BackendError, Conflict, NotFound, Unavailable
from rotation.events import Happening
from rotation.model import new_generation_id
from rotation.operator_tokens import changes
from rotation.operator_tokens.events import Events
from rotation.operator_tokens.plan import Keeping, Step, ended, published_grace, told_beside
from rotation.operator_tokens.published import NEXT, PREVIOUS, TOKEN, OperationalSecret, PublishedSecrets
from rotation.operator_tokens.record import Entry, Record, State, Status, hash_of, new_value
from rotation.operator_tokens.revocation import Revocation
from rotation.operator_tokens.standing import (
    Seen,
    accepted_of_admission,
    changed,
    current,
    kept,
    sentence,
    standing,
)
from rotation.operator_tokens.store import RecordStore

MARK = "admission"
"""The owner mark of every generation that an admission or the keeper makes; no stack's, which end in a hash."""
CLAIM = timedelta(seconds=60)
"""How long a hash stands as pending: who has not gone on by then is taken for dead."""


@dataclass(frozen=True)
class Acts:
    """Does one step and returns what stands there then.

    Raises Conflict or NotFound where somebody else was quicker, so that looking again is all there is to do.
    """

    store: RecordStore
    published: PublishedSecrets
    events: Events
    clock: Clock
    keeping: Keeping

    def do(self, step: Step, seen: Seen) -> Seen:
        """Do it. WAIT only tells the status."""
        return _STEPS[step](self, seen)

    def tell(self, seen: Seen) -> Seen:
        """Write the status where it is not what the record says."""
        return self._change(seen, lambda record, _now: record, "tell")

    def rotate(self, seen: Seen) -> Seen:
        """Claim a fresh value and stage it. What fails is taken back at once, unless another run went on with it.

        What may have failed dies by its lease.
        """
        now, value = self.clock(), new_value()
        active = _active(seen, now)
        newcomer = claim(seen.namespace, now, self.keeping.policy.lifetime, active.made_by)
        hashed, version = hash_of(value), seen.record.version

        def claimed(record: Record, _now: datetime) -> Record:
            if hashed not in record.entries and record.version != version:
                raise Conflict("rotate", f"the record of {seen.namespace} was changed meanwhile")
            return changes.admit(record, hashed, newcomer)

        claimed_by_us = self._change(seen, claimed, "rotate")
        try:
            secret = _secret(seen)
            return self._put(claimed_by_us, secret.holding({**secret.values, NEXT: value}, secret.annotations))
        except Unavailable:
            raise
        except BackendError:
            self._change(claimed_by_us, lambda record, at: changes.withdraw(record, newcomer.generation, at), "rotate")
            raise

    def confirm(self, seen: Seen) -> Seen:
        """Give what is staged its full life."""
        staged, lifetime = _secret(seen).hash_at(NEXT), self.keeping.policy.lifetime

        def confirmed(record: Record, now: datetime) -> Record:
            entry = record.entries.get(staged)
            if entry is None:
                raise NotFound("confirm", f"the record of {seen.namespace} does not know it any more")
            return record if entry.state is State.ACTIVE else changes.confirm(record, entry.generation, now, lifetime)

        return self._change(seen, confirmed, "rotate")

    def publish(self, seen: Seen) -> Seen:
        """Swap: what is staged becomes `token`, and what was `token` becomes `token-previous`."""
        now, secret = self.clock(), _secret(seen)
        is_accepted = secret.hash_at(TOKEN) in seen.record.accepted(now)
        values = {TOKEN: secret.values[NEXT]} | ({PREVIOUS: secret.values[TOKEN]} if is_accepted else {})
        swapped = secret.holding(values, {})
        grace_until = now + self.keeping.policy.overlap
        return self._put(seen, swapped.holding(values, told_beside(seen.record, swapped, grace_until)))

    def settle(self, seen: Seen) -> Seen:
        """Let the one before go on for its grace, counted from the publication."""
        secret, overlap = _secret(seen), self.keeping.policy.overlap

        def settled(record: Record, now: datetime) -> Record:
            before = record.entries.get(secret.hash_at(PREVIOUS))
            after = record
            if before is not None and before.grace_until is None:
                after = changes.supersede(record, before.generation, published_grace(secret, overlap, now))
            after = with_grace(after, now + overlap)
            return record if after == record else after.with_team(rotations=record.team.rotations + 1)

        return self._change(seen, settled, "rotate")

    def unstage(self, seen: Seen) -> Seen:
        """Take out a successor that is not to be."""
        secret = _secret(seen)
        values = {key: value for key, value in secret.values.items() if key != NEXT}
        return self._put(seen, secret.holding(values, secret.annotations))

    def unpublish(self, seen: Seen) -> Seen:
        """Take out the one before."""
        secret = _secret(seen)
        without = secret.holding({key: value for key, value in secret.values.items() if key != PREVIOUS}, {})
        return self._put(seen, without.holding(without.values, told_beside(seen.record, without)))

    def retire(self, seen: Seen) -> Seen:
        """Revoke what is dead by its lease or its grace."""

        def retired(record: Record, now: datetime) -> Record:
            return _revoked(record, ended(record, now), now)

        return self._change(seen, retired, "retire")

    def repair(self, seen: Seen) -> Seen:
        """Write the labels, the annotations and the owner anew."""
        secret = _secret(seen)
        told = secret.holding(secret.values, told_beside(seen.record, secret)).owned_by(seen.owner)
        return replace(self._put(seen, told), owner=None)

    def revoke_orphan(self, seen: Seen) -> Seen:
        """Revoke what an admission made in a namespace that nobody looks after any more.

        Whoever wrote its record since it was looked at may look after it again, as a team does that bootstraps anew.
        """
        version = seen.record.version

        def revoked(record: Record, now: datetime) -> Record:
            if record.version != version:
                raise Conflict("retire", f"the record of {seen.namespace} was changed meanwhile")
            alive = accepted_of_admission(record, now).values()
            return _revoked(record, [one.generation for one in alive], now)

        return self._change(seen, revoked, "retire")

    def revoke_team(self, seen: Seen) -> Seen:
        """Revoke the team, as the config says."""
        record = self._revocation().revoke_team(seen.namespace)
        return replace(seen, record=record, secret=self.published.read(seen.namespace))

    def empty(self, seen: Seen) -> Seen:
        """Take the values of a revoked team out of its Secret."""
        return replace(seen, secret=self._revocation().empty(seen.record))

    def _revocation(self) -> Revocation:
        return Revocation(self.store, self.published, self.events, self.clock)

    def _put(self, seen: Seen, wanted: OperationalSecret) -> Seen:
        return replace(seen, secret=self.published.put(_secret(seen), wanted))

    def _change(self, seen: Seen, change: Callable[[Record, datetime], Record], action: str) -> Seen:
        """Change the record and its status in one write, and tell the Event of a new status."""

        def written(record: Record) -> Record:
            now = self.clock()
            after = changes.prune(change(record, now), now)
            return changed(after, standing(replace(seen, record=after), self.keeping.policy.overlap, now), now)

        record = self.store.change(seen.namespace, written)
        after = replace(seen, record=record)
        tell_change(self.events, seen, after, action, self.clock())
        return after


def claim(namespace: str, now: datetime, lifetime: timedelta, made_by: str) -> changes.Newcomer:
    """A fresh generation that nobody knows yet."""
    generation, lease_until = new_generation_id(MARK, namespace, now), (now + CLAIM).replace(microsecond=0)
    return changes.Newcomer(generation, now, lifetime, lease_until, kept_by="admission", made_by=made_by)


def with_grace(record: Record, grace_until: datetime) -> Record:
    """The record in which nothing that an admission made and that is superseded has an open grace."""
    entries = kept(record).values()
    for one in entries:
        if one.state is State.SUPERSEDED and one.grace_until is None:
            record = changes.supersede(record, one.generation, grace_until)
    return record


def tell_change(events: Events, before: Seen, after: Seen, action: str, now: datetime) -> None:
    """Tell the Event of a status that is new, and of each bootstrap and rotation, once."""
    old, new = before.record.team, after.record.team
    if old.model_copy(update={"since": new.since, "secret": new.secret}) == new or after.secret is None:
        return
    warning = new.status in (Status.DEGRADED, Status.REVOKED) or bool(new.orphaned)
    events.tell(after.secret, Happening(new.reason, action, sentence(after.record, now), warning))


def _revoked(record: Record, generations: list[str], now: datetime) -> Record:
    for generation in generations:
        record = changes.revoke(record, generation, now)
    return record


def _secret(seen: Seen) -> OperationalSecret:
    assert seen.secret is not None, "the plan looks at the Secret before it asks for this"
    return seen.secret


def _active(seen: Seen, now: datetime) -> Entry:
    found = current(seen.record, now)
    if found is None:
        raise Conflict("rotate", f"the token of {seen.namespace} ended meanwhile")
    return found[1]


_STEPS: dict[Step, Callable[[Acts, Seen], Seen]] = {
    Step.REVOKE_TEAM: Acts.revoke_team,
    Step.EMPTY: Acts.empty,
    Step.REVOKE_ORPHAN: Acts.revoke_orphan,
    Step.CONFIRM: Acts.confirm,
    Step.PUBLISH: Acts.publish,
    Step.SETTLE: Acts.settle,
    Step.UNSTAGE: Acts.unstage,
    Step.UNPUBLISH: Acts.unpublish,
    Step.RETIRE: Acts.retire,
    Step.REPAIR: Acts.repair,
    Step.ROTATE: Acts.rotate,
    Step.WAIT: Acts.tell,
}
