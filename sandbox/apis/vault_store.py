"""The tokens of the simulated Vault: found by value and accessor, ended with their children, expired when looked at."""

from __future__ import annotations

import heapq
import random
import secrets
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sandbox.apis.vault_records import DEFAULT, LONGEST_LIFE, ROOT, ZERO, Policy, Role, Token

_CHARACTERS = 24
EVERYTHING = frozenset({"create", "read", "update", "patch", "delete", "list", "sudo"})
_OF_EVERYBODY = Policy(
    {
        "auth/token/lookup-self": frozenset({"read"}),
        "auth/token/renew-self": frozenset({"update"}),
        "auth/token/revoke-self": frozenset({"update"}),
    }
)


class Store:
    """Tokens, roles and policies. Nothing here walks over all tokens, however many there are."""

    def __init__(self, rng: random.Random | None) -> None:
        self.by_value: dict[str, Token] = {}
        self.by_accessor: dict[str, Token] = {}
        self.roles: dict[str, Role] = {}
        self.policies: dict[str, Policy] = {ROOT: Policy(elsewhere=EVERYTHING), DEFAULT: _OF_EVERYBODY}
        self._rng: random.Random = rng or secrets.SystemRandom()
        # What ends when, with numbers between equal instants. An entry may be out of date: the token itself decides.
        self._ends: list[tuple[datetime, int, Token]] = []
        self._numbers = count()

    def add(self, *, now: datetime, granted: timedelta, value: str = "", **values: Any) -> Token:
        """A new token. Nothing granted: it never ends."""
        expires = now + granted if granted else None
        accessor = self._random_text()
        token = Token(
            value=value or f"s.{self._random_text()}",
            accessor=accessor,
            issued=now,
            granted=granted,
            creation_ttl=granted,
            expires=expires,
            **values,
        )
        self.by_value[token.value] = self.by_accessor[accessor] = token
        if token.parent:
            token.parent.children.append(token)
        self._will_end(token)
        return token

    def renew(self, token: Token, now: datetime, granted: timedelta) -> None:
        """Move the end of a token, and remember the length as the default of its next renewal."""
        token.granted, token.expires, token.last_renewal = granted, now + granted, now
        token.shown = None
        self._will_end(token)

    def revoke(self, token: Token) -> None:
        """End a token and all that it made. Orphans have no parent, so they live on."""
        ending = [token]
        if token.parent and token.parent.is_alive:
            token.parent.children.remove(token)
        while ending:
            dead = ending.pop()
            dead.is_alive = False
            del self.by_value[dead.value], self.by_accessor[dead.accessor]
            ending += dead.children

    def expire(self, now: datetime) -> None:
        """End what is past its end. In most calls this is one comparison."""
        while self._ends and self._ends[0][0] <= now:
            token = heapq.heappop(self._ends)[2]
            if token.is_alive and token.expires is not None and token.expires <= now:
                self.revoke(token)

    def may(self, token: Token, path: str, capability: str) -> bool:
        """Whether one of the token's policies allows it. A policy that is not there allows nothing."""
        return any(name in self.policies and self.policies[name].allows(path, capability) for name in token.policies)

    def longest(self, token: Token) -> timedelta:
        """The cap of a token's life from its issue on, by its role as that is now. Raises KeyError without the role."""
        explicit = self.roles[token.role].explicit_max_ttl if token.role else ZERO
        return min(explicit or LONGEST_LIFE, LONGEST_LIFE)

    def _will_end(self, token: Token) -> None:
        if token.expires is not None:
            heapq.heappush(self._ends, (token.expires, next(self._numbers), token))

    def _random_text(self) -> str:
        return f"{self._rng.getrandbits(4 * _CHARACTERS):0{_CHARACTERS}x}"
