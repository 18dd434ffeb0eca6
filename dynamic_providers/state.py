"""The record of one run, filled once per process: its instant, its backends, what they hold, and what was published.

All providers of a run share one process and four threads; they share this record under its lock.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import stamina.instrumentation

from dynamic_providers.cluster import Cluster, ClusterSettings, KubernetesCluster
from dynamic_providers.credentials import BackendSettings, resolve
from dynamic_providers.scrubber import Scrubber
from rotation import clock
from rotation.backends.http_transport import http_transport
from rotation.backends.protocol import Backend
from rotation.backends.registry import KINDS
from rotation.clock import Clock
from rotation.errors import ClusterAway, InvalidSettings, RateLimited, Unavailable
from rotation.model import Generation, is_newer
from rotation.reasons import Action, Decision, Reason, reason_line
from rotation.receipt import RUN_ID_VARIABLE, Receipt

_NOTE = "lease."


@dataclass(frozen=True)
class Inventory:
    """What is alive at a backend, by handle; `unreachable` says why it could not be asked."""

    alive: Mapping[str, Generation] = field(default_factory=dict)
    unreachable: str = ""


@dataclass(frozen=True)
class Planned:
    """A decided rotation: the second `check` of a replacement takes it, so that both name one generation."""

    generation: str
    reason: Reason


@dataclass
class Run:
    """One run. `now` is taken once; effects that start a span of time (a publication) read `clock`.

    planned: rotations that a first `check` or a `diff` decided, by token
    checked: tokens that the state knows and that were judged
    older:   tokens of which the state is older than what was published
    """

    id: str
    now: datetime
    clock: Clock
    cluster: Cluster
    connect: Callable[[str], Backend]
    say: Callable[[str], None]
    scrubber: Scrubber = field(default_factory=Scrubber)
    planned: dict[str, Planned] = field(default_factory=dict)
    checked: set[str] = field(default_factory=set)
    older: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _backends: dict[str, Backend] = field(default_factory=dict)
    _greeted: set[str] = field(default_factory=set)
    _inventories: dict[tuple[str, ...], Inventory] = field(default_factory=dict)
    _receipts: dict[str, str] | None = None
    _receipts_away: bool = False
    _published: dict[str, str] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def backend(self, name: str) -> Backend:
        """The adapter of a backend, made once."""
        with self._lock:
            if name not in self._backends:
                self._backends[name] = self.connect(name)
            return self._backends[name]

    def ready_backend(self, name: str) -> Backend:
        """The adapter, after its credential and clock were tested once in this run: before anything is minted."""
        with self._lock:
            backend = self.backend(name)
            if name not in self._greeted:
                backend.preflight()
                self._greeted.add(name)
            return backend

    def inventory(self, name: str, owner: str, known: Sequence[str] = ()) -> Inventory:
        """One inventory for a backend that lists; for one that does not, one look-up for each known handle."""
        backend = self.backend(name)
        key = (name,) if backend.capabilities.lists else (name, *known)
        with self._lock:
            if key not in self._inventories:
                self._inventories[key] = _take_inventory(backend, owner, known)
            return self._inventories[key]

    def receipt(self, token: str, was: Iterable[str] = ()) -> Receipt | None:
        """What was last published of a token, also under a former name; None when the receipt does not tell."""
        entries = self._entries()
        found = next((entries[name] for name in (token, *was) if name in entries), None)
        return Receipt.model_validate_json(found) if found else None

    def named_by_receipts(self) -> frozenset[str] | None:
        """Every generation that some token's receipt names, current or waiting; None while the cluster is away."""
        receipts = [Receipt.model_validate_json(text) for text in self._entries().values()]
        if self._receipts_away:
            return None
        waiting = (item.generation for receipt in receipts for item in receipt.superseded)
        return frozenset((*waiting, *(receipt.generation for receipt in receipts)))

    def notes(self) -> dict[str, str]:
        """What stands beside the receipts of leases that may have been confirmed, by token."""
        return {key.removeprefix(_NOTE): text for key, text in self._all_receipts().items() if key.startswith(_NOTE)}

    def note_key(self, token: str) -> str:
        """Where a token's notes stand; no token can have this name."""
        return _NOTE + token

    def newest_seen(self, token: str, was: Iterable[str], places: Iterable[str]) -> str:
        """The newest generation that the receipt or a published Secret names; empty when neither names one."""
        receipt = self.receipt(token, was)
        newest = receipt.generation if receipt else ""
        for place in places:
            found = self._published_generation(place)
            newest = found if not newest or is_newer(found, newest) else newest
        return newest

    def tell(self, token: str, decision: Decision) -> None:
        """Say a decision once, where preview and up show it."""
        line = self.scrubber.scrub(reason_line(token, decision))
        with self._lock:
            if line not in self._told:
                self._told.add(line)
                self.say(line)

    def _entries(self) -> dict[str, str]:
        return {key: text for key, text in self._all_receipts().items() if not key.startswith(_NOTE)}

    def _all_receipts(self) -> dict[str, str]:
        with self._lock:
            if self._receipts is None:
                try:
                    self._receipts = self.cluster.receipts()
                except ClusterAway as error:
                    self._receipts = {}
                    self._receipts_away = True
                    self._tell_away(error)
            return self._receipts

    def _published_generation(self, place: str) -> str:
        with self._lock:
            self._all_receipts()
            if self._receipts_away:
                return ""
            if place not in self._published:
                self._published[place] = self._look(*place.split("/"))
            return self._published[place]

    def _look(self, namespace: str, name: str) -> str:
        try:
            return self.cluster.published_generation(namespace, name)
        except ClusterAway as error:
            self._tell_away(error)
            return ""

    def _tell_away(self, error: ClusterAway) -> None:
        self.tell("receipt", Decision(Action.DEFER, Reason.CLUSTER_AWAY, f"{error.act}: {error.cause}"))


