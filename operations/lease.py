"""One Lease for all jobs of a stack: whoever holds it runs, and nobody else.

A Lease of another run counts as over only after we watched it stand still for its whole duration, by our own monotonic
clock. No two clocks are compared, so a skewed one cannot let two runs in; a dead run costs the next one a minute. A run
that could not renew gives up at half of the duration, long before anybody else may begin.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import stamina

from rotation.clock import Clock, from_rfc3339, to_rfc3339
from rotation.errors import ClusterAway, ClusterError, InvalidSettings

LEASE_VARIABLE = "TOKEN_ROTATION_LEASE"
DURATION = timedelta(seconds=60)
"""How long a holder may stay silent. Half of it is for renewals; in the other half a run that lost it ends `pulumi`."""
HELD_ANNOTATION = "token-rotation/held"
"""JSON: the last runs that held the Lease, as [host, from, to], newest last."""
_REMEMBERED = 16
_RENEWALS = 6  # in one duration
_LOOKS = 30  # in one duration, while another run's Lease is watched
_RETRY_SECONDS = 60.0


class Leases(Protocol):
    """What is asked of the cluster; see `operations.cluster.Cluster`."""

    def lease(self, namespace: str, name: str, seconds: float = 30, /) -> dict[str, Any] | None: ...

    def replace_lease(self, lease: Mapping[str, Any], seconds: float = 30, /) -> dict[str, Any] | None: ...


@dataclass(frozen=True)
class Holding:
    """That a run on this host held the Lease, from and to by its host's own clock."""

    host: str
    since: datetime
    until: datetime


def identity(run: str) -> str:
    """Who we are as the holder: host, process and run."""
    return f"{socket.gethostname()}/{os.getpid()}/{run}"


