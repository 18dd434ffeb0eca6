"""The rows of the simulated Authentik, and how it writes instants and durations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

TOKEN_EXPIRES = "goauthentik.io/user/token-expires"  # noqa: S105 - the name of an attribute
TOKEN_MAXIMUM_LIFETIME = "goauthentik.io/user/token-maximum-lifetime"  # noqa: S105 - the name of an attribute
DEFAULT_TOKEN_DURATION = "minutes=30"  # noqa: S105 - a length of time
API, APP_PASSWORD = "api", "app_password"

_UNITS = {"weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds"}


@dataclass
class Role:
    """What permissions attach to, since 2025.12 the only thing. Each assignment is a row with a number of its own.

    granted:   global permissions such as `authentik_core.view_user`, by row
    on_object: pairs of permission and object pk, by row
    """

    pk: str
    name: str
    granted: dict[int, str] = field(default_factory=dict)
    on_object: dict[int, tuple[str, str]] = field(default_factory=dict)

    def gives(self, permission: str, object_pk: str | None) -> bool:
        return permission in self.granted.values() or (permission, object_pk) in self.on_object.values()


@dataclass
class Group:
    """A group; its members are superusers when it says so, and have its roles."""

    pk: str
    name: str
    is_superuser: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)
    roles: list[Role] = field(default_factory=list)


@dataclass
class User:
    """A user, with its own roles and those of its groups.

    `permissions` (global) and `object_permissions` (pairs of permission and object pk) are those of the role that the
    server keeps for this one user.
    """

    pk: int
    uuid: str
    username: str
    name: str
    date_joined: datetime
    email: str = ""
    type: str = "internal"
    path: str = "users"
    is_active: bool = True
    groups: list[Group] = field(default_factory=list)
    roles: list[Role] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    permissions: set[str] = field(default_factory=set)
    object_permissions: set[tuple[str, str]] = field(default_factory=set)

    @property
    def is_superuser(self) -> bool:
        return any(group.is_superuser for group in self.groups)

    def merged_attributes(self) -> dict[str, Any]:
        """Attributes of the groups, overridden by the user's own."""
        merged: dict[str, Any] = {}
        for group in self.groups:
            merged |= group.attributes
        return merged | self.attributes

    def may(self, permission: str, object_pk: str | None = None) -> bool:
        """Whether the permission is held globally, on this object, or by being a superuser."""
        own = permission in self.permissions or (permission, object_pk) in self.object_permissions
        return self.is_superuser or own or any(role.gives(permission, object_pk) for role in self.all_roles())

    def all_roles(self) -> Iterator[Role]:
        """Its own and those of its groups."""
        yield from self.roles
        for group in self.groups:
            yield from group.roles


@dataclass
class Token:
    """One row of tokens. The key is in no repr."""

    pk: str
    identifier: str
    user: User
    intent: str
    expires: datetime | None
    expiring: bool
    key: str = field(repr=False)
    description: str = ""
    managed: str | None = None

    def is_expired(self, now: datetime) -> bool:
        return self.expiring and self.expires is not None and self.expires <= now


@dataclass(frozen=True)
class Event:
    """One line of the audit log."""

    pk: str
    action: str
    created: datetime
    username: str
    context: dict[str, Any]


@dataclass
class Settings:
    """The tenant's settings that matter to tokens and lists."""

    default_token_duration: str = DEFAULT_TOKEN_DURATION
    default_token_length: int = 60
    pagination_default_page_size: int = 20
    pagination_max_page_size: int = 100

    @property
    def token_duration(self) -> timedelta:
        return duration(self.default_token_duration)


def duration(text: str) -> timedelta:
    """Read `days=30;hours=1.5`. Raises ValueError when no known unit is given or a part is no number."""
    parts = dict(part.split("=", 1) for part in text.split(";") if part)
    known = {unit.lower(): float(value) for unit, value in parts.items() if unit.lower() in _UNITS}
    if not known:
        raise ValueError(f"{text!r} names no unit of time")
    return timedelta(**known)


@lru_cache(maxsize=4096)
def rest_time(instant: datetime | None) -> str | None:
    """UTC with a Z, and microseconds unless they are zero, as the API writes instants."""
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
