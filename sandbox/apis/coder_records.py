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

OWNER = "owner"
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
    def may_write_templates(self) -> bool:
        return self.is_owner or "template-admin" in self.roles


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
    scopes: tuple[str, ...] = ("coder:all",)

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
class Version:
    """A template version and its job. `polls` counts how often the job was looked at; `template` is empty at first."""

    id: str
    name: str
    content: bytes = field(repr=False)
    message: str
    variables: dict[str, str] = field(repr=False)
    created: datetime
    template: str = ""
    status: str = "pending"
    error: str = ""
    error_code: str = ""
    polls: int = 0
    archived: bool = False

    @property
    def is_done(self) -> bool:
        return self.status in ("succeeded", "failed", "canceled")


@dataclass
class Template:
    """A template and the id of its active version."""

    id: str
    name: str
    active: str
    created: datetime
    fields: dict[str, object] = field(default_factory=dict)


class Store:
    """All of it, and the server's own randomness. `rng` None: the system's."""

    def __init__(self, rng: random.Random | None) -> None:
        self._rng = rng
        self.users: dict[str, User] = {}
        self.keys: dict[str, Key] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.versions: dict[str, Version] = {}
        self.templates: dict[str, Template] = {}
        self.organization = self.new_id()

    def new_id(self) -> str:
        bits = self._rng.getrandbits(128) if self._rng else secrets.randbits(128)
        return str(uuid.UUID(int=bits, version=4))

    def word(self, length: int) -> str:
        choice = self._rng.choice if self._rng else secrets.choice
        return "".join(choice(_LETTERS) for _ in range(length))

    def add_key(
        self,
        user: User,
        name: str,
        login_type: str,
        *,
        now: datetime,
        lifetime: timedelta,
        scopes: tuple[str, ...] = (),
    ) -> str:
        """A new key; returns its value, which nobody is told again."""
        id_, secret = self.word(10), self.word(22)
        given = scopes or ("coder:all",)
        self.keys[id_] = Key(id_, digest(secret), user, name, login_type, now, now + lifetime, lifetime, now, given)
        return f"{id_}-{secret}"

    def named_user(self, name: str) -> User | None:
        """By name, whose case does not matter, or by id."""
        return next((user for user in self.users.values() if name.lower() in (user.username.lower(), user.id)), None)

    def tokens(self) -> Iterator[Key]:
        return (key for key in self.keys.values() if key.login_type == "token")

    def versions_of(self, template: str) -> list[Version]:
        return [version for version in self.versions.values() if version.template == template]


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
