"""The simulated Authentik as a world of the conformance kit: foreign tokens, faults, and a clock moved by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from rotation.backends.authentik import Authentik as Backend
from rotation.backends.authentik import connect
from rotation.backends.transport import Response, json_request
from rotation.testing.builders import DAY, OWNER, SECOND, HandClock, a_generation
from sandbox.apis import authentik
from sandbox.apis.authentik_records import TOKEN_EXPIRES
from sandbox.faults import Faults

TOKENS = "/api/v3/core/tokens/"
ME = "/api/v3/core/users/me/"
BOT = "bot"
FOREIGN = 120
Mode = Literal["schedule", "server"]
Who = Literal["admin", "self"]


class AuthentikWorld:
    """A server of one mode, asked by its superuser or by a service account that rotates its own token."""

    kind = "authentik"
    owner = OWNER
    lifetime = 90 * DAY
    short_life = timedelta(minutes=10)
    unknown = a_generation()
    mint_path = TOKENS

    def __init__(self, mode: Mode = "schedule", who: Who = "admin", **options: Any) -> None:
        self.clock = HandClock()
        self.warnings: list[str] = []
        self.server = authentik.Authentik(self.clock, seed=1, default_token_duration="days=400", **options)
        self.server.add_user(BOT, attributes={TOKEN_EXPIRES: mode == "server"})
        self.faults = Faults(self.server.handle, sleep=lambda _seconds: None)
        self.spec: Mapping[str, Any] = {"mode": mode}
        self.ends_by_itself = mode == "server"
        self.credential, self.own_handle = self._own(who)
        self.foreign = frozenset(self._crowd(BOT if who == "self" else authentik.BOOTSTRAP_USER))
        self.backend = self.connect(self.credential)

    def connect(self, credential: str) -> Backend:
        return connect("authentik", self.faults, credential, self.clock, self.warnings.append)

    def now(self) -> datetime:
        return self.clock()

    def pass_time(self, length: timedelta) -> None:
        self.clock.move(length)
        self.server.sweep()

    def alive(self) -> frozenset[str]:
        return frozenset(token.identifier for token in self.server.live_tokens())

    def accepts(self, value: str) -> bool:
        return self.server.accepts(value)

    def end_of(self, handle: str) -> datetime | None:
        live = {token.identifier: token.expires for token in self.server.live_tokens()}
        return live[handle]

    def calls(self) -> dict[tuple[str, str], int]:
        """How often each method and path was answered."""
        return dict(self.server.calls)

    def rows(self, part: str = OWNER) -> list[str]:
        """Live identifiers that contain this."""
        return [identifier for identifier in sorted(self.alive() - self.foreign) if part in identifier]

    def post(self, key: str, payload: object, path: str = TOKENS) -> Response:
        """A call of somebody who is not our backend."""
        return self.server.handle(json_request("POST", path, payload, headers={"authorization": f"Bearer {key}"}))

    def _own(self, who: Who) -> tuple[str, str]:
        """The credential: the superuser's, or the bot's current generation, minted by the bot as the API does it."""
        if who == "admin":
            return self.server.bootstrap_key, authentik.BOOTSTRAP_IDENTIFIER
        first = self.server.issue(BOT, "bot-by-hand", expiring=False)
        identifier = a_generation(self.clock() - SECOND, "bot")
        assert self.post(first, {"identifier": identifier, "intent": "api"}).status == 201
        request = json_request("GET", f"{TOKENS}{identifier}/view_key/", headers={"authorization": f"Bearer {first}"})
        return str(self.server.handle(request).json()["key"]), identifier

    def _crowd(self, username: str) -> list[str]:
        """Tokens that a fuzzy search for our mark finds and that are not ours, more than a page of them."""
        names = [f"{OWNER}x_admin_20260101t120000z_{number:06}" for number in range(FOREIGN)]
        names += [
            f"x{OWNER}_admin_20260101t120000z_aaaaaa",
            f"{OWNER}_admin",
            f"{OWNER}_admin_20260101t120000z_aaaaaa-2",
        ]
        names += [f"{OWNER.upper()}_admin_20260101t120000z_aaaaaa", "by-hand"]
        for name in names:
            self.server.issue(username, name, expiring=False)
        return names
