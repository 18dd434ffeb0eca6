"""An operator's tokens: values that we make ourselves, let in by whoever reads the records of their hashes.

The server is the cluster, and its word is the record of each team's namespace. A handle is the generation id. There is
no credential of our own but the right to read and write those records, which Kubernetes grants.

A mint is a lease: its entry stands as pending before the value leaves, and dies within minutes unless it is confirmed.
A confirmation supersedes the generation before; its grace stays open then, and the retirement's revocation ends it.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from rotation.backends.protocol import Capabilities, Order
from rotation.backends.transport import Transport
from rotation.clock import Clock, to_rfc3339
from rotation.errors import BackendError, NotFound, Refused, Unauthorised
from rotation.model import Generation, Minted, bears_mark, is_generation, minted_at
from rotation.operator_tokens import changes
from rotation.operator_tokens.record import Entry, Record, RecordPlace, TokenType, hash_of, new_value
from rotation.operator_tokens.store import RecordStore, Survey, cluster_client

KIND = "operator"
CAPABILITIES = Capabilities(lists=True, leases=True, renews=False, own_credential=False)
_USUAL_PLACE = RecordPlace()
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]


class Spec(BaseModel):
    """What an operator's token is.

    namespace: the team's namespace, which the token is good for
    type:      `operational`: what the team's objects present; `admission`: what makes the namespace's operational token
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: Namespace
    type: TokenType = "operational"


