"""Vault and OpenBao: orphan tokens of a token role, leased until confirmed.

Facts this file rests on (OpenBao 2.7.2, Vault 1.21): a child dies with its parent, so only an orphan role will do;
listing accessors needs sudo, so what nobody knows cannot be found and a mint must die by itself until it is confirmed;
`renew-accessor` with an increment moves the end of a non-periodic token, never past 768 h after its issue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from rotation.backends.api_client import ApiClient, understood
from rotation.backends.protocol import Capabilities, Order
from rotation.backends.transport import Transport
from rotation.clock import Clock, from_rfc3339
from rotation.errors import BackendError, NotFound, Refused, Unavailable
from rotation.model import Generation, Minted

KIND = "vault"
CAPABILITIES = Capabilities(lists=False, leases=True, renews=True, cap=timedelta(hours=768))
LONGEST_LEASE = timedelta(minutes=10)
_TOKEN = "/v1/auth/token/"  # noqa: S105 - a path
_GONE = ("invalid accessor", "token not found")


class Spec(BaseModel):
    """What a Vault token is.

    role:     the token role that makes it an orphan
    policies: a subset of what the role allows; empty: all of it
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: str
    policies: tuple[str, ...] = ()


class Vault:
    """Mints by a role, and tells, extends and ends tokens by their accessor."""

    capabilities = CAPABILITIES

    def __init__(
        self, name: str, transport: Transport, credential: str, clock: Clock, warn: Callable[[str], None]
    ) -> None:
        self.name = name
        self._clock = clock
        self._client = ApiClient(name, transport, credential, _authorise, _refusal_text, clock, warn)

    def preflight(self) -> None:
        """Look ourselves up: raises Unauthorised for a dead credential and ClockSkew for a clock that is off."""
        self._client.read("check the credential", f"{_TOKEN}lookup-self")

    def mint(self, order: Order) -> Minted:
        """Create a short lease. A lost answer is harmless: what it made dies within the lease."""
        spec = Spec.model_validate(order.spec)
        payload: dict[str, Any] = {
            "ttl": f"{_seconds(_lease(order.lifetime))}s",
            "display_name": order.token,
            "meta": {"owner": order.owner, "token": order.token, "generation": order.id},
        }
        if spec.policies:
            payload["policies"] = list(spec.policies)
        answer = self._client.ask("mint", f"{_TOKEN}create/{spec.role}", payload)
        with understood("mint", self.name):
            auth = answer.json()["auth"]
            self._refuse_unfit(auth, spec.role)
            expires = self._end_after(auth["lease_duration"])
            return Minted(order.id, auth["accessor"], order.now, expires, value=auth["client_token"])

    def probe(self, value: str) -> None:
        """Let the token look itself up."""
        self._client.with_credential(value).read("probe", f"{_TOKEN}lookup-self")

    def inventory(self, owner: str, known: Sequence[str]) -> list[Generation]:
        """Those of the known accessors that are alive, one call each; none known: our own credential, if marked."""
        if not known:
            data = self._own()
            return [self._read(data)] if (data.get("meta") or {}).get("owner") == owner else []
        found = []
        for accessor in known:
            with suppress(NotFound):
                found.append(self._read(self._look_up(accessor)))
        return found

    def find(self, handle: str) -> Generation | None:
        """Look an accessor up."""
        try:
            return self._read(self._look_up(handle))
        except NotFound:
            return None

    def recognise(self, value: str, spec: Mapping[str, Any], handle: str = "") -> Generation:  # noqa: ARG002 - asks itself
        """Let the token look itself up, and compare its role, or its policies where the spec names them."""
        wanted, act = Spec.model_validate(spec), "recognise"
        answer = self._client.with_credential(value).read(act, f"{_TOKEN}lookup-self")
        with understood(act, self.name):
            data = answer.json()["data"]
            policies = set(data["policies"]) - {"default"}
            ours = policies == set(wanted.policies) if wanted.policies else data["path"].endswith(f"/{wanted.role}")
        if not ours:
            cause = f"its policies are {', '.join(sorted(policies)) or 'none'} and its path is {data['path']}"
            remedy = f"Only a token of the role {wanted.role} is taken, or one of just the policies that `spec` names."
            raise Refused(act, cause, remedy, backend=self.name)
        return self._read(data)

    def confirm(self, handle: str, lifetime: timedelta) -> datetime:
        """Extend the lease to its full life; raises NotFound when it has died."""
        return self._extend("confirm", handle, lifetime)

    def renew(self, handle: str, lifetime: timedelta) -> datetime:
        """Give the token a full lifetime from now, as far as the server's cap allows."""
        return self._extend("renew", handle, lifetime)

    def revoke(self, handle: str) -> None:
        """End the token; the answer that it is unknown is a success."""
        with suppress(NotFound):
            self._by_accessor("revoke", "revoke-accessor", {"accessor": handle})

    def is_dead(self, handle: str) -> bool:
        """Ask for the accessor: only the server's word that there is none counts."""
        try:
            self._look_up(handle)
        except NotFound:
            return True
        return False

    def holds(self, handle: str) -> bool:
        """Whether the accessor is our own."""
        return bool(self._own().get("accessor") == handle)

    def _look_up(self, accessor: str) -> Mapping[str, Any]:
        answer = self._by_accessor("look up", "lookup-accessor", {"accessor": accessor})
        with understood("look up", self.name):
            return dict(answer["data"])

    def _own(self) -> Mapping[str, Any]:
        answer = self._client.read("look up the credential", f"{_TOKEN}lookup-self")
        with understood("look up the credential", self.name):
            return dict(answer.json()["data"])

    def _read(self, data: Mapping[str, Any]) -> Generation:
        with understood("look up", self.name):
            return _generation(data)

    def _extend(self, act: str, accessor: str, lifetime: timedelta) -> datetime:
        payload = {"accessor": accessor, "increment": _seconds(lifetime)}
        answer = self._by_accessor(act, "renew-accessor", payload)
        with understood(act, self.name):
            return self._end_after(answer["auth"]["lease_duration"])

    def _by_accessor(self, act: str, path: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            body: Mapping[str, Any] = self._client.ask(act, f"{_TOKEN}{path}", payload).json() or {}
        except Refused as refused:
            if any(text in refused.cause for text in _GONE):
                raise NotFound(act, refused.cause, backend=self.name) from None
            raise
        except NotFound as lost:  # of a token the server says it by a 400: this is no path of its own
            raise Unavailable(act, lost.cause, "Check the url of the backend.", backend=self.name) from None
        return body

    def _refuse_unfit(self, auth: Mapping[str, Any], role: str) -> None:
        if auth["orphan"] and auth["renewable"]:
            return
        with suppress(BackendError):
            self.revoke(auth["accessor"])
        lacking = "an orphan" if not auth["orphan"] else "renewable"
        remedy = f"Write auth/token/roles/{role} with orphan=true and renewable=true."
        raise Refused("mint", f"the role {role} makes a token that is not {lacking}", remedy, backend=self.name)

    def _end_after(self, seconds: int) -> datetime:
        return (self._clock() + timedelta(seconds=seconds)).replace(microsecond=0)


def connect(name: str, transport: Transport, credential: str, clock: Clock, warn: Callable[[str], None]) -> Vault:
    """One Vault or OpenBao server with one credential."""
    return Vault(name, transport, credential, clock, warn)


def _lease(lifetime: timedelta) -> timedelta:
    return min(LONGEST_LEASE, lifetime / 4)


def _seconds(length: timedelta) -> int:
    return max(1, int(length.total_seconds()))


def _authorise(credential: str) -> dict[str, str]:
    return {"x-vault-token": credential}


def _refusal_text(body: Any) -> str:
    return "; ".join(str(text) for text in body["errors"])


def _generation(data: Mapping[str, Any]) -> Generation:
    meta = data.get("meta") or {}
    created = from_rfc3339(data["issue_time"])
    expires = from_rfc3339(data["expire_time"]).replace(microsecond=0) if data["expire_time"] else None
    return Generation(meta.get("generation", data["accessor"]), data["accessor"], created, expires)
