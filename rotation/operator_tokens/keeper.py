"""Keeps the operational tokens that teams bootstrapped: looks at all namespaces, and does what is due in each.

An Event or a status tells nothing that the record does not; a failure of one namespace stops no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from rotation.clock import Clock
from rotation.errors import BackendError, Conflict, NotFound, Unauthorised, Unavailable
from rotation.operator_tokens import plan
from rotation.operator_tokens.acts import Acts
from rotation.operator_tokens.events import Events
from rotation.operator_tokens.plan import Due, Keeping, Step
from rotation.operator_tokens.published import (
    TOKEN,
    OperationalSecret,
    OwnerObject,
    PublishedSecrets,
    absent,
    secret_name,
)
from rotation.operator_tokens.record import Record
from rotation.operator_tokens.standing import Seen, accepted_of_admission, kept, stray
from rotation.operator_tokens.store import RecordStore
from rotation.reasons import Action, Decision, Reason

__all__ = ["Due", "Keeper", "Keeping", "Kept", "OwnerObject", "put_off_by"]
LOOKS = 4
"""How often a namespace is looked at anew in one run, when somebody else was quicker."""
MOST_STEPS = 16


@dataclass(frozen=True)
class Kept:
    """What was done, in order, and what failed, by namespace."""

    done: Mapping[str, tuple[Decision, ...]] = field(default_factory=dict)
    failures: Mapping[str, BackendError] = field(default_factory=dict)


class Keeper:
    """Joins the pure plan and its acts. `look` changes nothing; `keep` looks again before it acts."""

    def __init__(
        self, store: RecordStore, published: PublishedSecrets, events: Events, clock: Clock, keeping: Keeping
    ) -> None:
        self._store = store
        self._published = published
        self._clock = clock
        self._keeping = keeping
        self._acts = Acts(store, published, events, clock, keeping)

    def look(self) -> list[Due]:
        """What is due, by namespace. Reads only: the labelled Secrets, where we may list them, and all records.

        What cannot be looked at is due too, as one that waits. Raises BackendError where the records cannot be listed.
        """
        labelled = self._published.labelled()  # before the records: a value's hash is entered before it is published
        survey = self._store.survey()
        records = {record.namespace: record for record in survey.records}
        named = {secret.namespace for secret in labelled or []} | self._keeping.revoked
        records |= {namespace: Record(namespace) for namespace in named - records.keys() - survey.unreadable.keys()}
        found = [self._due(record, labelled) for record in records.values()]
        found += [_unseen(namespace, error) for namespace, error in survey.unreadable.items()]
        return sorted((due for due in found if due is not None), key=lambda due: due.namespace)

    def keep(self, dues: Iterable[Due]) -> Kept:
        """Do what is due in the namespaces of these. Never raises a BackendError: each is kept by its namespace."""
        done: dict[str, tuple[Decision, ...]] = {}
        failures: dict[str, BackendError] = {}
        for due in dues:
            steps: list[Decision] = []
            try:
                self._keep(due.namespace, steps)
            except BackendError as error:
                failures[due.namespace] = error
            done[due.namespace] = tuple(steps)
        return Kept({namespace: steps for namespace, steps in done.items() if steps}, failures)

    def _keep(self, namespace: str, steps: list[Decision]) -> None:
        for look in range(LOOKS):
            try:
                return self._step_by_step(namespace, steps)
            except (Conflict, NotFound):
                if look == LOOKS - 1:
                    raise
        return None

    def _step_by_step(self, namespace: str, steps: list[Decision]) -> None:
        labelled = self._published.labelled(namespace)
        seen, rotated = self._seen(self._store.read(namespace), labelled), False
        for _ in range(MOST_STEPS):
            due = plan.due(seen, self._keeping, self._clock())
            if due is None or (due.step is Step.ROTATE and rotated):
                return
            rotated = rotated or due.step is Step.ROTATE
            seen = self._acts.do(due.step, seen)
            if due.step is Step.WAIT:
                return
            steps.append(due.decision)
        raise Conflict("keep", f"{namespace} needs more than {MOST_STEPS} steps: somebody undoes them")

    def _due(self, record: Record, labelled: list[OperationalSecret] | None) -> Due | None:
        try:
            return plan.due(self._seen(record, labelled), self._keeping, self._clock())
        except BackendError as error:
            return _unseen(record.namespace, error)

    def _seen(self, record: Record, labelled: list[OperationalSecret] | None) -> Seen:
        """All that the plan needs; nothing is asked for that nothing depends on."""
        namespace, now = record.namespace, self._clock()
        here = {secret.name: secret for secret in labelled or [] if secret.namespace == namespace}
        main = here.pop(secret_name(namespace), None)
        strays = tuple(sorted(name for name, secret in here.items() if stray(record, secret, now)))
        revoked = record.team.revoked_at is not None or namespace in self._keeping.revoked
        if main is None and (kept(record) or revoked):
            main = self._read(record)
        seen = Seen(record, main or absent(namespace, self._keeping.secrets.get(namespace, "")), strays)
        return self._with_surroundings(seen) if accepted_of_admission(record, now) and main is not None else seen

    def _read(self, record: Record) -> OperationalSecret | None:
        """Its Secret; None where we may not read it, and it holds nothing that is let in: of a team that left."""
        try:
            return self._published.read(record.namespace)
        except Unauthorised:
            if accepted_of_admission(record, self._clock()) or record.namespace in self._keeping.revoked:
                raise
            return None

    def _with_surroundings(self, seen: Seen) -> Seen:
        namespace, secret, owner = seen.namespace, seen.secret, self._keeping.owner
        assert secret is not None, "it was looked at"
        if not secret.hash_at(TOKEN):
            return replace(seen, gone=self._published.is_gone(namespace))
        if owner is None or not plan.lacks_owner(secret, owner):
            return seen
        reference = self._published.reference(owner, namespace)
        return replace(seen, owner=reference, owner_gone=reference is None)


def put_off_by(error: BackendError) -> Decision:
    """What is told where the cluster refused, or did not answer: the next run tries again."""
    reason = Reason.BACKEND_UNREACHABLE if isinstance(error, Unavailable) else Reason.BACKEND_REFUSES
    return Decision(Action.DEFER, reason, str(error))


def _unseen(namespace: str, error: BackendError) -> Due:
    return Due(namespace, put_off_by(error))
