"""A simulated Authentik with a clock that is moved by hand, and short ways to call it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rotation.backends.transport import Response, json_request
from sandbox.apis.authentik import Authentik

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class HandClock:
    """Stands still until moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **parts: float) -> None:
        self.now += timedelta(**parts)


class World:
    """One server. `admin` is the key of its superuser."""

    def __init__(self, **options: Any) -> None:
        self.clock = HandClock()
        self.server = Authentik(self.clock, seed=1, **options)
        self.admin = self.server.bootstrap_key

    def call(self, method: str, path: str, payload: object = None, *, key: str | None = None, **query: str) -> Response:
        headers = {"authorization": f"Bearer {self.admin if key is None else key}"}
        return self.server.handle(json_request(method, f"/api/v3{path}", payload, query=query, headers=headers))

    def person(self, username: str, *permissions: str, **values: Any) -> str:
        """A user who is no superuser, with a key that does not expire."""
        self.server.add_user(username, *permissions, **values)
        return self.server.issue(username, f"{username}-own", expiring=False)

    def create(self, identifier: str, *, key: str | None = None, **fields: Any) -> dict[str, Any]:
        answer = self.call("POST", "/core/tokens/", {"identifier": identifier, **fields}, key=key)
        assert answer.status == 201, answer.body
        return dict(answer.json())

    def key_of(self, identifier: str, *, key: str | None = None) -> str:
        return str(self.call("GET", f"/core/tokens/{identifier}/view_key/", key=key).json()["key"])

    def actions(self) -> list[str]:
        return [event.action for event in self.server.events]
