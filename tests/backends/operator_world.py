"""An operator's records as a world of the conformance kit: in a simulated cluster, or in a real one with real time.

In the team's own namespace another stack's tokens stand beside ours, and in others what admission tokens made.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rotation.backends.operator import Operator, connect
from rotation.backends.transport import Request, Response, Transport, json_request
from rotation.clock import Clock, system_clock
from rotation.operator_tokens import changes
from rotation.operator_tokens.record import Entry, Record, RecordPlace, TokenType, hash_of, new_value, read_record
from rotation.operator_tokens.store import RecordStore, cluster_client
from rotation.testing.builders import DAY, OWNER, HandClock, a_generation
from sandbox.apis.kubernetes import KubernetesApi
from sandbox.faults import Fault, Faults

TEAM = "team-a"
OTHERS = ("team-b", "team-c")
SYSTEM = "keycloak-system"


class RecordWorld:
    """What both worlds share: a cluster behind a transport, foreign entries, and a look at what stands there.

    lived_in: whether the team has a record from the first; else the first mint makes it
    """

    kind = "operator"
    credential = "the adapter is given this value and has no use for it"
    own_handle = ""
    unknown = a_generation()
    ends_by_itself = True
    spec: Mapping[str, Any] = {"namespace": TEAM}

    def __init__(self, send: Transport, clock: Clock, owner: str, place: RecordPlace, *, lived_in: bool) -> None:
        self.clock = clock
        self.owner = owner
        self.place = place
        self.warnings: list[str] = []
        self.send = send
        self.path = self.mint_path = f"/api/v1/namespaces/{place.namespace}/configmaps"
        self.store = RecordStore(cluster_client("operator", send, clock, self.warnings.append), place, _no_sleep)
        self.foreign = frozenset(self._crowd(lived_in=lived_in))
        self.faults = FaultsOfRecords(send, sleep=_no_sleep)
        self.backend = self.connect(self.credential)

    def connect(self, credential: str) -> Operator:
        return connect(
            "operator",
            self.faults,
            credential,
            self.clock,
            self.warnings.append,
            records=self.place,
            sleep=_no_sleep,
        )

    def now(self) -> datetime:
        return self.clock()

    def alive(self) -> frozenset[str]:
        return frozenset(entry.generation for entry in self._accepted().values())

    def accepts(self, value: str) -> bool:
        return hash_of(value) in self._accepted()

    def end_of(self, handle: str) -> datetime | None:
        return {entry.generation: entry.ends_at for entry in self._accepted().values()}[handle]

    def object_of(self, namespace: str = TEAM) -> dict[str, Any]:
        """The ConfigMap of one namespace, as it stands."""
        return dict(self._ask("GET", f"{self.path}/{self.place.name}-{namespace}").json())

    def put(self, body: object, namespace: str = TEAM) -> Response:
        """Replace it without asking, as somebody's hand might."""
        return self._ask("PUT", f"{self.path}/{self.place.name}-{namespace}", body)

    def record(self, namespace: str = TEAM) -> Record:
        """One namespace's record, read past the store."""
        return read_record(namespace, self.object_of(namespace)["data"])

    def enter(self, namespace: str, generation: str, **parts: Any) -> str:
        """An active token that is not ours; returns its value."""
        now, value = self.clock(), new_value()
        newcomer = changes.Newcomer(generation, now, 400 * DAY, now + DAY, **parts)

        def change(record: Record) -> Record:
            admitted = changes.admit(record, hash_of(value), newcomer)
            return changes.confirm(admitted, generation, now, 400 * DAY)

        self.store.change(namespace, change)
        return value

    def _accepted(self) -> dict[str, Entry]:
        """By the server's own objects: what is let in now, by hash."""
        listed = self._ask("GET", self.path).json()["items"]
        names = {f"{self.place.name}-{namespace}": namespace for namespace in (TEAM, *OTHERS)}
        records = [read_record(names[one["metadata"]["name"]], one["data"]) for one in listed if _is_record(one, names)]
        now = self.clock()
        entries = {hashed: entry for record in records for hashed, entry in record.entries.items()}
        return {hashed: entry for hashed, entry in entries.items() if entry.is_accepted(now)}

    def _ask(self, method: str, path: str, body: object = None) -> Response:
        return self.send(json_request(method, path, body))

    def _crowd(self, *, lived_in: bool) -> list[str]:
        """Tokens that are not ours: of a mark that resembles ours, and those that admission tokens made."""
        stranger = a_generation(self.clock(), owner=f"{self.owner}x")
        if lived_in:
            self.enter(TEAM, stranger)
        kept = {namespace: a_generation(self.clock(), owner=self.owner) for namespace in OTHERS}
        for namespace, generation in kept.items():
            self.enter(namespace, generation, kept_by="admission", made_by=a_generation())
        return [*([stranger] if lived_in else []), *kept.values()]


class OperatorWorld(RecordWorld):
    """A simulated cluster whose clock is moved by hand."""

    lifetime = 90 * DAY
    short_life = timedelta(minutes=20)
    clock: HandClock

    def __init__(self, *, lived_in: bool = True, token_type: TokenType = "operational") -> None:  # noqa: S107 - a type
        clock = HandClock()
        self.server = KubernetesApi(clock, seed=1)
        self.server.add_namespace(SYSTEM)
        self.spec = {"namespace": TEAM, "type": token_type}
        super().__init__(self.server.handle, clock, OWNER, RecordPlace(), lived_in=lived_in)

    def pass_time(self, length: timedelta) -> None:
        self.clock.move(length)


class RealOperatorWorld(RecordWorld):
    """A namespace of its own on a real API server; time is real, so lives are short where it must pass."""

    lifetime = timedelta(hours=1)
    short_life = timedelta(seconds=8)

    def __init__(self, send: Transport) -> None:
        namespace = f"operator-{secrets.token_hex(4)}"
        made = send(json_request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}}))
        assert made.status == 201, made.body
        owner = f"sandbox-{secrets.token_hex(4)}"
        super().__init__(send, system_clock, owner, RecordPlace(namespace=namespace), lived_in=True)

    def pass_time(self, length: timedelta) -> None:
        time.sleep(length.total_seconds())  # leases end in real time here


class FaultsOfRecords(Faults):
    """Faults for an adapter whose every write begins with a read: a POST that is to be met is any write.

    Answers are lost from the first write on: a server that is away before it makes nothing.
    """

    def drop(self, *, method: str = "", path: str = "", times: int = 1) -> None:
        self.add(_OfWrites("drop", method, path, times))

    def lose_answer(self, *, method: str = "", path: str = "", times: int = 1) -> None:
        self.add(_OfWrites("lose_answer", method, path, times, most=times))


@dataclass
class _OfWrites(Fault):
    most: int = 0

    def matches(self, request: Request) -> bool:
        if self.times <= 0 or not request.path.startswith(self.path):
            return False
        writes = request.method in ("POST", "PUT")
        return writes or (not self.method and not (self.most and self.times == self.most))


def _is_record(one: Mapping[str, Any], names: Mapping[str, str]) -> bool:
    return one["metadata"]["name"] in names


def _no_sleep(_seconds: float) -> None:
    """Retries do not wait."""
