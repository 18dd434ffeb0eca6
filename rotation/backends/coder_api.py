"""Coder's API as its adapter and its bootstrap call it: client, paths, and a token's row. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from rotation.backends.api_client import ApiClient, understood
from rotation.backends.transport import Transport
from rotation.clock import Clock, from_rfc3339
from rotation.model import Generation, is_generation, minted_at

PREFIX = "template-automation-"
OURSELVES = "me"
USERS = "/api/v2/users/"
_LONG_SCOPES = {"all": "coder:all", "application_connect": "coder:application_connect"}


@dataclass(frozen=True)
class User:
    """Whose a credential is."""

    id: str
    username: str

    def is_called(self, name: str) -> bool:
        """Whether a name or an id means this user; the server tells no case apart."""
        return name.casefold() in {self.id.casefold(), self.username.casefold()}


@dataclass(frozen=True)
class Row:
    """One key of a user, without its value.

    id:         the part of the value before its first `-`
    user:       the id of the user whose it is
    generation: our id; empty where the name is another
    is_token:   False for a session
    scopes:     in their long form
    """

    id: str
    user: str
    generation: str
    created: datetime
    expires: datetime
    is_token: bool
    scopes: frozenset[str]

    @property
    def handle(self) -> str:
        """Our id, or the key id of what was made by hand."""
        return self.generation or self.id

    def as_generation(self) -> Generation:
        """What was made by hand is a generation under its key id."""
        created = minted_at(self.generation) if self.generation else self.created
        return Generation(self.handle, self.handle, created, self.expires)


def client(
    name: str, transport: Transport, credential: str, clock: Clock, warn: Callable[[str], None] = lambda _text: None
) -> ApiClient:
    """Calls to one server; without a credential where it is empty."""
    return ApiClient(name, transport, credential, _authorise, refusal_text, clock, warn)


def whoami(asking: ApiClient, act: str) -> User:
    """Whose the credential is. Raises Unauthorised for a dead one."""
    answer = asking.read(act, USERS + OURSELVES)
    with understood(act, asking.backend):
        told = answer.json()
        return User(str(told["id"]), str(told["username"]))


def read_row(told: Mapping[str, Any]) -> Row:
    """Read a row. Raises KeyError, TypeError or ValueError for what is none; see `understood`."""
    name = str(told["token_name"])
    ours = name.removeprefix(PREFIX)
    scopes = told.get("scopes") or [told.get("scope") or "all"]  # one that tells none may do all
    return Row(
        id=str(told["id"]),
        user=str(told["user_id"]),
        generation=ours if ours != name and is_generation(ours) else "",
        created=_whole_second(told["created_at"]),
        expires=_whole_second(told["expires_at"]),
        is_token=told["login_type"] == "token",
        scopes=long_scopes(scopes),
    )


def long_scopes(scopes: list[str] | tuple[str, ...]) -> frozenset[str]:
    """Scopes by the names that the server stores."""
    return frozenset(_LONG_SCOPES.get(scope, scope) for scope in scopes)


def user_path(user: str) -> str:
    """One user, by name, id or `me`."""
    return USERS + quote(user, safe="")


def tokens_path(user: str) -> str:
    """All tokens of a user, and where one is created."""
    return f"{user_path(user)}/keys/tokens"


def key_path(user: str, key: str) -> str:
    """One key, by its id, which is no secret."""
    return f"{user_path(user)}/keys/{quote(key, safe='')}"


def refusal_text(body: Any) -> str:
    """`message`, `detail`, and what is wrong by field. Raises KeyError without a message: no server of ours speaks."""
    wrong = [f"{item['field']}: {item['detail']}" for item in body.get("validations") or []]
    return "; ".join(str(text).rstrip(".") for text in (body["message"], body.get("detail"), *wrong) if text)


def _authorise(credential: str) -> dict[str, str]:
    return {"coder-session-token": credential} if credential else {}


def _whole_second(text: str) -> datetime:
    return from_rfc3339(text).replace(microsecond=0)
