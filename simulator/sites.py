"""The simulated servers, seen from outside: what each request means, what it brought to life, and what it ended.

A site reads the exchange between client and server, as a proxy could, and knows nothing of the code under test.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from rotation.backends import authentik as authentik_client
from rotation.backends import vault as vault_client
from rotation.backends.registry import Connect
from rotation.backends.transport import Request, Response
from rotation.clock import Clock, from_rfc3339
from sandbox.apis.authentik import Authentik
from sandbox.apis.authentik_records import TOKEN_EXPIRES
from sandbox.apis.vault import Vault

TEAMS = ("team-a", "team-b")
ROLES = ("rotated", "rotated-b")


@dataclass(frozen=True)
class Act:
    """What a request asks for. `subject` is a generation or a handle, never a value."""

    name: str
    writes: bool
    subject: str = ""


@dataclass(frozen=True)
class Change:
    """What an answered request changed: a generation was born, its value was told, its end moved, or it died."""

    what: str
    generation: str
    end: datetime | None = None
    value: str = ""


class Site(Protocol):
    """One server with the credential that production uses there."""

    name: str
    credential: str

    lists: bool

    @property
    def connect(self) -> Connect: ...
    def handle(self, request: Request, /) -> Response: ...
    def act(self, request: Request) -> Act: ...
    def is_ours(self, request: Request, credential: str) -> bool: ...
    def change(self, request: Request, response: Response, now: datetime) -> Change | None: ...
    def accepts(self, value: str) -> bool: ...
    def alive(self) -> set[str]: ...


class AuthentikSite:
    """A simulated Authentik. Its credential is a superuser's, or a service account's own token (self-rotation)."""

    lists: bool = True

    def __init__(self, name: str, clock: Clock, seed: int, *, self_rotation: bool) -> None:
        self.name = name
        server = Authentik(clock, seed=seed, default_token_duration="days=90")  # noqa: S106 - a length of time
        for team in TEAMS:
            server.add_user(team, attributes={TOKEN_EXPIRES: False})
        self.credential = server.bootstrap_key
        if self_rotation:
            server.add_user("bot", attributes={TOKEN_EXPIRES: False})
            self.credential = server.issue("bot", "bot-by-hand", expiring=False)
        self._server = server

    @property
    def connect(self) -> Connect:
        return authentik_client.connect

    def handle(self, request: Request) -> Response:
        return self._server.handle(request)

    def accepts(self, value: str) -> bool:
        return self._server.accepts(value)

    def act(self, request: Request) -> Act:
        path = request.path.removeprefix("/api/v3/core/")
        if path == "users/me/":
            return Act("who am I", False)
        if path.startswith("users/"):
            return Act("look up user", False)
        parts = path.split("/")  # tokens/ID/..., or tokens/
        if not parts[1]:
            listing = request.method == "GET"
            return Act("list", False) if listing else Act("mint", True, str(request.json()["identifier"]))
        if request.method == "DELETE":
            return Act("revoke", True, parts[1])
        return Act("read key" if parts[2] == "view_key" else "read token", False, parts[1])

    def is_ours(self, request: Request, credential: str) -> bool:
        return request.headers.get("authorization") == f"Bearer {credential}"

    def change(self, request: Request, response: Response, now: datetime) -> Change | None:  # noqa: ARG002
        act = self.act(request)
        if act.name == "mint" and response.status == 201:
            row = response.json()
            return Change("born", act.subject, from_rfc3339(row["expires"]) if row["expiring"] else None)
        if act.name == "read key" and response.status == 200:
            return Change("told", act.subject, value=str(response.json()["key"]))
        if act.name == "revoke" and response.status == 204:
            return Change("died", act.subject)
        return None

    def alive(self) -> set[str]:
        """Every generation that the server accepts, ours by the form of its name."""
        return {token.identifier for token in self._server.live_tokens() if token.identifier.count("_") == 3}


class VaultSite:
    """A simulated Vault with an orphan role and a rotator's credential that never ends."""

    lists: bool = False

    def __init__(self, name: str, clock: Clock, seed: int) -> None:
        self.name = name
        server = Vault(clock, seed=seed)
        for role in ROLES:
            server.prepare_rotation(role, rotator=f"rotator-{role}")
        self.credential = server.issue(*(f"rotator-{role}" for role in ROLES), ttl=None)
        self._server = server
        self._generations: dict[str, str] = {}

    @property
    def connect(self) -> Connect:
        return vault_client.connect

    def handle(self, request: Request) -> Response:
        return self._server.handle(request)

    def accepts(self, value: str) -> bool:
        return self._server.accepts(value)

    def act(self, request: Request) -> Act:
        path = request.path.removeprefix("/v1/auth/token/")
        if path == "lookup-self":
            return Act("who am I", False)
        if path.startswith("create/"):
            return Act("mint", True, str(request.json()["meta"]["generation"]))
        subject = self._generations.get(request.json()["accessor"], "unknown")
        names = {"lookup-accessor": "read token", "renew-accessor": "extend", "revoke-accessor": "revoke"}
        return Act(names[path], path != "lookup-accessor", subject)

    def is_ours(self, request: Request, credential: str) -> bool:
        return request.headers.get("x-vault-token") == credential

    def change(self, request: Request, response: Response, now: datetime) -> Change | None:
        act = self.act(request)
        if act.name == "mint" and response.status == 200:
            auth = response.json()["auth"]
            name = self._named(act.subject, auth["accessor"])
            return Change("born", name, now + timedelta(seconds=auth["lease_duration"]), auth["client_token"])
        if act.name == "extend" and response.status == 200:
            return Change("extended", act.subject, now + timedelta(seconds=response.json()["auth"]["lease_duration"]))
        if act.name == "revoke" and response.status == 204:
            return Change("died", act.subject)
        return None

    def alive(self) -> set[str]:
        """Every generation that the server accepts."""
        return {self._generations[token.accessor] for token in self._server.live_tokens() if token.generation}

    def _named(self, generation: str, accessor: str) -> str:
        """A mint whose answer came late may have been asked for twice: the second is told apart."""
        taken = set(self._generations.values())
        name = generation if generation not in taken else f"{generation}+"
        self._generations[accessor] = name
        return name
