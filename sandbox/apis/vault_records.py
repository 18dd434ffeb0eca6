"""The rows of the simulated Vault, and how it reads and writes durations and instants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

LONGEST_LIFE = timedelta(hours=768)
"""The server's default and its cap in one, counted from a token's issue."""

ROOT, DEFAULT = "root", "default"
ZERO = timedelta(0)

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")


@dataclass(frozen=True)
class Policy:
    """What a token may do: capabilities by exact path, and those on every path that is not named."""

    paths: Mapping[str, frozenset[str]] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()

    def allows(self, path: str, capability: str) -> bool:
        return capability in self.paths.get(path, self.elsewhere)


@dataclass(frozen=True)
class Role:
    """A token role: what is made by it, and what may be asked of it. Its longest life counts at each renewal."""

    name: str
    allowed_policies: tuple[str, ...]
    orphan: bool = False
    renewable: bool = True
    explicit_max_ttl: timedelta = ZERO


@dataclass(slots=True, eq=False)
class Token:
    """One token. Its value is in no repr.

    granted: the last granted length, the default of the next renewal
    shown:   what a look-up tells between two renewals, but for the value and the time that is left; made once
    """

    value: str = field(repr=False)
    accessor: str
    policies: tuple[str, ...]
    issued: datetime
    granted: timedelta
    expires: datetime | None
    path: str = "auth/token/create"
    display_name: str = "token"
    meta: Mapping[str, str] | None = None
    role: str = ""
    renewable: bool = True
    period: timedelta = ZERO
    creation_ttl: timedelta = ZERO
    last_renewal: datetime | None = None
    parent: Token | None = field(default=None, repr=False)
    children: list[Token] = field(default_factory=list, repr=False)
    shown: dict[str, Any] | None = field(default=None, repr=False)
    is_alive: bool = True

    @property
    def is_orphan(self) -> bool:
        return self.parent is None


@dataclass(frozen=True)
class LiveToken:
    """A token that is accepted now, without its value. `expires` is None for the root token."""

    accessor: str
    generation: str
    owner: str
    expires: datetime | None


def live(token: Token) -> LiveToken:
    """A token as it may be told."""
    meta = token.meta or {}
    return LiveToken(token.accessor, meta.get("generation", ""), meta.get("owner", ""), token.expires)


def seconds(length: timedelta) -> int:
    """Whole seconds; what is left over is cut off, as the server does."""
    return length // timedelta(seconds=1)


@lru_cache(maxsize=256)
def duration(text: str) -> timedelta:
    """Read `600s`, `1h30m` or `3600`. Raises ValueError with the server's words."""
    if text.isdigit():
        return timedelta(seconds=int(text))
    if not re.fullmatch(f"(?:{_PART.pattern})+", text):
        raise ValueError(f'time: invalid duration "{text}"')
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


def asked_duration(value: Any) -> timedelta:
    """Read a duration of a body: a number of seconds, or a text. None and nothing are 0."""
    if isinstance(value, int):
        return timedelta(seconds=value)
    return duration(str(value)) if value else ZERO


def go_duration(length: timedelta) -> str:
    """Write `1388h53m20s`, without the parts that are zero."""
    hours, rest = divmod(seconds(length), 3600)
    minutes, left = divmod(rest, 60)
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if n) or "0s"


def instant(moment: datetime | None) -> str | None:
    """UTC with a Z, as the API writes instants."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
