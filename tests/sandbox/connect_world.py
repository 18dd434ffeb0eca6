"""A simulated Connect with one vault, an access token, a clock that is moved by hand, and a short way to call."""

from __future__ import annotations

from typing import Any

from rotation.backends.transport import Response, json_request
from sandbox.apis.connect import Connect
from tests.sandbox.authentik_world import HandClock


class ConnectWorld:
    """One server. `token` may read and write the vault `homelab`."""

    def __init__(self, **options: Any) -> None:
        self.clock = HandClock()
        self.server = Connect(self.clock, seed=1, **options)
        self.vault = self.server.add_vault("homelab")
        self.token = self.server.grant("rotator", self.vault)

    def call(
        self, method: str, path: str, payload: object = None, *, token: str | None = None, **query: str
    ) -> Response:
        """A call below `/v1`."""
        headers = {"authorization": f"Bearer {self.token if token is None else token}"}
        return self.server.handle(json_request(method, f"/v1{path}", payload, query=query, headers=headers))

    def note(self, title: str, fields: list[dict[str, Any]], **others: Any) -> dict[str, Any]:
        """The body of a secure note."""
        named = {"vault": {"id": self.vault}, "title": title, "category": "SECURE_NOTE"}
        return {**named, "fields": fields, **others}

    def create(self, title: str = "one", *fields: dict[str, Any], **others: Any) -> dict[str, Any]:
        """An item made through the API; its answer."""
        answer = self.call("POST", f"/vaults/{self.vault}/items", self.note(title, list(fields), **others))
        assert answer.status == 200, answer.body
        return dict(answer.json())

    def item_path(self, item: dict[str, Any]) -> str:
        return f"/vaults/{self.vault}/items/{item['id']}"

    def settle(self) -> None:
        """Let time pass until readers see every write."""
        self.clock.move(seconds=2)
