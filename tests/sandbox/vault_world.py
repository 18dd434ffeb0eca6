"""A simulated Vault with a clock that is moved by hand, and short ways to call it."""

from __future__ import annotations

from typing import Any

from rotation.backends.transport import Response, json_request
from sandbox.apis.vault import Vault
from tests.sandbox.authentik_world import HandClock

ROLE = "homelab"


class World:
    """One server with one orphan role; calls are the rotator's unless told otherwise."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.server = Vault(self.clock, seed=1)
        self.rotator = self.server.prepare_rotation(ROLE)

    def call(self, method: str, path: str, body: object = None, *, by: str | None = None, **query: str) -> Response:
        headers = {"x-vault-token": self.rotator if by is None else by}
        return self.server.handle(json_request(method, f"/v1/auth/token/{path}", body, query=query, headers=headers))

    def create(self, role: str = ROLE, *, by: str | None = None, **fields: Any) -> dict[str, Any]:
        """The `auth` of a new token."""
        answer = self.call("POST", f"create/{role}", fields, by=by)
        assert answer.status == 200, answer.body
        return dict(answer.json()["auth"])

    def renew(self, auth: dict[str, Any], increment: Any = None) -> int:
        """What was granted, in seconds."""
        answer = self.call("POST", "renew-accessor", {"accessor": auth["accessor"], "increment": increment})
        return int(answer.json()["auth"]["lease_duration"])

    def ttl(self, auth: dict[str, Any]) -> int:
        """Seconds left, by a look-up."""
        return int(self.call("POST", "lookup-accessor", {"accessor": auth["accessor"]}).json()["data"]["ttl"])

    def is_there(self, auth: dict[str, Any]) -> bool:
        """Whether the value lets itself in and the accessor is known; they never disagree."""
        found = self.call("POST", "lookup-accessor", {"accessor": auth["accessor"]}).status == 200
        assert (self.call("GET", "lookup-self", by=auth["client_token"]).status == 200) is found
        assert self.server.accepts(auth["client_token"]) is found
        return found
