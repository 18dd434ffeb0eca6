"""The simulated Coder as a world of the conformance kit: caps by role, foreign tokens, faults, and a hand-moved clock.

`Between` stands between an adapter and that world.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from rotation.backends.coder import Coder as Backend
from rotation.backends.coder import connect
from rotation.backends.coder_api import PREFIX
from rotation.backends.transport import Request, Response, json_request
from rotation.model import is_generation
from rotation.testing.builders import DAY, OWNER, SECOND, HandClock, a_generation
from sandbox.apis.coder import Coder
from sandbox.faults import Fault, Faults

ROOT = "root"
BOT = "template-bot"
OTHER = "somebody"
FOREIGN = 120
Who = Literal["owner", "self"]


class CoderWorld:
    """A server asked by an Owner who mints for a Template Admin, or by that Template Admin for itself."""

    kind = "coder"
    owner = OWNER
    lifetime = 30 * DAY
    short_life = timedelta(minutes=10)
    unknown = a_generation()
    ends_by_itself = True

    def __init__(self, who: Who = "owner", **options: Any) -> None:
        self.clock = HandClock()
        self.warnings: list[str] = []
        self.server = Coder(self.clock, seed=1, **options)
        self.server.add_user(ROOT, password="a Planted passw0rd", email="root@example.com")
        self.server.add_user(BOT, roles=("template-admin",))
        self.server.add_user(OTHER, roles=())
        self.root = self.server.issue(ROOT, "root-by-hand", lifetime=4000 * DAY)
        self.spec: Mapping[str, Any] = {"user": BOT} if who == "owner" else {}
        self.credential, self.own_handle = self._own(who)
        self.mint_path = tokens_of(BOT if who == "owner" else "me")
        self.foreign = frozenset(self._crowd(BOT if who == "self" else OTHER))
        self.faults = LostAfterTheCap(self.server.handle, sleep=lambda _seconds: None)
        self.backend = self.connect(self.credential)

    def connect(self, credential: str) -> Backend:
        return connect("coder", self.faults, credential, self.clock, self.warnings.append)

    def now(self) -> datetime:
        return self.clock()

    def pass_time(self, length: timedelta) -> None:
        self.clock.move(length)
        self.server.sweep()

    def alive(self) -> frozenset[str]:
        return frozenset(_handle(token) for token in self.server.live_tokens())

    def accepts(self, value: str) -> bool:
        return self.server.accepts(value)

    def end_of(self, handle: str) -> datetime | None:
        ends: dict[str, datetime | None] = {_handle(token): token.expires for token in self.server.live_tokens()}
        return ends[handle]

    def user_of(self, handle: str) -> str:
        """Whose a living token is."""
        return {_handle(token): str(token.username) for token in self.server.live_tokens()}[handle]

    def ask(self, value: str, method: str, path: str, payload: object = None, **query: str) -> Response:
        """A call of somebody who is not our backend."""
        headers = {"coder-session-token": value}
        return self.server.handle(json_request(method, path, payload, query=query, headers=headers))

    def names(self) -> list[str]:
        """The name of every row there is, expired ones too."""
        listed = self.ask(self.root, "GET", tokens_of("me"), include_all="true", include_expired="true")
        return sorted(row["token_name"] for row in listed.json())

    def _own(self, who: Who) -> tuple[str, str]:
        """The credential: an Owner's token by hand, or the bot's current generation."""
        if who == "owner":
            value = self.server.issue(ROOT, "template-automation", lifetime=7 * DAY)
            return value, value.partition("-")[0]
        generation = a_generation(self.clock() - SECOND, "bot")
        return self.server.issue(BOT, PREFIX + generation, lifetime=90 * DAY), generation

    def _crowd(self, username: str) -> list[str]:
        """Tokens whose names resemble ours: each lacks the prefix, has another owner's mark, or goes on after it."""
        names = [f"{PREFIX}{OWNER}x_admin_20260101t120000z_{number:06}" for number in range(FOREIGN)]
        names += [a_generation(), f"{PREFIX}{OWNER}_admin", f"x{PREFIX}{a_generation()}", f"{PREFIX}{a_generation()}-2"]
        names += [f"{PREFIX}{a_generation()}".upper(), "by-hand"]
        values = [self.server.issue(username, name, lifetime=400 * DAY) for name in names]
        handles = {token.key_id: _handle(token) for token in self.server.live_tokens()}
        return [handles[value.partition("-")[0]] for value in values]


Handler = Callable[[Request], Response]


class Between:
    """Keeps the requests of an adapter, and may answer some of them otherwise than the server of a world does."""

    def __init__(self, world: CoderWorld, answer: Callable[[Request, Handler], Response] | None = None) -> None:
        self._world = world
        self._answer = answer
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.seen.append(request)
        return self._answer(request, self._world.faults) if self._answer else self._world.faults(request)

    def backend(self) -> Backend:
        """An adapter with the world's credential, on this side of it."""
        return connect("coder", self, self._world.credential, self._world.clock, self._world.warnings.append)

    def methods(self) -> list[str]:
        """The methods of all requests, in their order."""
        return [request.method for request in self.seen]

    def posted(self) -> list[Any]:
        """The bodies of all that was posted."""
        return [request.json() for request in self.seen if request.method == "POST"]


class LostAfterTheCap(Faults):
    """Loses no answer to what a mint reads before it begins: a server that is away from the first makes nothing."""

    def lose_answer(self, *, method: str = "", path: str = "", times: int = 1) -> None:
        self.add(_Lost("lose_answer", method, path, times))


class _Lost(Fault):
    def matches(self, request: Request) -> bool:
        return not request.path.endswith("/tokenconfig") and super().matches(request)


def tokens_of(user: str) -> str:
    """Where tokens of a user are listed and created."""
    return f"/api/v2/users/{user}/keys/tokens"


def _handle(token: Any) -> str:
    ours = str(token.identifier).removeprefix(PREFIX)
    return ours if ours != token.identifier and is_generation(ours) else str(token.key_id)