class Operator:
    """Mints, finds and revokes by the records. It remembers in whose record a generation or a hash was seen."""

    capabilities = CAPABILITIES

    def __init__(self, name: str, store: RecordStore, clock: Clock, warn: Callable[[str], None]) -> None:
        self.name = name
        self._store = store
        self._clock = clock
        self._warn = warn
        self._seen: dict[str, str] = {}
        self._told: set[str] = set()

    def preflight(self) -> None:
        """List one record: raises Unauthorised where we may not, and ClockSkew for a clock that is off."""
        self._store.check()

    def mint(self, order: Order) -> Minted:
        """Enter the hash of a fresh value as pending. What a lost answer left dies with its lease.

        Raises Refused for a revoked team, and for an operational token that an admission keeps.
        """
        spec, value = Spec.model_validate(order.spec), new_value()
        lease_until = changes.lease_end(self._clock(), order.lifetime)
        newcomer = changes.Newcomer(order.id, order.now, order.lifetime, lease_until, spec.type)
        hashed = hash_of(value)
        self._change("mint", spec.namespace, lambda record: changes.admit(record, hashed, newcomer))
        return Minted(order.id, order.id, order.now, lease_until, value=value)

    def probe(self, value: str) -> None:
        """Compare the value's hash with what the server holds now, as whoever lets it in does."""
        self._accepted("probe", value)

    def inventory(self, owner: str, known: Sequence[str]) -> list[Generation]:  # noqa: ARG002 - listing finds all
        """What the stack keeps, bears our mark, and is let in now; and what a damaged record still names of ours."""
        now, survey = self._clock(), self._survey()
        entries = [entry for record in survey.records for entry in record.entries.values()]
        found = [_generation(one) for one in entries if one.kept_by == "stack" and one.is_accepted(now)]
        damaged = [id_ for error in survey.unreadable.values() for id_ in error.generations if is_generation(id_)]
        found += [Generation(id_, id_, minted_at(id_)) for id_ in damaged]
        return [generation for generation in found if bears_mark(generation.id, owner)]

    def find(self, handle: str) -> Generation | None:
        """What a generation is, while it is let in. Raises UnreadableRecord where a damaged record may hold it."""
        entry = self._entry(handle)
        return _generation(entry) if entry is not None and entry.is_accepted(self._clock()) else None

    def recognise(self, value: str, spec: Mapping[str, Any], handle: str = "") -> Generation:  # noqa: ARG002 - by hash
        """Find the value's hash among what is let in, and compare whose it is."""
        act, wanted = "recognise", Spec.model_validate(spec)
        entry = self._accepted(act, value)
        if (entry.namespace, entry.token_type) != (wanted.namespace, wanted.type):
            cause = f"it is the {entry.token_type} token of {entry.namespace}"
            remedy = f"Only the {wanted.type} token of {wanted.namespace} is taken, as `spec` says."
            raise Refused(act, cause, remedy, backend=self.name)
        if entry.kept_by != "stack":
            cause = "an admission token made it, and the stack keeps only what it declares"
            raise Refused(act, cause, "Revoke it, and let the stack mint another.", backend=self.name)
        return _generation(entry)

    def confirm(self, handle: str, lifetime: timedelta) -> datetime:
        """Give the lease its full life, and supersede the generation before. Raises NotFound when it has died."""
        now, namespace = self._clock(), self._namespace_of(handle)
        if not namespace:
            raise NotFound("confirm", f"there is no record of {handle}", backend=self.name)
        record = self._change("confirm", namespace, lambda record: changes.confirm(record, handle, now, lifetime))
        found = changes.find(record, handle)
        assert found is not None, "a confirmed generation is not forgotten"
        return found[1].valid_until

    def renew(self, handle: str, lifetime: object) -> datetime:
        """Never: whoever is to be let in for longer is given another value."""
        raise Refused("renew", f"{handle} cannot be given a later end (wished: {lifetime})", backend=self.name)

    def revoke(self, handle: str) -> None:
        """End a generation in its record; one that no record names is a success."""
        now, namespace = self._clock(), self._namespace_of(handle)
        if namespace:
            self._change("revoke", namespace, lambda record: changes.revoke(record, handle, now))

    def is_dead(self, handle: str) -> bool:
        """Whether no record lets it in. Raises UnreadableRecord where a damaged one may."""
        entry = self._entry(handle)
        return entry is None or not entry.is_accepted(self._clock())

    def holds(self, handle: str) -> bool:  # noqa: ARG002 - none is
        """Never: what we work with is a right that Kubernetes grants."""
        return False

    def _change(self, act: str, namespace: str, change: Callable[[Record], Record]) -> Record:
        """Change a record, and forget what is long dead in it."""
        now = self._clock()
        try:
            return self._store.change(namespace, lambda record: self._noted(changes.prune(change(record), now)), act)
        except BackendError as error:
            raise error.about(backend=self.name) from None

    def _accepted(self, act: str, value: str) -> Entry:
        """The entry of a value that is let in now. Raises Unauthorised for every other."""
        hashed = hash_of(value)
        namespace = self._namespace_of(hashed)
        entry = _of_hash(self._store.read(namespace, act), hashed) if namespace else None
        remedy = "Read the token again where it is published, or mint another."
        if entry is None:
            raise Unauthorised(act, "no record has this value's hash", remedy, backend=self.name)
        if not entry.is_accepted(self._clock()):
            cause = f"{entry.generation} is {entry.state} and ended at {to_rfc3339(entry.ends_at)}"
            raise Unauthorised(act, cause, remedy, backend=self.name)
        return entry

    def _entry(self, handle: str) -> Entry | None:
        namespace = self._namespace_of(handle)
        found = changes.find(self._store.read(namespace, "look up"), handle) if namespace else None
        return found[1] if found else None

    def _namespace_of(self, what: str) -> str:
        """In whose record a generation or a hash stands; empty when in none. Raises UnreadableRecord for a doubt."""
        if what not in self._seen:
            unreadable = self._survey().unreadable
            if what not in self._seen and unreadable:
                raise next(iter(unreadable.values()))
        return self._seen.get(what, "")

    def _survey(self) -> Survey:
        survey = self._store.survey()
        for record in survey.records:
            self._noted(record)
        for namespace, error in survey.unreadable.items():
            self._seen |= dict.fromkeys(error.generations, namespace)
            if namespace not in self._told:
                self._told.add(namespace)
                self._warn(str(error))
        return survey

    def _noted(self, record: Record) -> Record:
        for hashed, entry in record.entries.items():
            self._seen |= {hashed: record.namespace, entry.generation: record.namespace}
        return record


def connect(
    name: str,
    transport: Transport,
    credential: str,  # noqa: ARG001 - the transport authenticates
    clock: Clock,
    warn: Callable[[str], None],
    *,
    records: RecordPlace = _USUAL_PLACE,
    sleep: Callable[[float], None] = time.sleep,
) -> Operator:
    """The records of one cluster. There is no credential: the transport authenticates."""
    return Operator(name, RecordStore(cluster_client(name, transport, clock, warn), records, sleep), clock, warn)


def _generation(entry: Entry) -> Generation:
    return Generation(entry.generation, entry.generation, entry.issued_at, entry.ends_at)


def _of_hash(record: Record, hashed: str) -> Entry | None:
    """The entry of a hash. Each is compared, and each in the same time, whether it is the one or not."""
    found = [entry for known, entry in record.entries.items() if hmac.compare_digest(known, hashed)]
    return found[0] if found else None
