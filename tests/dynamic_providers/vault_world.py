"""A real OpenBao behind faults and a count of calls. Its time is real: a run's instant is moved ahead instead."""

from __future__ import annotations

import functools
import secrets
from collections import Counter

import httpx

from rotation.backends import vault
from rotation.backends.http_transport import http_transport
from rotation.backends.protocol import Backend
from rotation.backends.transport import Request, Response
from rotation.clock import system_clock
from sandbox.faults import Faults
from sandbox.servers.openbao import OpenBaoServer, prepare_rotation
from tests.dynamic_providers.line import Declared
from tests.dynamic_providers.world import MemoryCluster

_shared_transport = functools.cache(http_transport)
SHORT = {"lifetime": "600s", "rotate_every": "300s", "overlap": "60s", "tolerated_outage": "20s"}


class VaultWorld:
    """A role of its own in a shared server; `calls` counts requests by the last part of their path."""

    def __init__(self, server: OpenBaoServer) -> None:
        self.server = server
        self.role = f"role-{secrets.token_hex(4)}"
        self.clock = system_clock
        self.cluster = MemoryCluster()
        self.calls: Counter[str] = Counter()
        self.accessors: list[str] = []
        names = {"admin_policy": f"{self.role}-admin", "rotator_policy": f"{self.role}-rotator"}
        self.credential = prepare_rotation(server, role=self.role, **names)
        self._send = _shared_transport(server.url)
        self.faults = Faults(self._answer)

    def connect(self, name: str) -> Backend:
        return vault.connect(name, self.faults, self.credential, self.clock, lambda _text: None)

    def declared(self, **policy: str) -> Declared:
        """A token of this role, replaced by age unless told otherwise."""
        return Declared(backend="vault", spec={"role": self.role}, policy={**SHORT, **policy})

    def alive(self) -> list[str]:
        """The accessors of every token that was minted here and that the server still knows."""
        return [accessor for accessor in self.accessors if self.seconds_left(accessor)]

    def seconds_left(self, accessor: str) -> int:
        """0 for one that is dead."""
        try:
            found = self.server.as_root("POST", "auth/token/lookup-accessor", {"accessor": accessor})
        except httpx.HTTPStatusError:
            return 0
        return int(found["data"]["ttl"])

    def end(self, accessor: str) -> None:
        """Let it die behind our back."""
        self.server.as_root("POST", "auth/token/revoke-accessor", {"accessor": accessor})

    def _answer(self, request: Request) -> Response:
        self.calls[request.path.removeprefix("/v1/auth/token/").split("/")[0]] += 1
        response = self._send(request)
        if "/create/" in request.path and response.status == 200:
            self.accessors.append(response.json()["auth"]["accessor"])
        return response
