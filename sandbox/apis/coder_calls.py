"""What every view of the simulated Coder works with: the call, its refusals, and how instants are written."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from rotation.backends.transport import Request
from sandbox.apis.coder_records import Store, User
from sandbox.apis.routing import Refusal

SIGNED_OUT = "You are signed out or your session has expired. Please sign in again to continue."
TAKEN = "This value is already in use and should be unique."
_NAME = re.compile(r"[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*")
_LONGEST_NAME = 32
_NOT_FOUND = "Resource not found or you do not have access to this resource"
Found = TypeVar("Found")


@dataclass(frozen=True)
class Settings:
    """How the deployment is set, and how old its server is.

    cap, owner_cap: the longest lifetime of a token of a user, and of an Owner
    default:        where a request asks for none; no cap applies to it
    lists_expired:  whether a listing shows what has ended unasked, as it did until February 2026
    patches_whole:  whether a change of a template resets what it does not name, as it did until May 2026
    job_polls:      how often a job is looked at before it is done
    """

    cap: timedelta
    owner_cap: timedelta
    default: timedelta
    lists_expired: bool
    patches_whole: bool
    job_polls: int

    def cap_of(self, user: User) -> timedelta:
        """The longest lifetime of this user's tokens."""
        return self.owner_cap if user.is_owner else self.cap


@dataclass
class Call:
    """One request at one instant. `caller` is None where nobody is signed in."""

    request: Request
    caller: User | None
    now: datetime
    store: Store
    settings: Settings
    params: Mapping[str, str]

    @property
    def who(self) -> User:
        """The caller; raises Refusal 401."""
        if self.caller is None:
            raise signed_out('Cookie "coder_session_token" or query parameter must be provided.')
        return self.caller

    def user(self) -> User:
        """The user that the path names. Raises Refusal 400 for one that is not there or may not be seen."""
        asked = self.params["user"]
        found = self.who if asked == "me" else self.store.named_user(asked)
        if found is None or not (found is self.who or self.who.sees_users):
            raise refused(400, '"user" must be an existing uuid or username.', f'queried user="{asked}"')
        return found

    def owns(self, user: User) -> bool:
        """Whether the caller sees and ends this user's keys: an Owner everybody's, anybody else only their own."""
        return self.who.is_owner or self.who is user

    def body(self) -> dict[str, Any]:
        """The body as an object; raises Refusal 400. Fields that the server does not know are ignored."""
        try:
            told = self.request.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise unreadable("the body is no JSON object")
        return told

    def flag(self, name: str) -> bool:
        return self.request.query.get(name, "").lower() in {"true", "1", "t"}

    def at(self, name: str, kept: Mapping[str, Found]) -> Found:
        """What the path names by its id. Raises Refusal 400 for what is no id, 404 for what is not there."""
        asked = self.params[name]
        try:
            uuid.UUID(asked)
        except ValueError:
            raise refused(400, f'Invalid UUID "{asked}".', f"invalid UUID length: {len(asked)}") from None
        if asked not in kept:
            raise missing()
        return kept[asked]

    def require_writer(self) -> None:
        """Raises Refusal 404 for whoever may not write templates: the server hides what it refuses."""
        if not self.who.may_write_templates:
            raise missing()

    def require_organization(self) -> None:
        """Raises Refusal 404 for another than the one that is there: by id, by name, or as `default`."""
        if self.params["org"] not in (self.store.organization, "coder", "default"):
            raise missing()


def text_of(body: Mapping[str, Any], name: str) -> str:
    """A text; empty where it is absent. Raises Refusal 400 for another type."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise unreadable(f"json: cannot unmarshal into Go struct field .{name} of type string")
    return value


def lacking(body: Mapping[str, Any], *names: str) -> dict[str, str]:
    """The validations of fields that must be given and are not."""
    return {name: 'Validation failed for tag "required" with value: ""' for name in names if not text_of(body, name)}


def is_name(text: str) -> bool:
    """What users and templates may be called."""
    return bool(_NAME.fullmatch(text)) and len(text) <= _LONGEST_NAME


def refused(status: int, message: str, detail: str = "", **fields: str) -> Refusal:
    """An error as Coder writes it; `fields` are validations."""
    payload: dict[str, Any] = {"message": message, **({"detail": detail} if detail else {})}
    if fields:
        payload["validations"] = [{"field": name, "detail": text} for name, text in fields.items()]
    return Refusal(status, payload)


def unreadable(detail: str) -> Refusal:
    return refused(400, "Request body must be valid JSON.", detail)


def invalid(**fields: str) -> Refusal:
    return refused(400, "Validation failed.", **fields)


def signed_out(detail: str) -> Refusal:
    return refused(401, SIGNED_OUT, detail)


def missing() -> Refusal:
    return refused(404, _NOT_FOUND)


def written(instant: datetime) -> str:
    """As the server writes instants in JSON."""
    return instant.isoformat().replace("+00:00", "Z")


def go_instant(instant: datetime) -> str:
    """As Go prints an instant: `2026-01-31 02:00:00 +0000 UTC`."""
    fraction = f".{instant.microsecond:06}".rstrip("0").rstrip(".")
    return f"{instant:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC"


def go_duration(length: timedelta) -> str:
    """As Go prints a length: `168h0m0s`."""
    seconds = int(length.total_seconds())
    return f"{seconds // 3600}h{seconds % 3600 // 60}m{seconds % 60}s"
