"""What a token is: its policy, its generations and their ids. No act and no decision lives here."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotation.durations import Duration

TOKEN_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_GENERATION = re.compile(r"(?P<owner>[-a-z0-9]+)_(?P<token>[-a-z0-9]+)_(?P<stamp>\d{8}t\d{6}z)_(?P<nonce>[a-z0-9]{6})")
_STAMP = "%Y%m%dt%H%M%Sz"
_NONCE_ALPHABET = string.ascii_lowercase + string.digits


class Policy(BaseModel):
    """How long a token lives and when it is replaced. A token needs `rotate_before`, `rotate_every` or both.

    lifetime:         what is asked of the backend; what it grants counts
    rotate_before:    rotate this long before the end
    rotate_every:     rotate at this age
    renew_before:     extend the same generation this long before its end, where the backend can
    overlap:          how long the superseded generation still works after its successor was published
    tolerated_outage: how long runs may fail without harm
    warn_before:      distances from the end at which people are told
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lifetime: Duration
    rotate_before: Duration | None = None
    rotate_every: Duration | None = None
    renew_before: Duration | None = None
    overlap: Duration
    tolerated_outage: Duration = timedelta(days=3)
    warn_before: Annotated[tuple[Duration, ...], Field(default=())] = ()

    @model_validator(mode="after")
    def _rotates_at_all(self) -> Policy:
        if self.rotate_before is None and self.rotate_every is None:
            raise ValueError("a policy needs rotate_before, rotate_every or both, or the token would never rotate")
        return self


@dataclass(frozen=True)
class Generation:
    """One minted instance of a token, without its value.

    id:      ours, unique for each attempt to mint
    handle:  the backend's own name for it, enough to revoke it (identifier, accessor)
    expires: the end that the backend granted or that we set; None when the backend does not tell
    """

    id: str
    handle: str
    created: datetime
    expires: datetime | None = None


@dataclass(frozen=True)
class Minted(Generation):
    """A generation with its value, which appears in no repr."""

    value: str = field(default="", repr=False, kw_only=True)


def owner_mark(project: str, stack: str, backend: str = "") -> str:
    """The mark on everything that one stack mints: the stack's name made plain, and a hash that keeps marks apart.

    backend: the entry's name where a stack has several at one server, so that none takes another's for orphans.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", stack.lower()).strip("-")[:24] or "stack"
    named = f"{project}/{stack}" + (f"\n{backend}" if backend else "")
    return f"{plain}-{hashlib.sha256(named.encode()).hexdigest()[:8]}"


def new_generation_id(owner: str, token: str, now: datetime) -> str:
    """A fresh id, as in `homelab-3f9a1c2b_authentik-admin_20260131t020000z_k3x9ab`; different at each call."""
    nonce = "".join(secrets.choice(_NONCE_ALPHABET) for _ in range(6))
    return f"{owner}_{token}_{now.astimezone(UTC).strftime(_STAMP)}_{nonce}"


def bears_mark(generation_id: str, owner: str) -> bool:
    """Whether an id was made by this owner."""
    match = _GENERATION.fullmatch(generation_id)
    return match is not None and match["owner"] == owner


def token_of(generation_id: str) -> str:
    """The token's name inside an id; raises ValueError when it is not one of ours."""
    return _parts(generation_id)["token"]


def minted_at(generation_id: str) -> datetime:
    """When the id was made, to the second; raises ValueError when it is not one of ours."""
    return datetime.strptime(_parts(generation_id)["stamp"], _STAMP).replace(tzinfo=UTC)


def _parts(generation_id: str) -> re.Match[str]:
    match = _GENERATION.fullmatch(generation_id)
    if match is None:
        raise ValueError(f"{generation_id!r} is not a generation id")
    return match


def is_newer(candidate: str, than: str) -> bool:
    """Whether one generation was minted in a later second than another; False when either id is not ours."""
    try:
        return minted_at(candidate) > minted_at(than)
    except ValueError:
        return False


def fingerprint(value: str) -> str:
    """A short digest that tells two values apart and nothing about either; empty for no value."""
    return hashlib.sha256(value.encode()).hexdigest()[:16] if value else ""


def newest(generation_ids: Sequence[str]) -> str | None:
    """The latest minted of some ids; None of none."""
    return max(generation_ids, key=minted_at, default=None)
