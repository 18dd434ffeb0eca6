"""Many teams on one real kube-apiserver: admitted, bootstrapped, rotated, their graces ended; by many writers at once.

Each writer is a process's worth of connections. The clock of the tokens is moved by argument; that of the connections
is the system's, because the API server's own is compared with it. At the end every hash must be where it belongs.
"""

from __future__ import annotations

import resource
import time
import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Lock

from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.transport import Request, Response, Transport, json_request
from rotation.clock import system_clock
from rotation.model import Policy
from rotation.operator_tokens import changes
from rotation.operator_tokens.bootstrap import Bootstrapper
from rotation.operator_tokens.changes import Newcomer
from rotation.operator_tokens.events import Events
from rotation.operator_tokens.keeper import Keeper, Keeping
from rotation.operator_tokens.published import PREVIOUS, TOKEN, PublishedSecrets
from rotation.operator_tokens.record import Record, RecordPlace, hash_of, new_value
from rotation.operator_tokens.store import RecordStore, cluster_client
from rotation.verify import Reason, Verifier

POLICY = Policy.model_validate({"lifetime": "90d", "rotate_before": "10d", "overlap": "7d", "tolerated_outage": "3d"})
UNTIL_ROTATION = timedelta(days=81)
UNTIL_GRACES_END = timedelta(days=8)
YEAR = timedelta(days=365)
CONTENDED = 10


class Counting:
    """A transport that counts its requests."""

    def __init__(self, transport: Transport) -> None:
        self.requests = 0
        self._transport = transport

    def __call__(self, request: Request) -> Response:
        self.requests += 1
        return self._transport(request)


class MovedClock:
    """The system's clock, moved forward by hand."""

    def __init__(self) -> None:
        self._by = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self._by

    def move(self, length: timedelta) -> None:
        """Forward."""
        self._by += length


class Writer:
    """What one process has of the library, on connections of its own. Used by one thread at a time."""

    def __init__(self, kubeconfig: Path, place: RecordPlace, clock: MovedClock) -> None:
        self.transport = Counting(kubernetes_transport(connection(str(kubeconfig))))
        client = cluster_client("the cluster", self.transport, system_clock, lambda _text: None)
        self.store = RecordStore(client, place)
        self.published = PublishedSecrets(client, place)
        events = Events(client, clock)
        self.bootstrapper = Bootstrapper(self.store, self.published, events, clock, POLICY)
        self.keeper = Keeper(self.store, self.published, events, clock, Keeping(POLICY))


@dataclass(frozen=True)
class Phase:
    """What one act took, for all namespaces together."""

    name: str
    seconds: float
    requests: int


