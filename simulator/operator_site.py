"""The cluster as the server of an operator's tokens: records of hashes, and whoever lets a value in by them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rotation.backends import operator as client
from rotation.backends.registry import Connect
from rotation.backends.transport import Request, Response
from rotation.clock import Clock, from_rfc3339
from sandbox.apis.kubernetes import KubernetesApi
from simulator.sites import Act, Change

_PLACE = "keycloak-system"
_RECORDS = f"/api/v1/namespaces/{_PLACE}/configmaps"
_Entry = Mapping[str, Any]


class OperatorSite:
    """It reads entries as an operator does that was written by somebody else. No value ever crosses the wire."""

    lists: bool = True

    def __init__(self, name: str, clock: Clock, seed: int) -> None:
        self.name = name
        self.credential = "the right that the cluster grants"
        self._clock = clock
        self._server = KubernetesApi(clock, seed=seed)
        self._server.add_namespace(_PLACE)
        self._before: dict[str, _Entry] = {}

    @property
    def connect(self) -> Connect:
        return client.connect

    def handle(self, request: Request) -> Response:
        return self._server.handle(request)

    def accepts(self, value: str) -> bool:
        hashed, now = hashlib.sha256(value.encode()).hexdigest(), self._clock()
        return any(key == hashed and _end(entry) > now for key, entry in self._entries())

    def act(self, request: Request) -> Act:
        if request.method == "GET":
            one = request.path != _RECORDS
            return Act("read record", False) if one else Act("who am I" if _is_short(request) else "list", False)
        change = self._changed(_entries_of(request.json()))
        names = {"born": "mint", "extended": "extend", "died": "revoke"}
        return Act(names[change.what], True, change.generation) if change else Act("tidy", True)

    def is_ours(self, request: Request, credential: str) -> bool:  # noqa: ARG002 - nobody else asks here
        return True

    def change(self, request: Request, response: Response, now: datetime) -> Change | None:  # noqa: ARG002
        """What a written record changed: an entry that is new, one whose end moved, or one that was revoked."""
        if request.method == "GET":
            return None
        entries = _entries_of(response.json())
        change = self._changed(entries)
        self._before |= entries
        return change

    def alive(self) -> set[str]:
        """Every generation that is let in."""
        now = self._clock()
        return {str(entry["generation"]) for _key, entry in self._entries() if _end(entry) > now}

    def _entries(self) -> Iterator[tuple[str, _Entry]]:
        for found in self._server.objects("configmaps", _PLACE):
            yield from _entries_of(found).items()

    def _changed(self, entries: Mapping[str, _Entry]) -> Change | None:
        found = [change for key, entry in entries.items() if (change := _between(self._before.get(key), entry))]
        urgent = {"died": 0, "born": 1, "extended": 2}
        return min(found, key=lambda change: urgent[change.what], default=None)


def _between(before: _Entry | None, entry: _Entry) -> Change | None:
    generation = str(entry["generation"])
    if before is None:
        return Change("born", generation, _end(entry))
    if entry["state"] == "revoked" and before["state"] != "revoked":
        return Change("died", generation)
    if entry["state"] != "revoked" and _end(entry) != _end(before):
        return Change("extended", generation, _end(entry))
    return None


def _end(entry: _Entry) -> datetime:
    """When it is let in no more: at its own end, at that of its lease or of its grace, or when it was revoked."""
    names = {"pending": "lease_until", "superseded": "grace_until", "revoked": "revoked_at"}
    ends = [entry["valid_until"], entry.get(names.get(str(entry["state"]), ""))]
    return min(from_rfc3339(str(end)) for end in ends if end)


def _entries_of(body: Mapping[str, Any]) -> dict[str, _Entry]:
    data = body.get("data") or {}
    return {key: json.loads(text) for key, text in data.items() if len(key) == 64}


def _is_short(request: Request) -> bool:
    return request.query.get("limit") == "1"
