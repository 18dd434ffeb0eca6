"""What a token is: its policy, its generations and their ids. No act and no decision lives here."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from operator import not_
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rotation.durations import Duration, LocalDate, LocalTime

TOKEN_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_GENERATION = re.compile(r"(?P<owner>[-a-z0-9]+)_(?P<token>[-a-z0-9]+)_(?P<stamp>\d{8}t\d{6}z)_(?P<nonce>[a-z0-9]{6})")
_STAMP = "%Y%m%dt%H%M%Sz"
_NONCE_ALPHABET = string.ascii_lowercase + string.digits


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_STRICT = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class Window(BaseModel):
    """A time of the week in which rotations may begin: `{days: [sat], from: "22:00", to: "04:00"}`, by the local clock.

    days:   the days on which it opens; every day unless told
    opens:  written `from`
    closes: written `to`, and not part of it; at or before `from` it lies on the day after
    """

    model_config = _STRICT

    days: tuple[Weekday, ...] = WEEK
    opens: LocalTime = Field(alias="from")
    closes: LocalTime = Field(alias="to")

    @model_validator(mode="after")
    def _is_some_time(self) -> Window:
        if not self.days:
            raise ValueError("a window on no day never opens; leave `days` out for every day")
        if self.opens == timedelta(days=1):
            raise ValueError('a window that opens at 24:00 opens on the day after; write `from: "00:00"` of that day')
        if self.opens == self.closes:
            raise ValueError('a window that closes when it opens is empty; a whole day is `from: "00:00", to: "24:00"`')
        return self


class Blackout(BaseModel):
    """Local dates, both inclusive, on which no rotation begins: `{from: 2026-12-20, to: 2027-01-03}`."""

    model_config = _STRICT

    first: LocalDate = Field(alias="from")
    last: LocalDate = Field(alias="to")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Blackout:
        if self.last < self.first:
            raise ValueError(f"a blackout from {self.first} to {self.last} ends before it begins")
        return self

    def covers(self, day: date) -> bool:
        """Whether a date lies in it."""
        return self.first <= day <= self.last


class Policy(BaseModel):
    """How long a token lives and when it is replaced. A token needs `rotate_before`, `rotate_every` or both.

    lifetime:         what is asked of the backend; what it grants counts
    rotate_before:    rotate this long before the end
    rotate_every:     rotate at this age
    renew_before:     extend the same generation this long before its end, where the backend can
    overlap:          how long the superseded generation still works after its successor was published
    tolerated_outage: how long runs may fail without harm
    warn_before:      distances from the end at which people are told
    jitter:           rotate earlier by a part of this, which the token's name decides, so that not all rotate at once
    windows:          times of the week in which a scheduled rotation begins; any time unless told
    blackouts:        dates on which none begins
    time_zone:        where the clock hangs that windows and blackouts mean

    A part that says nothing is left out of what is stored, so that an upgrade changes no stored policy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lifetime: Duration
    rotate_before: Duration | None = None
    rotate_every: Duration | None = None
    renew_before: Duration | None = None
    overlap: Duration
    tolerated_outage: Duration = timedelta(days=3)
    warn_before: Annotated[tuple[Duration, ...], Field(default=())] = ()
    jitter: Duration | None = Field(default=None, exclude_if=not_)
    windows: tuple[Window, ...] = Field(default=(), exclude_if=not_)
    blackouts: tuple[Blackout, ...] = Field(default=(), exclude_if=not_)
    time_zone: str = Field(default="UTC", exclude_if=lambda name: name == "UTC")

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError):  # whatever shape of name: no such file, a folder, a path that leads out
            example = "write a name of the tz database, as in Europe/Berlin"
            raise ValueError(f"{name!r} is no time zone that this system knows; {example}") from None
        return name

    @model_validator(mode="after")
    def _rotates_at_all(self) -> Policy:
        if self.rotate_before is None and self.rotate_every is None:
            raise ValueError("a policy needs rotate_before, rotate_every or both, or the token would never rotate")
        return self


_POLICIES: dict[str, Policy] = {}
_POLICIES_KEPT = 4096


def stored_policy(stored: Mapping[str, Any]) -> Policy:
    """Read a policy that was judged when it was stored; the same text is read once. Raises ValidationError."""
    text = str(stored)
    if text not in _POLICIES:
        if len(_POLICIES) >= _POLICIES_KEPT:
            _POLICIES.clear()
        _POLICIES[text] = Policy.model_validate(stored)
    return _POLICIES[text]


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


def foretold_id(predecessor: str, then: datetime) -> str:
    """The id of a successor that is not minted yet, as a forecast names it; different for each instant."""
    match = _GENERATION.fullmatch(predecessor)
    head = f"{match['owner']}_{match['token']}" if match else predecessor
    return f"{head}_{then.astimezone(UTC).strftime(_STAMP)}_future"


@lru_cache(maxsize=4096)
def is_generation(text: str) -> bool:
    """Whether a text has the form of our ids, whoever made it."""
    return _GENERATION.fullmatch(text) is not None


def bears_mark(generation_id: str, owner: str) -> bool:
    """Whether an id was made by this owner."""
    return generation_id.partition("_")[0] == owner and is_generation(generation_id)


def token_of(generation_id: str) -> str:
    """The token's name inside an id; raises ValueError when it is not one of ours."""
    return _parts(generation_id)["token"]


@lru_cache(maxsize=4096)
def minted_at(generation_id: str) -> datetime:
    """When the id was made, to the second; raises ValueError when it is not one of ours."""
    return datetime.strptime(_parts(generation_id)["stamp"], _STAMP).replace(tzinfo=UTC)


@lru_cache(maxsize=4096)
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
