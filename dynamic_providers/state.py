"""The record of one run, filled once per process: its instant, its backends, what they hold, and what was published.

All providers of a run share one process and four threads; they share this record under its lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dynamic_providers.cluster import CURRENT_KEY, Cluster, Placed
from dynamic_providers.entrance import SHUT, Entrance, is_shut
from dynamic_providers.inventory import Inventory, look_up, take_inventory
from dynamic_providers.scrubber import Scrubber
from rotation.backends.protocol import Backend
from rotation.backends.transport import Transport
from rotation.clock import Clock
from rotation.errors import ClusterAway, ClusterError, InvalidSettings
from rotation.model import bears_mark, is_newer
from rotation.reasons import Action, Decision, Reason, reason_line
from rotation.receipt import Receipt, read_receipt
from rotation.turns import drawn

_NOTE = "lease."


def _no_way(backend: str) -> Transport:
    raise InvalidSettings("reach", "no way to it was given to this run", backend=backend)


@dataclass(frozen=True)
class Planned:
    """A decided replacement: the second `check` takes it, so that both name one generation.

    supplants: the generation that is put aside for one that was there before; empty for a mint
    taken:     where the value comes from (`taking.Taken` as stored); empty for a mint
    """

    generation: str
    reason: Reason
    supplants: str = ""
    taken: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Run:
    """One run. `now` is taken once; effects that start a span of time (a publication) read `clock`.

    planned: rotations that a first `check` or a `diff` decided, by token
    checked: tokens that the state knows and that were judged
    older:   tokens of which the state is older than what was published
    held:    first mints that wait, by token
    kinds:   the kind of each backend whose entry has another name
    rotation_limit: how many scheduled rotations may begin in this run; None: any number
    interval: the time between two runs, as the config says
    entrance: how a backend is begun with that has no credential yet; None for one that needs one from the first
    entered: backends that this run began with by itself
    reach:   the way to a backend's server, without a credential
    minting: False in a run that only retires
    sleep:   lets time pass while a server works
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
    held: dict[str, Decision] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    rotation_limit: int | None = None
    interval: timedelta = timedelta(days=1)
    entrance: Callable[[str], Entrance | None] = lambda _name: None
    entered: set[str] = field(default_factory=set)
    reach: Callable[[str], Transport] = _no_way
    sleep: Callable[[float], None] = time.sleep
    minting: bool = True
    _conditions: dict[str, set[Reason]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _backends: dict[str, Backend] = field(default_factory=dict)
    _greeted: set[str] = field(default_factory=set)
    _inventories: dict[tuple[str, ...], Inventory] = field(default_factory=dict)
    _receipts: dict[str, str] | None = None
    _notes: dict[str, str] = field(default_factory=dict)
    _others: dict[str, str] = field(default_factory=dict)
    _receipts_away: bool = False
    _named: frozenset[str] | None = None
    _placed: dict[str, Placed | None] = field(default_factory=dict)
    _unseen: set[str] = field(default_factory=set)
    _turns: frozenset[str] | None = None
    _told: set[str] = field(default_factory=set)
    _answers: dict[str, Any] = field(default_factory=dict)

    def once(self, question: str, ask: Callable[[], Any]) -> Any:
        """The answer to a question that is asked once in a run."""
        with self._lock:
            if question not in self._answers:
                self._answers[question] = ask()
            return self._answers[question]

    def kind(self, backend: str) -> str:
        """The kind of a backend, by the name of its entry."""
        return self.kinds.get(backend, backend)

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

    def admit(self, name: str, backend: Backend) -> None:
        """Go on with an adapter of another credential; what the former could not see is asked for again."""
        with self._lock:
            self._backends[name] = backend
            self.entered.add(name)
            self._greeted.discard(name)
            self._inventories = {key: found for key, found in self._inventories.items() if key[0] != name}

    def inventory(self, name: str, owner: str, known: Sequence[str] = ()) -> Inventory:
        """One inventory for a backend that lists; for one that does not, one look-up for each known handle."""
        backend = self.backend(name)
        key = (name,) if backend.capabilities.lists else (name, *known)
        if is_shut(self, name):
            return Inventory(unreachable=SHUT)
        with self._lock:
            if key not in self._inventories:
                self._inventories[key] = self._taken(name, take_inventory(backend, owner, known))
            return self._inventories[key]

    def found(self, name: str, owner: str, handle: str) -> Inventory:
        """What one handle stands for: out of the inventory where that is listed, else by a look-up, once per run."""
        backend = self.backend(name)
        if backend.capabilities.lists and bears_mark(handle, owner):
            return self.inventory(name, owner)
        key = (name, handle)
        if is_shut(self, name):
            return Inventory(unreachable=SHUT)
        with self._lock:
            if key not in self._inventories:
                self._inventories[key] = self._taken(name, look_up(backend, handle))
            return self._inventories[key]

    def _taken(self, name: str, inventory: Inventory) -> Inventory:
        if inventory.refused:
            self.tell(name, Decision(Action.DEFER, Reason.BACKEND_REFUSES, inventory.refused))
        return inventory

    def receipt(self, token: str, was: Iterable[str] = ()) -> Receipt | None:
        """What was last published of a token, also under a former name; None when the receipt does not tell."""
        entries = self._entries()
        for name in (token, *was):
            if name in entries:
                return read_receipt(entries[name])
        return None

    def receipts(self) -> list[Receipt]:
        """All that were written; none while the cluster is away."""
        return [read_receipt(text) for text in self._entries().values()]

    def has_turn(self, token: str) -> bool:
        """Whether this token may begin a scheduled rotation now: a lot decides among those that are due."""
        if self.rotation_limit is None:
            return True
        entries = self._entries()
        with self._lock:
            if self._turns is None:
                due = [receipt.token for receipt in map(read_receipt, entries.values()) if receipt.rotates <= self.now]
                self._turns = drawn(due, self.rotation_limit, self.now)
        return token in self._turns or token not in entries

    def note_condition(self, token: str, reason: Reason) -> None:
        """Remember something that alerts must tell; the token's retirement writes it into the receipt."""
        with self._lock:
            self._conditions.setdefault(token, set()).add(reason)

    def conditions(self, token: str) -> list[str]:
        """What was noted of a token in this run, in a fixed order."""
        with self._lock:
            return sorted(self._conditions.get(token, ()))

    def named_by_receipts(self) -> frozenset[str] | None:
        """Every generation that some token's receipt names, current or waiting; None while the cluster is away."""
        self._entries()
        if self._receipts_away:
            return None
        if self._named is None:
            receipts = self.receipts()
            waiting = (item.generation for receipt in receipts for item in receipt.superseded)
            self._named = frozenset((*waiting, *(receipt.generation for receipt in receipts)))
        return self._named

    def notes(self) -> dict[str, str]:
        """What stands beside the receipts of leases that may have been confirmed, by token."""
        self._entries()
        return self._notes

    def kept(self, key: str) -> str:
        """What stands beside the receipts under a key with a dot, which no token has; empty where nothing does."""
        self._entries()
        return self._others.get(key, "")

    def note_key(self, token: str) -> str:
        """Where a token's notes stand; no token can have this name."""
        return _NOTE + token

    def newest_seen(self, token: str, was: Iterable[str], places: Iterable[str], put_aside: str = "") -> str:
        """The newest generation that the receipt or a published Secret names; empty when neither names one.

        put_aside: a generation that the state knows to have been put aside for an earlier one
        """
        receipt = self.receipt(token, was)
        newest = receipt.generation if receipt and receipt.generation != put_aside else ""
        for place in places:
            placed = self.placed(place)
            found = placed.generation if placed else ""
            if found and found != put_aside:
                newest = found if not newest or is_newer(found, newest) else newest
        return newest

    def placed(self, place: str) -> Placed | None:
        """What stands at a place (`namespace/name`); None where nothing does, or while the cluster is away."""
        with self._lock:
            self._entries()
            if place not in self._placed:
                self._placed[place] = self._look(place)
            return self._placed[place]

    def place_is_empty(self, place: str) -> bool:
        """Whether the cluster says that there is no Secret; False while it is away."""
        return self.placed(place) is None and place not in self._unseen

    def value_at(self, place: str, key: str = CURRENT_KEY) -> str:
        """The value at a place; empty where there is none. It is hidden from every message from now on."""
        try:
            namespace, name = place.split("/")
            value = self.cluster.secret_value(namespace, name, key)
        except ClusterError:
            return ""
        self.scrubber.remember(value)
        return value

    def tell(self, token: str, decision: Decision) -> None:
        """Say a decision once, where preview and up show it."""
        line = self.scrubber.scrub(reason_line(token, decision))
        with self._lock:
            if line not in self._told:
                self._told.add(line)
                self.say(line)

    def _entries(self) -> dict[str, str]:
        with self._lock:
            if self._receipts is None:
                told = self._all_receipts()
                self._notes = {key.removeprefix(_NOTE): text for key, text in told.items() if key.startswith(_NOTE)}
                self._others = {key: text for key, text in told.items() if "." in key}
                self._receipts = {key: text for key, text in told.items() if "." not in key}
            return self._receipts

    def _all_receipts(self) -> dict[str, str]:
        try:
            return self.cluster.receipts()
        except ClusterAway as error:
            self._receipts_away = True
            self._tell_away(error)
            return {}

    def _look(self, place: str) -> Placed | None:
        if not self._receipts_away:
            try:
                namespace, name = place.split("/")
                return self.cluster.placed(namespace, name)
            except ClusterAway as error:
                self._tell_away(error)
        self._unseen.add(place)
        return None

    def _tell_away(self, error: ClusterAway) -> None:
        self.tell("receipt", Decision(Action.DEFER, Reason.CLUSTER_AWAY, f"{error.act}: {error.cause}"))
