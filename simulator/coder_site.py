"""The simulated Coder, seen from outside: an Owner's credential, and the users whose tokens it mints."""

from __future__ import annotations

from datetime import datetime, timedelta

from rotation.backends import coder as client
from rotation.backends.registry import Connect
from rotation.backends.transport import Request, Response
from rotation.clock import Clock
from sandbox.apis.coder import Coder
from simulator.sites import TEAMS, Act, Change

_PREFIX = "template-automation-"
_LONG = timedelta(days=40_000)


class CoderSite:
    """Its teams are Template Admins; the Owner's own tokens live 7 days at most."""

    lists: bool = True

    def __init__(self, name: str, clock: Clock, seed: int) -> None:
        self.name = name
        server = Coder(clock, seed=seed)
        server.add_user("root")
        for team in TEAMS:
            server.add_user(team, roles=("template-admin",))
        self.credential = server.issue("root", "rotator", lifetime=_LONG)
        self._server = server
        self._generations: dict[str, str] = {}

    @property
    def connect(self) -> Connect:
        return client.connect

    def handle(self, request: Request) -> Response:
        return self._server.handle(request)

    def accepts(self, value: str) -> bool:
        return self._server.accepts(value)

    def act(self, request: Request) -> Act:
        """`users/USER`, `users/USER/keys/KEY`, and `users/USER/keys/tokens` with what comes after it."""
        parts = request.path.removeprefix("/api/v2/").split("/")
        if len(parts) == 2:
            return Act("who am I" if parts[1] == "me" else "look up user", False)
        if parts[-1] == "tokenconfig":
            return Act("read cap", False)
        if parts[-1] == "tokens":
            listing = request.method == "GET"
            return Act("list", False) if listing else Act("mint", True, _named(str(request.json()["token_name"])))
        subject = self._generations.get(parts[-1], "unknown")
        return Act("revoke", True, subject) if request.method == "DELETE" else Act("read token", False, subject)

    def is_ours(self, request: Request, credential: str) -> bool:
        return request.headers.get("coder-session-token") == credential

    def change(self, request: Request, response: Response, now: datetime) -> Change | None:  # noqa: ARG002
        act = self.act(request)
        if act.name == "mint" and response.status == 201:
            value = str(response.json()["key"])
            row = next(token for token in self._server.live_tokens() if value.startswith(f"{token.key_id}-"))
            self._generations[row.key_id] = act.subject
            return Change("born", act.subject, row.expires, value)
        if act.name == "revoke" and response.status == 204:
            return Change("died", act.subject)
        return None

    def alive(self) -> set[str]:
        """Every generation that the server accepts, ours by the form of its name."""
        return {_named(token.identifier) for token in self._server.live_tokens() if token.identifier.count("_") == 3}


def _named(name: str) -> str:
    return name.removeprefix(_PREFIX)
