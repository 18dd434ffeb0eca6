"""The tables of the simulated Authentik, its audit log, and the sweeper that re-keys expired tokens."""

from __future__ import annotations

import itertools
import random
import secrets
import string
import uuid
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sandbox.apis.authentik_records import API, Event, Group, Role, Settings, Token, User

_ALPHABET = string.ascii_letters + string.digits
_EVENTS_KEPT = 100_000


def next_sweep(instant: datetime) -> datetime:
    """The first minute of cron `2-59/5 * * * *` that is not before the instant."""
    minute = instant.replace(second=0, microsecond=0)
    if minute < instant:
        minute += timedelta(minutes=1)
    return minute + timedelta(minutes=(2 - minute.minute) % 5)


class Store:
    """Users, groups, roles, tokens and events. Tokens are found by identifier and by key in constant time.

    Numbers are never given twice, but global permissions and those on an object are numbered apart.
    """

    def __init__(self, settings: Settings, rng: random.Random | None) -> None:
        self.settings = settings
        self.users: dict[int, User] = {}
        self.groups: dict[str, Group] = {}
        self.roles: dict[str, Role] = {}
        self.new_grant = itertools.count(1)
        self.new_object_grant = itertools.count(1)
        self._new_user = itertools.count(1)
        self.tokens: dict[str, Token] = {}
        self.events: deque[Event] = deque(maxlen=_EVENTS_KEPT)
        self._by_key: dict[str, Token] = {}
        self._rng: random.Random = rng or secrets.SystemRandom()

    def new_key(self) -> str:
        return "".join(self._rng.choices(_ALPHABET, k=self.settings.default_token_length))

    def new_uuid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def add_user(self, **values: Any) -> User:
        user = User(pk=next(self._new_user), uuid=self.new_uuid(), **values)
        self.users[user.pk] = user
        return user

    def add_group(self, **values: Any) -> Group:
        group = Group(pk=self.new_uuid(), **values)
        self.groups[group.pk] = group
        return group

    def add_role(self, **values: Any) -> Role:
        role = Role(pk=self.new_uuid(), **values)
        self.roles[role.pk] = role
        return role

    def members(self, group: Group) -> list[User]:
        return [user for user in self.users.values() if group in user.groups]

    def remove_group(self, group: Group) -> None:
        for user in self.members(group):
            user.groups.remove(group)
        del self.groups[group.pk]

    def remove_role(self, role: Role) -> None:
        """Its permissions go with it."""
        holders: list[User | Group] = [*self.users.values(), *self.groups.values()]
        for holder in holders:
            holder.roles = [held for held in holder.roles if held is not role]
        del self.roles[role.pk]

    def user_named(self, username: str) -> User | None:
        return next((user for user in self.users.values() if user.username == username), None)

    def add_token(self, *, key: str | None = None, **values: Any) -> Token:
        token = Token(pk=self.new_uuid(), key=key or self.new_key(), **values)
        self.tokens[token.identifier] = token
        self._by_key[token.key] = token
        return token

    def token_with(self, key: str) -> Token | None:
        return self._by_key.get(key)

    def rename(self, token: Token, identifier: str) -> None:
        del self.tokens[token.identifier]
        token.identifier = identifier
        self.tokens[identifier] = token

    def set_key(self, token: Token, key: str) -> None:
        del self._by_key[token.key]
        token.key = key
        self._by_key[key] = token

    def remove(self, token: Token) -> None:
        del self.tokens[token.identifier]
        del self._by_key[token.key]

    def remove_user(self, user: User) -> None:
        for token in [token for token in self.tokens.values() if token.user is user]:
            self.remove(token)
        del self.users[user.pk]

    def record(self, action: str, username: str, now: datetime, context: dict[str, Any]) -> None:
        self.events.append(Event(self.new_uuid(), action, now, username, context))

    def sweep(self, until: datetime, *, at_once: bool = False) -> None:
        """Do what every sweep up to and including `until` did; `at_once` runs one more at this very instant."""
        events: list[Event] = []
        for token in [token for token in self.tokens.values() if token.is_expired(until)]:
            events += self._catch_up(token, until, at_once=at_once)
        self.events.extend(sorted(events, key=lambda event: event.created))

    def _catch_up(self, token: Token, until: datetime, *, at_once: bool) -> Iterable[Event]:
        """A row that nobody used for long was re-keyed many times; only its last key can ever be seen."""
        events: list[Event] = []
        while token.is_expired(until) and token.expires is not None:
            instant = next_sweep(token.expires)
            if instant > until:
                if not at_once:
                    break
                instant = until
            if token.intent != API:
                self.remove(token)
                return [*events, self._swept(token, "model_deleted", instant)]
            token.expires = instant + self.settings.token_duration
            events.append(self._swept(token, "secret_rotate", instant))
        if events:
            self.set_key(token, self.new_key())
        return events

    def _swept(self, token: Token, action: str, instant: datetime) -> Event:
        message = f"Token {token.identifier}'s secret was rotated."
        context = {"token": token_model(token), "message": message}
        if action == "model_deleted":
            context = {"model": token_model(token)}
        return Event(self.new_uuid(), action, instant, "", context)


def token_model(token: Token) -> dict[str, Any]:
    """How an event names a token."""
    return {"pk": token.pk, "app": "authentik_core", "name": token.identifier, "model_name": "token"}
