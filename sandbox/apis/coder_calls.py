"""What every view of the simulated Coder works with: the call, its refusals, and how instants are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rotation.backends.transport import Request
from sandbox.apis.coder_records import Store, User
from sandbox.apis.routing import Refusal

SIGNED_OUT = "You are signed out or your session has expired. Please sign in again to continue."


@dataclass(frozen=True)
class Limits:
    """What the deployment's settings say of tokens.

    cap, owner_cap: the longest lifetime of a token of a user, and of an Owner
    default:        where a request asks for none
    lists_expired:  whether a listing shows what has ended unasked, as it did until February 2026
    job_polls:      how often a job is looked at before it is done
    """

    cap: timedelta
    owner_cap: timedelta
    default: timedelta
    lists_expired: bool
    job_polls: int

    def of(self, user: User) -> timedelta:
        """The longest lifetime of this user's tokens."""
        return self.owner_cap if user.is_owner else self.cap


@dataclass
class Call:
    """One request at one instant. `caller` is None where nobody is signed in."""

    request: Request
    caller: User | None
    now: datetime
    store: Store
    limits: Limits
    params: Mapping[str, str]

    @property
    def who(self) -> User:
        """The caller; raises Refusal 401."""
        if self.caller is None:
            raise unauthorised('Cookie "coder_session_token" or query parameter must be provided.')
        return self.caller

    def user(self) -> User:
        """The user that the path names, if the caller may see it; raises Refusal 404."""
        found = self.who if self.params["user"] == "me" else self.store.named_user(self.params["user"])
        if found is None or not self.sees(found):
            raise missing()
        return found

    def sees(self, user: User) -> bool:
        """An Owner sees everybody, anybody else only oneself."""
        return self.who.is_owner or self.who is user

    def body(self) -> dict[str, Any]:
        """The body as an object; raises Refusal 400. Fields that the server does not know are ignored."""
        try:
            told = self.request.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise refused(400, "Request body must be valid JSON.")
        return told

    def flag(self, name: str) -> bool:
        return self.request.query.get(name, "").lower() in ("true", "1", "t")

    def require_templates(self) -> None:
        """Raises Refusal 404 for whoever may not write templates: the server hides what it refuses."""
        if not self.who.may_write_templates:
            raise missing()


def refused(status: int, message: str, detail: str = "", **fields: str) -> Refusal:
    """An error as Coder writes it; `fields` are validations."""
    payload: dict[str, Any] = {"message": message, **({"detail": detail} if detail else {})}
    if fields:
        payload["validations"] = [{"field": name, "detail": text} for name, text in fields.items()]
    return Refusal(status, payload)


def unauthorised(detail: str) -> Refusal:
    return refused(401, SIGNED_OUT, detail)


def missing() -> Refusal:
    return refused(404, "Resource not found or you do not have access to this resource")


def written(instant: datetime) -> str:
    """As the server writes instants."""
    return instant.isoformat().replace("+00:00", "Z")


def go_duration(length: timedelta) -> str:
    """As Go writes a length: `168h0m0s`."""
    seconds = int(length.total_seconds())
    return f"{seconds // 3600}h{seconds % 3600 // 60}m{seconds % 60}s"
