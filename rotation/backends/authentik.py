"""Authentik: API tokens, each generation a row of its own.

Facts this file rests on (Authentik 2026.5): the server alone sets `expires` of an API token; a token that reaches it is
given a new key in place; a dead key is answered with 403; the key is told only by `view_key`; PATCH re-arms the expiry
and may change owner and intent, so it is never used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from rotation.backends.api_client import ApiClient, understood
from rotation.backends.protocol import Capabilities, Order
from rotation.backends.transport import Transport
from rotation.clock import Clock, from_rfc3339
from rotation.errors import BackendError, NotFound, ProbeFailed, Refused, Unauthorised, Unavailable
from rotation.model import Generation, Minted, bears_mark, is_generation, minted_at

KIND = "authentik"
CAPABILITIES = Capabilities(lists=True, leases=False, renews=False)
_TOKENS = "/api/v3/core/tokens/"
_ME = "/api/v3/core/users/me/"
_USERS = "/api/v3/core/users/"
_PAGE_SIZE = "100"


class Spec(BaseModel):
    """What an Authentik token is.

    user: whose token it is; empty: the user of the credential (self-rotation)
    mode: `schedule`: the row never expires, our deadline and revocation end it;
          `server`: the tenant's default token duration ends it
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str = ""
    mode: Literal["schedule", "server"] = "schedule"