def _take_inventory(backend: Backend, owner: str, known: Sequence[str]) -> Inventory:
    try:
        return Inventory({item.handle: item for item in backend.inventory(owner, known)})
    except (RateLimited, Unavailable) as error:
        return Inventory(unreachable=f"{error.act}: {error.cause}")


_current: list[Run] = []
_current_lock = threading.Lock()


def configure(config: Callable[[str], Any]) -> None:
    """Begin the run of this process, unless it has begun. `config` reads a key of the stack's config."""
    with _current_lock:
        if not _current:
            stamina.instrumentation.set_on_retry_hooks([])  # its lines would mix with the run's own
            _current.append(_run_from(config))


def current() -> Run:
    """The run of this process; raises LookupError before `configure`."""
    if not _current:
        raise LookupError("no run has begun in this process")
    return _current[0]


@contextmanager
def using(run: Run) -> Iterator[Run]:
    """Let providers use this run: for tests and the simulator, which pass their own clock and backends."""
    before = _current.copy()
    _current[:] = [run]
    try:
        yield run
    finally:
        _current[:] = before


def new_run_id() -> str:
    """An id for a run: the one that the scheduled run passes down, or a fresh one."""
    return os.environ.get(RUN_ID_VARIABLE) or secrets.token_hex(8)


def _run_from(config: Callable[[str], Any]) -> Run:
    backends = _backend_settings(config("backends"))
    cluster = KubernetesCluster(ClusterSettings.model_validate(json.loads(config("cluster") or "{}")))
    scrubber = Scrubber()

    def connect(name: str) -> Backend:
        if name not in backends:
            remedy = "Name it under `token-rotation:backends` in the stack's config."
            raise InvalidSettings("connect", "the backend is not in the stack's config", remedy, backend=name)
        settings = backends[name]
        credential = resolve(settings, name, config, cluster)
        scrubber.remember(credential)
        transport = http_transport(settings.url, Path(settings.ca_certificate) if settings.ca_certificate else None)
        warn = _clock_warning(run, name)
        return KINDS[settings.kind or name].connect(name, transport, credential, clock.system_clock, warn)

    run = Run(new_run_id(), clock.system_clock(), clock.system_clock, cluster, connect, _say, scrubber)
    return run


def _say(line: str) -> None:
    """A provider's standard output is shown in the run's diagnostics."""
    print(line, flush=True)


def _clock_warning(run: Run, backend: str) -> Callable[[str], None]:
    return lambda text: run.tell(backend, Decision(Action.KEEP, Reason.CLOCK_SKEW, text))


def _backend_settings(text: Any) -> dict[str, BackendSettings]:
    return {name: BackendSettings.model_validate(value) for name, value in json.loads(text or "{}").items()}
