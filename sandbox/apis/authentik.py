"""A simulated Authentik that behaves like 2026.5: one handler from request to response, and a look inside for tests.

The traps are the point: the server overwrites the expiry that was asked for, a bad key is 403, a PATCH re-arms the
expiry and takes ownership, an expired API token is re-keyed in place and never goes away.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rotation.backends.transport import Request, Response
from rotation.clock import Clock
from sandbox.apis import authentik_admin as admin
from sandbox.apis import authentik_groups as groups
from sandbox.apis import authentik_roles as roles
from sandbox.apis import authentik_tokens as tokens
from sandbox.apis import authentik_users as users
from sandbox.apis.authentik_calls import Call, forbidden
from sandbox.apis.authentik_records import API, DEFAULT_TOKEN_DURATION, Event, Settings, Token, User, duration
from sandbox.apis.authentik_store import Store, next_sweep
from sandbox.apis.routing import Match, Refusal, Router, answered

BOOTSTRAP_USER = "akadmin"
BOOTSTRAP_IDENTIFIER = "authentik-bootstrap-token"

_PREFIX = "/api/v3"
_ROUTES: Router[Callable[[Call], Response]] = Router(
    {
        ("GET", "/core/tokens/"): tokens.list_tokens,
        ("POST", "/core/tokens/"): tokens.create_token,
        ("GET", "/core/tokens/{identifier}/"): tokens.read_token,
        ("PUT", "/core/tokens/{identifier}/"): tokens.put_token,
        ("PATCH", "/core/tokens/{identifier}/"): tokens.patch_token,
        ("DELETE", "/core/tokens/{identifier}/"): tokens.delete_token,
        ("GET", "/core/tokens/{identifier}/view_key/"): tokens.view_key,
        ("POST", "/core/tokens/{identifier}/set_key/"): tokens.set_key,
        ("GET", "/core/tokens/{identifier}/used_by/"): tokens.used_by,
        ("GET", "/core/users/me/"): users.me,
        ("GET", "/core/users/"): users.list_users,
        ("POST", "/core/users/"): users.create_user,
        ("POST", "/core/users/service_account/"): users.create_service_account,
        ("GET", "/core/users/{pk}/"): users.read_user,
        ("PATCH", "/core/users/{pk}/"): users.patch_user,
        ("DELETE", "/core/users/{pk}/"): users.delete_user,
        ("PUT", "/core/users/{pk}/"): users.put_user,
        ("GET", "/core/groups/"): groups.list_groups,
        ("POST", "/core/groups/"): groups.create_group,
        ("GET", "/core/groups/{pk}/"): groups.read_group,
        ("PUT", "/core/groups/{pk}/"): groups.put_group,
        ("PATCH", "/core/groups/{pk}/"): groups.patch_group,
        ("DELETE", "/core/groups/{pk}/"): groups.delete_group,
        ("POST", "/core/groups/{pk}/add_user/"): groups.add_member,
        ("POST", "/core/groups/{pk}/remove_user/"): groups.remove_member,
        ("GET", "/rbac/roles/"): roles.list_roles,
        ("POST", "/rbac/roles/"): roles.create_role,
        ("GET", "/rbac/roles/{pk}/"): roles.read_role,
        ("PUT", "/rbac/roles/{pk}/"): roles.update_role,
        ("PATCH", "/rbac/roles/{pk}/"): roles.update_role,
        ("DELETE", "/rbac/roles/{pk}/"): roles.delete_role,
        ("POST", "/rbac/roles/{pk}/add_user/"): roles.add_holder,
        ("POST", "/rbac/roles/{pk}/remove_user/"): roles.remove_holder,
        ("POST", "/rbac/permissions/assigned_by_roles/{pk}/assign/"): roles.assign,
        ("PATCH", "/rbac/permissions/assigned_by_roles/{pk}/unassign/"): roles.unassign,
        ("GET", "/rbac/permissions/"): roles.list_granted,
        ("GET", "/rbac/permissions/roles/"): roles.list_on_objects,
        ("GET", "/rbac/permissions/roles/{pk}/"): roles.read_on_object,
        ("PUT", "/rbac/permissions/roles/{pk}/"): roles.put_on_object,
        ("DELETE", "/rbac/permissions/roles/{pk}/"): roles.delete_on_object,
        ("GET", "/admin/version/"): admin.version,
        ("GET", "/admin/settings/"): admin.read_settings,
        ("PUT", "/admin/settings/"): admin.put_settings,
        ("PATCH", "/admin/settings/"): admin.patch_settings,
        ("GET", "/events/events/"): admin.list_events,
    }
)


@dataclass(frozen=True)
class LiveToken:
    """An API token that is accepted now. `expires` is None for one that never expires."""

    identifier: str
    username: str
    expires: datetime | None


class Authentik:
    """The server. `handle` is a Transport; everything else looks inside, or prepares the world, without HTTP.

    `calls` counts answered requests by method and path template (`*` for a path that is not there).
    """

    def __init__(
        self,
        clock: Clock,
        *,
        bootstrap_key: str | None = None,
        default_token_duration: str = DEFAULT_TOKEN_DURATION,
        delete_expired_on_use: bool = False,
        seed: int | None = None,
    ) -> None:
        """Raises ValueError for a duration that cannot be read. Without `seed`, keys come from the system's RNG.

        `delete_expired_on_use` gives the behaviour before November 2025: presenting an expired key deletes its row.
        """
        duration(default_token_duration)
        rng = None if seed is None else random.Random(seed)  # noqa: S311 - repeatable on request only
        self._clock = clock
        self._store = Store(Settings(default_token_duration=default_token_duration), rng)
        self._delete_expired_on_use = delete_expired_on_use
        self._next_sweep = next_sweep(clock())
        self._lock = threading.RLock()
        self.calls: Counter[tuple[str, str]] = Counter()
        admins = self._store.add_group(name="authentik Admins", is_superuser=True)
        self.add_user(BOOTSTRAP_USER).groups.append(admins)
        self.bootstrap_key = self.issue(BOOTSTRAP_USER, BOOTSTRAP_IDENTIFIER, key=bootstrap_key, expiring=False)

    def handle(self, request: Request) -> Response:
        """Answer one request; thread-safe. `path` starts with `/api/v3`."""
        with self._lock:
            now = self._clock()
            self._sweep_if_due(now)
            return answered(self._answer, request, now)

    def _answer(self, request: Request, now: datetime) -> Response:
        match = self._match(request)
        self.calls[request.method, match.template if match else "*"] += 1
        if match is None:
            raise Refusal(404, {"detail": "Not found."})
        caller = self._authenticate(request, now)
        return match.view(Call(request, caller, now, self._store, match.params))

    def _match(self, request: Request) -> Match[Callable[[Call], Response]] | None:
        if not request.path.startswith(_PREFIX):
            return None
        return _ROUTES.match(request.method, request.path.removeprefix(_PREFIX))

    def _authenticate(self, request: Request, now: datetime) -> User:
        headers = {name.lower(): value for name, value in request.headers.items()}
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise forbidden("Authentication credentials were not provided.")
        token = self._store.token_with(key.strip())
        if token is None or not self._is_live(token, now):
            if token and token.is_expired(now) and self._delete_expired_on_use:
                self._store.remove(token)
            raise forbidden("Token invalid/expired")
        return token.user

    @staticmethod
    def _is_live(token: Token, now: datetime) -> bool:
        return token.intent == API and token.user.is_active and not token.is_expired(now)

    def _sweep_if_due(self, now: datetime) -> None:
        if now >= self._next_sweep:
            self._store.sweep(now)
            self._next_sweep = next_sweep(now + timedelta(microseconds=1))

    def sweep(self) -> None:
        """Run the sweeper now, between its minutes: expired API tokens get a new key, other expired rows go."""
        with self._lock:
            self._sweep_if_due(self._clock())
            self._store.sweep(self._clock(), at_once=True)

    def accepts(self, key: str) -> bool:
        """Whether this key would be let in now. Not counted, and nothing is written."""
        with self._lock:
            now = self._clock()
            self._sweep_if_due(now)
            token = self._store.token_with(key)
            return token is not None and self._is_live(token, now)

    def live_tokens(self) -> list[LiveToken]:
        """Every API token that is accepted now, by identifier, without keys."""
        with self._lock:
            now = self._clock()
            self._sweep_if_due(now)
            live = [token for token in self._store.tokens.values() if self._is_live(token, now)]
            shown = [LiveToken(t.identifier, t.user.username, t.expires if t.expiring else None) for t in live]
            return sorted(shown, key=lambda token: token.identifier)

    @property
    def events(self) -> list[Event]:
        """The audit log, oldest first; the last 100,000 lines."""
        with self._lock:
            self._sweep_if_due(self._clock())
            return list(self._store.events)

    def add_user(self, username: str, *permissions: str, **values: Any) -> User:
        """A user with global permissions such as `authentik_core.view_token`; `values` are fields of User."""
        with self._lock:
            user = self._store.add_user(username=username, name=username, date_joined=self._clock(), **values)
            user.permissions.update(permissions)
            return user

    def issue(
        self, username: str, identifier: str, *, key: str | None = None, intent: str = API, expiring: bool = True
    ) -> str:
        """Put a token in place as the server's own shell would, and return its key. Raises KeyError without the user.

        An expiring one ends after the tenant's default.
        """
        with self._lock:
            user = self._store.user_named(username)
            if user is None:
                raise KeyError(f"no user {username!r} in the simulated Authentik: add it first")
            expires = self._clock() + self._store.settings.token_duration
            token = self._store.add_token(
                key=key, identifier=identifier, user=user, intent=intent, expires=expires, expiring=expiring
            )
            return token.key
