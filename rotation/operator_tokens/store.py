"""The records in the cluster: one ConfigMap for each team's namespace, written only over what was read.

No write can undo another's: an object that is there is replaced with the resourceVersion that was read, and one that is
not there is created, so of two writers one is refused with 409, reads again and applies its change again.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from rotation.backends.api_client import ApiClient, understood
from rotation.backends.transport import Transport
from rotation.clock import Clock
from rotation.errors import BackendError, Conflict, NotFound, Refused, Unavailable
from rotation.operator_tokens.listing import list_objects
from rotation.operator_tokens.record import Record, RecordPlace, State, data_of, read_record

Change = Callable[[Record], Record]
"""Makes a record of the one before; it may raise to refuse. It is applied again to what another writer left, and to
what it made itself when the answer to its write was lost, so it must make nothing more of its own result."""

RECORDS_LABEL = "token-rotation/records"
LABELS = {"app.kubernetes.io/managed-by": "token-rotation", "app.kubernetes.io/component": "token-metadata"}
ATTEMPTS = 50
"""How often a change is tried against other writers: of twenty at once the last is through after twenty rounds."""
LOST_ATTEMPTS = 4
"""How often it is tried when no answer tells whether it was written."""
_FIRST_WAIT, _LONGEST_WAIT = 0.02, 1.0
_Object = dict[str, Any]


class UnreadableRecord(Refused):
    """A namespace's record is there and cannot be read; nothing is written over it.

    namespace:   whose it is
    generations: those that the parts which can be read still name, unless revoked; each must be taken for alive
    """

    def __init__(self, namespace: str, cause: str, *, generations: tuple[str, ...] = (), backend: str = "") -> None:
        remedy = "Repair or delete that ConfigMap; without it the namespace counts as never bootstrapped."
        super().__init__("read the record", f"that of {namespace} cannot be read ({cause})", remedy, backend=backend)
        self.namespace = namespace
        self.generations = generations


@dataclass(frozen=True)
class Survey:
    """All records of a place: those that can be read, and why another cannot, by namespace."""

    records: list[Record]
    unreadable: Mapping[str, UnreadableRecord] = field(default_factory=dict)


class RecordStore:
    """Reads and changes records. Every failure is a BackendError of the client's; none shows what a record holds.

    sleep: lets time pass between two attempts, in seconds
    """

    def __init__(self, client: ApiClient, place: RecordPlace, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._place = place
        self._sleep = sleep
        self._path = f"/api/v1/namespaces/{place.namespace}/configmaps"

    def read(self, namespace: str, act: str = "") -> Record:
        """One namespace's record, an empty one when there is none. Raises UnreadableRecord.

        act: what errors say was attempted
        """
        return self._record(namespace, self._object(namespace, act or f"read the record of {namespace}"))

    def all(self) -> list[Record]:
        """Every record that can be read, by one listing; `survey` also names the others."""
        return self.survey().records

    def survey(self) -> Survey:
        """Every record, by one listing; one that cannot be read hides no other."""
        records, unreadable = [], {}
        for found in list_objects(self._client, "list the records", self._path, self._selector()):
            namespace = self._namespace_of(found)
            try:
                records.append(self._record(namespace, found))
            except UnreadableRecord as error:
                unreadable[namespace] = error
        return Survey(records, unreadable)

    def check(self) -> None:
        """Ask for one record, to see that we may list them. Raises Unauthorised, ClockSkew, Unavailable."""
        self._client.read("look at the records", self._path, {"labelSelector": self._selector(), "limit": "1"})

    def change(self, namespace: str, change: Change, act: str = "") -> Record:
        """Apply a change to one namespace's record and return what stands there now; the same record is not written.

        act: what errors say was attempted

        Raises what the change raises, Conflict when others were always quicker, Unavailable when no answer tells
        whether it was written, UnreadableRecord, and the client's typed errors.
        """
        act, lost = act or f"change the record of {namespace}", 0
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(_wait(attempt))
            found = self._object(namespace, act)
            record = self._record(namespace, found)
            changed = change(record)
            if changed == record:
                return record
            try:
                return self._write(act, changed, record, found)
            except Conflict:
                failed: BackendError = self._outrun(act)
            except Unavailable as error:
                failed, lost = error, lost + 1
                if lost == LOST_ATTEMPTS:
                    raise
        raise failed

    def _write(self, act: str, record: Record, before: Record, found: _Object | None) -> Record:
        body = self._body(record, before, found)
        if found is None:
            answer = self._created(act, body)
        else:
            try:
                answer = self._client.write(act, "PUT", f"{self._path}/{body['metadata']['name']}", body).json()
            except NotFound as error:  # somebody deleted it since it was read
                raise Conflict(act, error.cause, backend=self._client.backend) from None
        with understood(act, self._client.backend):
            return Record(record.namespace, record.entries, record.team, answer["metadata"]["resourceVersion"])

    def _created(self, act: str, body: _Object) -> Any:
        try:
            return self._client.write(act, "POST", self._path, body).json()
        except NotFound as error:
            remedy = f"Create the namespace {self._place.namespace}, or name another one for the records."
            raise Refused(act, error.cause, remedy, backend=self._client.backend) from None

    def _body(self, record: Record, before: Record, found: _Object | None) -> _Object:
        """The whole object: what others put beside our keys, labels and annotations stays."""
        whole = found or {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self._name(record.namespace)}}
        metadata = whole["metadata"]
        labels = {**(metadata.get("labels") or {}), **LABELS, RECORDS_LABEL: self._place.name}
        ours = data_of(before)
        others = {key: text for key, text in (whole.get("data") or {}).items() if key not in ours}
        return {**whole, "metadata": {**metadata, "labels": labels}, "data": {**others, **data_of(record)}}

    def _object(self, namespace: str, act: str) -> _Object | None:
        try:
            found = self._client.read(act, f"{self._path}/{self._name(namespace)}").json()
        except NotFound:
            return None
        with understood(act, self._client.backend):
            return {**found, "metadata": {**found["metadata"]}}

    def _record(self, namespace: str, found: _Object | None) -> Record:
        if found is None:
            return Record(namespace)
        try:
            record = read_record(namespace, found.get("data") or {}, found["metadata"]["resourceVersion"])
            cause = self._foreign(found, record)
            if not cause:
                return record
        except (ValidationError, KeyError, TypeError, AttributeError) as error:
            cause = f"it is damaged: {type(error).__name__}"
        named = _still_named(found.get("data"))
        raise UnreadableRecord(namespace, cause, generations=named, backend=self._client.backend)

    def _foreign(self, found: _Object, record: Record) -> str:
        """Why what stands there is not that record; empty when it is."""
        owner = (found["metadata"].get("labels") or {}).get(RECORDS_LABEL, self._place.name)
        if owner != self._place.name or found["metadata"]["name"] != self._name(record.namespace):
            return f"it is {found['metadata']['name']} of the records {owner}"
        if not record.version:
            return "it has no version to write over"
        strangers = [one.namespace for one in record.entries.values() if one.namespace != record.namespace]
        return f"it holds an entry of {strangers[0]}" if strangers else ""

    def _namespace_of(self, found: _Object) -> str:
        """Whose it is by its name. One of another name would say that it is its own namespace's, and is unreadable."""
        with understood("list the records", self._client.backend):
            return str(found["metadata"]["name"]).removeprefix(f"{self._place.name}-")

    def _name(self, namespace: str) -> str:
        return f"{self._place.name}-{namespace}"

    def _selector(self) -> str:
        labels = {**LABELS, RECORDS_LABEL: self._place.name}
        return ",".join(f"{name}={value}" for name, value in labels.items())

    def _outrun(self, act: str) -> Conflict:
        remedy = "Nothing was written; the next run tries again."
        return Conflict(act, f"other writers were quicker {ATTEMPTS} times", remedy, backend=self._client.backend)


def cluster_client(name: str, transport: Transport, clock: Clock, warn: Callable[[str], None]) -> ApiClient:
    """A client of the Kubernetes API that has no credential: the transport authenticates. Errors show Status messages.

    name: how errors call the cluster
    """
    return ApiClient(name, transport, "", lambda _credential: {}, _refusal_text, clock, warn)


def _still_named(data: Any) -> tuple[str, ...]:
    """The generations that damaged data still names and does not call revoked."""
    named = []
    for text in data.values() if isinstance(data, dict) else ():
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            entry = json.loads(text)
            named += [] if entry.get("state") == State.REVOKED else [str(entry["generation"])]
    return tuple(named)


def _refusal_text(body: Any) -> str:
    """The message of a Status. One of a 404 that names no object is no word about ours: the path leads nowhere."""
    if body["code"] == 404 and not body.get("details", {}).get("name"):
        return ""
    return str(body["message"])


def _wait(attempt: int) -> float:
    """Seconds before the attempt of this number: longer each time, and not the same for two writers."""
    longest = float(min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1)))
    return longest * (0.5 + secrets.randbelow(1000) / 2000)