@dataclass
class Lease:
    """A Lease of coordination.k8s.io/v1 that exists already. `duration` is what this run asks for itself.

    past: the runs that held it before this one, known once it is acquired
    lost: set when it could not be kept; whoever holds it then must end what it does
    """

    cluster: Leases
    namespace: str
    name: str
    holder: str
    clock: Clock
    duration: timedelta = DURATION
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    past: list[Holding] = field(default_factory=list)
    lost: threading.Event = field(default_factory=threading.Event)
    _written: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    def acquire(self) -> str:
        """Take it; returns "" when we hold it, else who does. Waits for one duration where a dead run left it.

        Raises InvalidSettings when there is no such Lease, ClusterError when the cluster refuses or gives no answer.
        """
        seen, since = self._read(), self.monotonic()
        while True:
            silent = self.monotonic() - since
            if _is_free(seen) or silent >= _duration(seen):
                if self._take(seen):
                    return ""
            else:
                self.sleep(_duration(seen) / _LOOKS)
            found = self._read()
            if found["spec"] != seen["spec"]:
                if not _is_free(found):
                    return str(found["spec"]["holderIdentity"])
                since = self.monotonic()
            seen = found

    @contextmanager
    def kept(self, end: Callable[[], None]) -> Iterator[None]:
        """Renew it during a block and release it after that. `end` is called, once, when it is lost."""
        stop = threading.Event()
        thread = threading.Thread(target=self._keep, args=(stop, end), name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            if not self.lost.is_set():
                self._release()

    def was_held_by(self, host: str, at: datetime) -> bool:
        """Whether a run on this host held the Lease at this instant of its clock, and is over: we hold it now.

        at: as Pulumi tells of its lock, in whole seconds
        """
        began = ((past.host, past.since.replace(microsecond=0), past.until) for past in self.past)
        return any(theirs == host and since <= at <= until for theirs, since, until in began)

    def _keep(self, stop: threading.Event, end: Callable[[], None]) -> None:
        whole = self.duration.total_seconds()
        until = self.monotonic() + whole / 2
        while not stop.wait(max(0.0, min(whole / _RENEWALS, until - self.monotonic()))):
            sent = self.monotonic()
            if sent < until and self._renew(min(whole / 4, until - sent)):
                until = sent + whole / 2
            elif sent >= until or self.lost.is_set():
                self.lost.set()
                end()
                return

    def _renew(self, seconds: float) -> bool:
        """Tell that we live; an answer is waited for so long. False: not told; `lost` is set where another holds it."""
        spec = {**self._written["spec"], "renewTime": _micro(self.clock())}
        try:
            written = self.cluster.replace_lease({**self._written, "spec": spec}, seconds)
            if written is None:
                found = self.cluster.lease(self.namespace, self.name, seconds)
                if found is None or (found.get("spec") or {}).get("holderIdentity") != self.holder:
                    self.lost.set()
                    return False
                self._written = found  # somebody wrote something else into it; the next renewal is on that
                return False
        except Exception:  # noqa: BLE001 - whatever it was, nobody was told that we live; this thread must not die of it
            return False
        self._written = written
        return True

    def _release(self) -> None:
        """Let the next run in at once. Where that fails, the Lease ends by standing still."""
        spec = self._written["spec"]
        ours = Holding(self.holder.partition("/")[0], from_rfc3339(spec["acquireTime"]), self.clock())
        body = self._remembering([*self.past, ours])
        body["spec"] = {**spec, "holderIdentity": "", "renewTime": _micro(self.clock())}
        try:
            self.cluster.replace_lease(body)
        except ClusterError:
            return

    def _take(self, seen: Mapping[str, Any]) -> bool:
        """Write our name into it, unless somebody wrote since it was seen."""
        now, before = _micro(self.clock()), seen["spec"]
        self._written = dict(seen)
        self.past = _held_before(seen)
        body = self._remembering(self.past)
        body["spec"] = {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": max(1, round(self.duration.total_seconds())),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": int(before.get("leaseTransitions") or 0) + 1,
        }
        written = self.cluster.replace_lease(body, self.duration.total_seconds() / 4)
        if written is not None:
            self._written = written
        return written is not None

    def _remembering(self, past: list[Holding]) -> dict[str, Any]:
        """The Lease with the last runs that held it noted."""
        noted = [[item.host, _micro(item.since), _micro(item.until)] for item in past[-_REMEMBERED:]]
        metadata = self._written["metadata"]
        annotations = {**(metadata.get("annotations") or {}), HELD_ANNOTATION: json.dumps(noted)}
        return {**self._written, "metadata": {**metadata, "annotations": annotations}}

    def _read(self) -> dict[str, Any]:
        for attempt in stamina.retry_context(on=ClusterAway, attempts=5, timeout=_RETRY_SECONDS, wait_max=10.0):
            with attempt:
                found = self.cluster.lease(self.namespace, self.name)
        if found is None:
            remedy = "The stack makes it: run `pulumi up` once by hand, or name another one with --lease."
            raise InvalidSettings("take the Lease", f"there is no Lease {self}", remedy)
        return {**found, "spec": found.get("spec") or {}}


def _is_free(lease: Mapping[str, Any]) -> bool:
    return not lease["spec"].get("holderIdentity")


def _duration(lease: Mapping[str, Any]) -> float:
    return float(lease["spec"].get("leaseDurationSeconds") or DURATION.total_seconds())


def _held_before(lease: Mapping[str, Any]) -> list[Holding]:
    """Who held it so far: what is noted, and the one that never released it."""
    spec = lease["spec"]
    try:
        noted = json.loads((lease["metadata"].get("annotations") or {}).get(HELD_ANNOTATION, "[]"))
        past = [Holding(host, from_rfc3339(since), from_rfc3339(until)) for host, since, until in noted]
        if not _is_free(lease):
            until = from_rfc3339(spec["renewTime"]) + timedelta(seconds=_duration(lease))
            past.append(Holding(spec["holderIdentity"].partition("/")[0], from_rfc3339(spec["acquireTime"]), until))
    except (ValueError, TypeError, KeyError, AttributeError):
        return []  # nothing is known of who held it, so no lock of theirs will be broken
    return past


def _micro(instant: datetime) -> str:
    return to_rfc3339(instant).removesuffix("Z") + f".{instant.microsecond:06}Z"
