"""A real OpenBao as a world of the conformance kit. It keeps real time, so its lives are short where time must pass."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from rotation.backends.transport import Request, Response
from rotation.backends.vault import Vault, connect
from rotation.clock import from_rfc3339, system_clock
from sandbox.faults import Faults
from sandbox.forward import Forward
from sandbox.servers.openbao import OpenBaoServer, prepare_rotation

ROLE = "conformance"


class OpenBaoWorld:
    """The server of the test process, seen through a rotator's credential of its own."""

    kind = "vault"
    spec: Mapping[str, Any] = {"role": ROLE}
    lifetime = timedelta(hours=1)
    short_life = timedelta(seconds=4)
    unknown = "noSuchAccessor0123456789"
    mint_path = f"/v1/auth/token/create/{ROLE}"
    ends_by_itself = True

    def __init__(self, server: OpenBaoServer) -> None:
        self._server = server
        self.owner = f"sandbox-{secrets.token_hex(4)}"
        self.warnings: list[str] = []
        self.credential = prepare_rotation(
            server, role=ROLE, admin_policy="conformance-admin", rotator_policy="conformance-rotator"
        )
        self.forward = Forward(server.url)
        self.faults = Faults(self._forwarded, sleep=lambda _seconds: None)
        self.own_handle = str(self._asked("lookup", {"token": self.credential})["data"]["accessor"])
        stranger = {"policies": ["default"], "ttl": "1h", "meta": {"owner": f"{self.owner}x"}}
        self.foreign = frozenset({str(self._asked("create", stranger)["auth"]["accessor"])})
        self.backend = self.connect(self.credential)

    def connect(self, credential: str) -> Vault:
        return connect("vault", self.faults, credential, system_clock, self.warnings.append)

    def now(self) -> datetime:
        return system_clock()

    def pass_time(self, length: timedelta) -> None:
        time.sleep(length.total_seconds())  # a real server's leases end in real time

    def alive(self) -> frozenset[str]:
        return frozenset(self._server.as_root("LIST", "auth/token/accessors")["data"]["keys"])

    def accepts(self, value: str) -> bool:
        headers = {"x-vault-token": value}
        answer = httpx.get(f"{self._server.url}/v1/auth/token/lookup-self", headers=headers, trust_env=False)
        return answer.status_code == 200

    def end_of(self, handle: str) -> datetime | None:
        return from_rfc3339(self._asked("lookup-accessor", {"accessor": handle})["data"]["expire_time"])

    def write_role(self, name: str, **settings: Any) -> None:
        """A token role, and the rotator's right to use it."""
        self._server.as_root("POST", f"auth/token/roles/{name}", settings)
        rules = f'path "auth/token/create/{name}" {{ capabilities = ["update"] }}'
        self._server.as_root("PUT", f"sys/policies/acl/may-{name}", {"policy": rules})

    def close(self) -> None:
        """End the connections, and what this world was given."""
        for accessor in {self.own_handle, *self.foreign}:
            self._asked("revoke-accessor", {"accessor": accessor})
        self.forward.close()

    def _forwarded(self, request: Request) -> Response:
        return self.forward.handle(request)

    def _asked(self, path: str, body: object) -> dict[str, Any]:
        return self._server.as_root("POST", f"auth/token/{path}", body)
