"""What the simulated Coder keeps: users, their keys, files, template versions with their jobs, and templates."""

from __future__ import annotations

import hashlib
import random
import secrets
import string
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

OWNER, TEMPLATE_ADMIN = "owner", "template-admin"
ALL = "coder:all"
NO_ID = "00000000-0000-0000-0000-000000000000"
_SEE_USERS = frozenset({OWNER, TEMPLATE_ADMIN, "user-admin", "auditor"})
_LETTERS = string.ascii_letters + string.digits


@dataclass
class User:
    """`roles` beside the one that everybody has; `active` is False for a suspended one."""

    id: str
    username: str
    email: str
    password: str = field(repr=False)
    roles: tuple[str, ...]
    created: datetime
    active: bool = True

    @property
    def is_owner(self) -> bool:
        return OWNER in self.roles

    @property
    def sees_users(self) -> bool:
        return not _SEE_USERS.isdisjoint(self.roles)

    @property
    def may_write_templates(self) -> bool:
        return self.is_owner or TEMPLATE_ADMIN in self.roles


@dataclass
class Key:
    """One API key: a token, or the session of a login. Of its value only the hash is kept."""

    id: str
    hashed: str = field(repr=False)
    user: User
    name: str
    login_type: str
    created: datetime
    expires: datetime
    lifetime: timedelta
    used: datetime
    scopes: tuple[str, ...] = (ALL,)
    allow_list: list[Any] = field(default_factory=lambda: [{"type": "*", "id": "*"}])

    @property
    def identifier(self) -> str:
        return self.name

    @property
    def key_id(self) -> str:
        return self.id

    @property
    def username(self) -> str:
        return self.user.username


@dataclass
class File:
    """An upload. `content` is a tar as it came, or one that was made of a zip."""

    id: str
    owner: User
    content: bytes = field(repr=False)
    digest: str = ""


@dataclass
class Version:
    """A template version and its job; `template` is empty until it belongs to one.

    status: pending, running, canceling, and at last succeeded, failed or canceled
    looks:  how often the job was looked at: that is what lets it go on
    doomed: with what error the job will fail, whatever its content is
    """

    id: str
    name: str
    content: bytes = field(repr=False)
    message: str
    variables: dict[str, str] = field(repr=False)
    created: datetime
    file: str
    job: str
    template: str = ""
    status: str = "pending"
    error: str = ""
    error_code: str = ""
    looks: int = 0
    doomed: str = ""
    archived: bool = False

    @property
    def is_done(self) -> bool:
        return self.status in {"succeeded", "failed", "canceled"}


@dataclass
class Template:
    """A template, the id of its active version, and what is told of it. A deleted one keeps its versions."""

    id: str
    name: str
    active: str
    created: datetime
    fields: dict[str, object] = field(default_factory=dict)
    deleted: bool = False


class Store:
    """All of it, and the server's own randomness. `rng` None: the system's. `doomed`: errors of jobs to come."""

    def __init__(self, rng: random.Random | None) -> None:
        self._rng = rng
        self.users: dict[str, User] = {}
        self.keys: dict[str, Key] = {}
        self.files: dict[str, File] = {}
        self.versions: dict[str, Version] = {}
        self.templates: dict[str, Template] = {}
        self.doomed: list[str] = []
        self.organization = self.new_id()

    def new_id(self) -> str:
        bits = self._rng.getrandbits(128) if self._rng else secrets.randbits(128)
        return str(uuid.UUID(int=bits, version=4))

    def word(self, length: int) -> str:
        choice = self._rng.choice if self._rng else secrets.choice
        return "".join(choice(_LETTERS) for _ in range(length))

    def add_user(self, username: str, *, email: str, password: str, roles: tuple[str, ...], now: datetime) -> User:
        """A user without a key."""
        user = User(self.new_id(), username, email or f"{username}@example.com", password, roles, now)
        self.users[user.id] = user
        return user

    def add_key(
        self,
        user: User,
        name: str,
        login_type: str,
        *,
        now: datetime,
        lifetime: timedelta,
        scopes: tuple[str, ...] = (),
        allow_list: list[Any] | None = None,
    ) -> str:
        """A new key; returns its value, which nobody is told again."""
        id_, secret = self.word(10), self.word(22)
        key = Key(id_, hash_of(secret), user, name, login_type, now, now + lifetime, lifetime, now, scopes or (ALL,))
        key.allow_list = allow_list or key.allow_list
        self.keys[id_] = key
        return f"{id_}-{secret}"

    def named_user(self, name: str) -> User | None:
        """By name, whose case does not matter, or by id."""
        return next((user for user in self.users.values() if name.lower() in (user.username.lower(), user.id)), None)

    def tokens(self) -> Iterator[Key]:
        return (key for key in self.keys.values() if key.login_type == "token")

    def named_template(self, name: str) -> Template | None:
        """By name, whose case does not matter; deleted ones are not found."""
        found = (one for one in self.templates.values() if one.name.lower() == name.lower() and not one.deleted)
        return next(found, None)

    def versions_of(self, template: str) -> list[Version]:
        """Oldest first. Of no template: those that belong to none."""
        return [version for version in self.versions.values() if version.template == template]


def hash_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