class Authentik:
    """Mints, finds and revokes API tokens through one credential."""

    capabilities = CAPABILITIES

    def __init__(
        self, name: str, transport: Transport, credential: str, clock: Clock, warn: Callable[[str], None]
    ) -> None:
        self.name = name
        self._clock = clock
        self._client = ApiClient(name, transport, credential, _authorise, _refusal_text, clock, warn)

    def preflight(self) -> None:
        """Ask who we are: raises Unauthorised for a dead credential and ClockSkew for a clock that is off."""
        self._client.read("check the credential", _ME)

    def mint(self, order: Order) -> Minted:
        """Create a row, compare what was granted with what was asked, and read its key; undone when any of it fails."""
        spec = Spec.model_validate(order.spec)
        user = self._user_key(spec.user) if spec.user else None
        row = self._create(order, spec, user)
        try:
            with understood("mint", self.name):
                return self._granted(order, spec, user, row)
        except BackendError:
            self._undo(order.id)
            raise

    def probe(self, value: str) -> None:
        """Ask who the token is."""
        self._client.with_credential(value).read("probe", _ME)

    def inventory(self, owner: str, known: Sequence[str]) -> list[Generation]:  # noqa: ARG002 - listing finds all
        """Every row whose identifier bears our mark, over all pages. The fuzzy `search` narrows; the mark decides."""
        rows = self._rows({"search": owner})
        with understood("list tokens", self.name):
            return [_generation(row) for row in rows if bears_mark(row["identifier"], owner)]

    def find(self, handle: str) -> Generation | None:
        """Read one row, also one that does not bear our mark."""
        try:
            answer = self._client.read("look up", f"{_TOKENS}{_quoted(handle)}/")
        except NotFound:
            return None
        with understood("look up", self.name):
            return self._any_generation(answer.json())

    def recognise(self, value: str, spec: Mapping[str, Any], handle: str = "") -> Generation:
        """Ask whose the key is, and look for its row among that user's; each key that is read is an audit event."""
        username = self._username(value)
        wanted = Spec.model_validate(spec).user or self._username(self._client.credential)
        if username != wanted:
            remedy = "Only a token of the user that `spec` names is taken."
            raise Refused("recognise", f"it belongs to {username}, not to {wanted}", remedy, backend=self.name)
        rows = {row["identifier"]: row for row in self._rows({"user__username": username, "intent": "api"})}
        for identifier in sorted(rows, key=lambda name: name != handle):
            if self._key_of(identifier) == value:
                return self._any_generation(rows[identifier])
        remedy = "Let the credential read it (permission view_token_key), or mint a new token instead."
        raise Refused("recognise", f"no row of {username} that we may read has this key", remedy, backend=self.name)

    def confirm(self, handle: str, lifetime: object) -> datetime:
        """Nothing to confirm: a row lives from its creation on."""
        raise Refused("confirm", f"{handle} is no lease (wished: {lifetime})", backend=self.name)

    def renew(self, handle: str, lifetime: object) -> datetime:
        """Never: a PATCH re-arms the expiry and may change owner and intent."""
        raise Refused("renew", f"{handle} cannot be given a later end (wished: {lifetime})", backend=self.name)

    def revoke(self, handle: str) -> None:
        """Delete the row; one that does not exist is a success."""
        try:
            self._client.delete("revoke", f"{_TOKENS}{_quoted(handle)}/")
        except NotFound:
            return

    def is_dead(self, handle: str) -> bool:
        """A key is dead when its row is gone. A row that is past its end is not: the server gives it a new key."""
        try:
            self._client.read("verify", f"{_TOKENS}{_quoted(handle)}/")
        except NotFound:
            return True
        return False

    def holds(self, handle: str) -> bool:
        """Compare the row's key with our credential; each look is an audit event, so this serves a destroy only."""
        return self._key_of(handle) == self._client.credential

    def _rows(self, query: Mapping[str, str]) -> list[Mapping[str, Any]]:
        """Every row that a query finds, over all pages."""
        found: list[Mapping[str, Any]] = []
        page = 1
        while page:
            paged = {**query, "page": str(page), "page_size": _PAGE_SIZE, "ordering": "identifier"}
            answer = self._client.read("list tokens", _TOKENS, paged)
            with understood("list tokens", self.name):
                body = answer.json()
                found += body["results"]
                page = int(body["pagination"]["next"])
        return found

    def _username(self, key: str) -> str:
        answer = self._client.with_credential(key).read("ask whose it is", _ME)
        with understood("ask whose it is", self.name):
            return str(answer.json()["user"]["username"])

    def _key_of(self, identifier: str) -> str:
        """A row's key; empty where there is none that we may read."""
        act = "compare keys"
        try:
            answer = self._client.read(act, f"{_TOKENS}{_quoted(identifier)}/view_key/")
        except (NotFound, Unauthorised):
            return ""
        with understood(act, self.name):
            return str(answer.json()["key"])

    def _any_generation(self, row: Mapping[str, Any]) -> Generation:
        """A row that may have been made by hand: its identifier tells no instant then, and the server has none."""
        with understood("look up", self.name):
            if is_generation(row["identifier"]):
                return _generation(row)
            return Generation(row["identifier"], row["identifier"], self._clock().replace(microsecond=0), _end(row))

    def _create(self, order: Order, spec: Spec, user: int | None) -> Mapping[str, Any]:
        payload: dict[str, Any] = {
            "identifier": order.id,
            "intent": "api",
            "description": f"token-rotation: generation of {order.token}",
            "expiring": spec.mode == "server",
        }
        if user is not None:
            payload["user"] = user
        return self._post_once(order.id, payload)

    def _granted(self, order: Order, spec: Spec, user: int | None, row: Mapping[str, Any]) -> Minted:
        if user is not None and row["user"] != user:
            raise ProbeFailed(
                "mint",
                f"the server gave the token to the credential's own user instead of {spec.user}",
                "Only a superuser's credential can mint for somebody else.",
                backend=self.name,
            )
        if spec.mode == "schedule" and row["expiring"]:
            raise Refused(
                "mint",
                "the server made the token expiring, which the mode `schedule` cannot hold",
                "Give the owning user the attribute `goauthentik.io/user/token-expires: false`, or mint with a"
                " superuser's credential, or choose `mode: server`.",
                backend=self.name,
            )
        created = order.now
        expires = from_rfc3339(row["expires"]).replace(microsecond=0) if row["expiring"] else created + order.lifetime
        key = self._client.read("read the new key", f"{_TOKENS}{_quoted(order.id)}/view_key/").json()["key"]
        return Minted(order.id, order.id, created, expires, value=key)

    def _post_once(self, identifier: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Create the row; when the answer is lost, look for our own id, which nobody else can have made."""
        try:
            body: Mapping[str, Any] = self._client.write("mint", "POST", _TOKENS, payload).json()
        except Unavailable:
            try:
                body = self._client.read("look for the new token", f"{_TOKENS}{_quoted(identifier)}/").json()
            except NotFound:
                body = self._client.write("mint", "POST", _TOKENS, payload).json()
        return body

    def _undo(self, identifier: str) -> None:
        """Take back a row that may not stay. When that fails too, the sweep finds it by its mark."""
        with suppress(BackendError):
            self.revoke(identifier)

    def _user_key(self, username: str) -> int:
        answer = self._client.read("look up the user", _USERS, {"username": username})
        with understood("look up the user", self.name):
            keys = [user["pk"] for user in answer.json()["results"] if user["username"] == username]
        if len(keys) != 1:
            remedy = "Correct `spec.user`, or let the credential's user see it (permission view_user)."
            raise Refused("look up the user", f"{len(keys)} users are named {username}", remedy, backend=self.name)
        return int(keys[0])


def connect(name: str, transport: Transport, credential: str, clock: Clock, warn: Callable[[str], None]) -> Authentik:
    """One Authentik server with one credential."""
    return Authentik(name, transport, credential, clock, warn)


def _authorise(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}"}


def _refusal_text(body: Any) -> str:
    """`detail`, or the messages by field."""
    if "detail" in body:
        return str(body["detail"])
    return "; ".join(f"{name}: {' '.join(map(str, texts))}" for name, texts in body.items())


def _generation(row: Mapping[str, Any]) -> Generation:
    identifier = row["identifier"]
    return Generation(identifier, identifier, minted_at(identifier), _end(row))


def _end(row: Mapping[str, Any]) -> datetime | None:
    return from_rfc3339(row["expires"]).replace(microsecond=0) if row["expiring"] and row["expires"] else None


def _quoted(identifier: str) -> str:
    return quote(identifier, safe="")