@dataclass
class Played:
    """What came of it. `lost`: in words, each hash or value that is not where it belongs; empty when all is well."""

    phases: list[Phase] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    contended: int = 0
    traced_bytes: int = 0

    @property
    def peak_bytes(self) -> int:
        """The most that the process ever held."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Fleet:
    """Teams, and writers that share the work on them."""

    def __init__(self, kubeconfig: Path, namespaces: int, writers: int, mark: str = "team") -> None:
        self.place = RecordPlace(namespace=f"{mark}-operator")
        self.clock = MovedClock()
        self.writers = [Writer(kubeconfig, self.place, self.clock) for _ in range(writers)]
        self.names = [f"{mark}-{number}" for number in range(namespaces)]
        self.played = Played()
        self._admissions: dict[str, str] = {}
        self._lock = Lock()

    def play(self) -> Played:
        """The whole life, phase by phase."""
        first = self.bootstrap_all()
        self.clock.move(UNTIL_ROTATION)
        self._phase("rotate", self._keep)
        self.find_lost(first)
        self.clock.move(UNTIL_GRACES_END)
        self._phase("end the graces", self._keep)
        self.find_lost({})
        return self.played

    def bootstrap_all(self) -> dict[str, str]:
        """Make the namespaces, admit and bootstrap each team; returns the values, by namespace."""
        self._phase("make the namespaces", lambda: self._share([self.place.namespace, *self.names], _make_namespace))
        self._phase("write the same records", self._contend)
        self._phase("admit", lambda: self._share(self.names, self._admit))
        self._phase("bootstrap", lambda: self._share(self.names, self._bootstrap))
        return self.find_lost({})

    def find_lost(self, before: Mapping[str, str]) -> dict[str, str]:
        """Note where a Secret does not hold what its record lets in; returns the current values, by namespace.

        before: the values that were current, and must be accepted as the previous ones now
        """
        verifier = Verifier(self.clock)
        verifier.replace_all(self.records())
        secrets = {secret.namespace: secret.values for secret in self.writers[0].published.labelled() or []}
        for name in self.names:
            held = secrets.get(name, {})
            wanted = {TOKEN: Reason.ACCEPTED_CURRENT} | ({PREVIOUS: Reason.ACCEPTED_PREVIOUS} if before else {})
            answers = {key: verifier.check(name, value).reason for key, value in held.items()}
            if answers != wanted or (before and before.get(name) != held[PREVIOUS]):
                self.played.lost.append(f"{name}: {answers} instead of {wanted}")
        return {name: secrets[name][TOKEN] for name in self.names if TOKEN in secrets.get(name, {})}

    def records(self) -> dict[str, Record]:
        """All records of this fleet, by namespace."""
        return {record.namespace: record for record in self.writers[0].store.all()}

    def _phase(self, name: str, act: Callable[[], object]) -> None:
        before, begun = self._requests(), time.perf_counter()
        act()
        took = time.perf_counter() - begun
        self.played.phases.append(Phase(name, took, self._requests() - before))

    def _requests(self) -> int:
        return sum(writer.transport.requests for writer in self.writers)

    def _share(self, names: list[str], act: Callable[[Writer, str], object]) -> None:
        """Every writer takes its share of the names; all at once."""

        def work(number: int) -> None:
            for name in names[number :: len(self.writers)]:
                act(self.writers[number], name)

        self._at_once(work)

    def _at_once(self, work: Callable[[int], object]) -> None:
        with ThreadPoolExecutor(len(self.writers)) as pool:
            list(pool.map(work, range(len(self.writers))))

    def _contend(self) -> None:
        """All writers enter a hash of their own into the same few records, at the same time."""
        entered: list[tuple[str, str]] = []

        def work(number: int) -> None:
            for record in range(CONTENDED):
                namespace, hashed = f"contended-{record}", hash_of(new_value())
                self.writers[number].store.change(namespace, partial(_admitted, hashed, self.clock()))
                with self._lock:
                    entered.append((namespace, hashed))

        self._at_once(work)
        records = self.records()
        self.played.contended = len(entered)
        self.played.lost += [f"a hash in {name}" for name, hashed in entered if hashed not in records[name].entries]

    def _admit(self, writer: Writer, namespace: str) -> None:
        value, now = new_value(), self.clock()

        def confirmed(record: Record) -> Record:
            return changes.confirm(_admitted(hash_of(value), now, record), hash_of(value)[:8], now, YEAR)

        writer.store.change(namespace, confirmed)
        with self._lock:
            self._admissions[namespace] = value

    def _bootstrap(self, writer: Writer, namespace: str) -> None:
        if not writer.bootstrapper.present(namespace, self._admissions[namespace]).minted:
            self.played.lost.append(f"the operational token of {namespace}")

    def _keep(self) -> None:
        """One look at all, as a scheduled run begins; then each writer keeps its share."""
        due = {one.namespace: one for one in self.writers[0].keeper.look()}
        names = [name for name in self.names if name in due]
        self._share(names, lambda writer, name: self._keep_one(writer.keeper.keep([due[name]]).failures))

    def _keep_one(self, failures: Mapping[str, Exception]) -> None:
        self.played.lost += [f"a step in {name}: {error}" for name, error in failures.items()]


def traced_look(fleet: Fleet) -> int:
    """The most bytes that Python holds during one look at all namespaces. It is slow, and no part of the times."""
    tracemalloc.start()
    try:
        fleet.writers[0].keeper.look()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def lines(fleet: Fleet) -> Iterable[str]:
    """What is printed of a fleet that was played."""
    played, many = fleet.played, len(fleet.names)
    yield f"{many:,} namespaces, {len(fleet.writers)} writer(s) at once, a real kube-apiserver"
    yield f"  {'':<24}{'seconds':>9}{'requests':>10}{'per token':>11}"
    for phase in played.phases:
        per_token = "" if phase.name == "write the same records" else f"{phase.requests / many:.1f}"
        yield f"  {phase.name:<24}{phase.seconds:>9.1f}{phase.requests:>10,}{per_token:>11}"
    yield f"  hashes written into {CONTENDED} records by each writer at once: {played.contended}"
    yield f"  lost: {len(played.lost) or 'none'}"
    yield from (f"    {one}" for one in played.lost[:10])
    traced = f"{_mib(played.traced_bytes)} of Python in one look at all"
    yield f"  peak memory: {_mib(played.peak_bytes)} of the process, {traced}"


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def _admitted(hashed: str, now: datetime, record: Record) -> Record:
    newcomer = Newcomer(hashed[:8], now, YEAR, now + YEAR, "admission")
    return changes.admit(record, hashed, newcomer)


def _make_namespace(writer: Writer, name: str) -> None:
    made = writer.transport(json_request("POST", "/api/v1/namespaces", {"metadata": {"name": name}}))
    assert made.status == 201, f"HTTP {made.status}"
