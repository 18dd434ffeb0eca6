"""The simulated Vault as a world of the conformance kit, seen through a rotator's credential; its clock is moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from rotation.backends.transport import json_request
from rotation.backends.vault import Vault as Backend
from rotation.backends.vault import connect
from rotation.testing.builders import DAY, OWNER, SECOND, HandClock
from sandbox.apis.vault import Vault
from sandbox.faults import Faults

ROLE = "conformance"


class SimulatedVaultWorld:
    """A server that knows one token role, and a stranger's token beside ours."""

    kind = "vault"
    owner = OWNER
    spec: Mapping[str, Any] = {"role": ROLE}
    lifetime = 10 * DAY
    short_life = 240 * SECOND
    unknown = "noSuchAccessor0123456789"
    mint_path = f"/v1/auth/token/create/{ROLE}"
    ends_by_itself = True

    def __init__(self) -> None:
        self.clock = HandClock()
        self.warnings: list[str] = []
        self.server = Vault(self.clock, seed=1)
        self.credential = self.server.prepare_rotation(ROLE)
        self.own_handle = self._accessor_of(self.credential)
        self.foreign = frozenset({self._accessor_of(self.server.issue("default", meta={"owner": f"{OWNER}x"}))})
        self.faults = Faults(self.server.handle, sleep=lambda _seconds: None)
        self.backend = self.connect(self.credential)

    def connect(self, credential: str) -> Backend:
        return connect("vault", self.faults, credential, self.clock, self.warnings.append)

    def now(self) -> datetime:
        return self.clock()

    def pass_time(self, length: timedelta) -> None:
        self.clock.move(length)

    def alive(self) -> frozenset[str]:
        return frozenset(token.accessor for token in self.server.live_tokens())

    def accepts(self, value: str) -> bool:
        return self.server.accepts(value)

    def end_of(self, handle: str) -> datetime | None:
        return {token.accessor: token.expires for token in self.server.live_tokens()}[handle]

    def _accessor_of(self, value: str) -> str:
        request = json_request("GET", "/v1/auth/token/lookup-self", headers={"x-vault-token": value})
        return str(self.server.handle(request).json()["data"]["accessor"])
