"""What the simulated Connect keeps: vaults, access tokens, and every version of every item with when readers see it."""

from __future__ import annotations

import random
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

CATEGORIES = frozenset({"LOGIN", "PASSWORD", "API_CREDENTIAL", "SERVER", "DATABASE", "SECURE_NOTE"})
_ID_ALPHABET = string.digits + string.ascii_lowercase
_ID_LENGTH = 26
CONNECT, PERSON = "connect", "person"


@dataclass(frozen=True)
class Vault:
    """A vault by its id and name; names are not unique either."""

    id: str
    name: str


@dataclass(frozen=True)
class Access:
    """A Connect token: its name, the vaults that it may see, and whether it may write there."""

    name: str
    value: str = field(repr=False)
    vaults: frozenset[str]
    writes: bool = True


@dataclass(frozen=True)
class Version:
    """One state of an item. `content` is None of a deleted one; `seen_from` is when readers get to know of it."""

    number: int
    content: dict[str, Any] | None = field(repr=False)
    written: datetime
    seen_from: datetime
    writer: str


@dataclass
class Item:
    """All versions of one item, oldest first."""

    id: str
    vault: str
    created: datetime
    versions: list[Version]

    @property
    def newest(self) -> Version:
        """What 1Password.com holds."""
        return self.versions[-1]

    def seen(self, now: datetime) -> Version | None:
        """What the local copy holds; None when it does not know the item yet, or knows that it is deleted."""
        known = [version for version in self.versions if version.seen_from <= now]
        return known[-1] if known and known[-1].content is not None else None

    def is_behind(self, now: datetime) -> bool:
        """Whether the local copy does not know the newest version yet."""
        return self.newest.seen_from > now

    def rendered(self, version: Version) -> dict[str, Any]:
        """As the API answers it in full."""
        return {
            "id": self.id,
            "vault": {"id": self.vault},
            "version": version.number,
            "createdAt": _instant(self.created),
            "updatedAt": _instant(version.written),
            "lastEditedBy": "CONNECTACCOUNTOFTHESANDBOX",
            **(version.content or {}),
        }


class Store:
    """Vaults, access tokens and items. `lag` is how long readers go on seeing what was before a write."""

    def __init__(self, lag: timedelta, rng: random.Random | None) -> None:
        self.lag = lag
        self.vaults: dict[str, Vault] = {}
        self.accesses: dict[str, Access] = {}
        self.items: dict[str, Item] = {}
        self._rng: random.Random = rng or secrets.SystemRandom()

    def new_id(self) -> str:
        return "".join(self._rng.choices(_ID_ALPHABET, k=_ID_LENGTH))

    def new_value(self, length: int = 60, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(self._rng.choices(alphabet, k=length))

    def add(self, vault: str, content: dict[str, Any], now: datetime, writer: str) -> Item:
        first = Version(1, content, now, now + self.lag, writer)
        item = Item(self.new_id(), vault, now, [first])
        self.items[item.id] = item
        return item

    def write(self, item: Item, content: dict[str, Any] | None, now: datetime, writer: str) -> Version:
        """A new version; no content deletes."""
        made = Version(item.newest.number + 1, content, now, now + self.lag, writer)
        item.versions.append(made)
        return made

    def of(self, vault: str) -> Iterable[Item]:
        return (item for item in self.items.values() if item.vault == vault)


def _instant(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
