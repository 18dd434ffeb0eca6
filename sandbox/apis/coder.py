"""A simulated Coder: one handler from request to response, and a look inside for tests.

The traps are the point: caps differ for Owners, a name stays taken until its row is deleted, expired rows are listed or
not by the age of the server, none at all is `null`, what one may not see is a 404, and on older servers a token that is
used moves its own end.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from rotation.backends.transport import Request, Response, json_response
from rotation.clock import Clock
from sandbox.apis import coder_templates as templates
from sandbox.apis import coder_tokens as tokens
from sandbox.apis import coder_users as users
from sandbox.apis.coder_calls import Call, Limits, missing, unauthorised, written
from sandbox.apis.coder_records import Key, Store, User, Version, digest
from sandbox.apis.http_date import http_date
from sandbox.apis.routing import Match, Refusal, Router

_PREFIX = "/api/v2"
_USED_AGAIN = timedelta(hours=1)
_CENTURY, _WEEK = timedelta(hours=876600), timedelta(hours=168)
_OPEN = frozenset({"/users/first", "/users/login"})
_ROUTES: Router[Callable[[Call], Response]] = Router(
    {
        ("GET", "/users/first"): users.first,
        ("POST", "/users/first"): users.make_first,
        ("POST", "/users/login"): users.login,
        ("GET", "/users/{user}"): users.read,
        ("GET", "/users/{user}/keys/tokens"): tokens.listed,
        ("POST", "/users/{user}/keys/tokens"): tokens.create,
        ("GET", "/users/{user}/keys/tokens/tokenconfig"): tokens.config,
        ("GET", "/users/{user}/keys/tokens/{name}"): tokens.by_name,
        ("GET", "/users/{user}/keys/{key}"): tokens.read,
        ("DELETE", "/users/{user}/keys/{key}"): tokens.delete,
        ("PUT", "/users/{user}/keys/{key}/expire"): tokens.expire,
        ("GET", "/organizations"): users.organizations,
        ("GET", "/organizations/{org}"): users.organization,
        ("POST", "/files"): templates.upload,
        ("POST", "/organizations/{org}/templateversions"): templates.create_version,
        ("GET", "/templateversions/{version}"): templates.read_version,
        ("PATCH", "/templateversions/{version}/cancel"): templates.cancel,
        ("POST", "/templateversions/{version}/archive"): templates.archive,
        ("POST", "/templateversions/{version}/unarchive"): templates.unarchive,
        ("POST", "/organizations/{org}/templates"): templates.create_template,
        ("GET", "/organizations/{org}/templates/{name}"): templates.template_by_name,
        ("GET", "/templates/{template}"): templates.read_template,
        ("PATCH", "/templates/{template}"): templates.patch_template,
        ("DELETE", "/templates/{template}"): templates.delete_template,
        ("GET", "/templates/{template}/versions"): templates.versions,
        ("PATCH", "/templates/{template}/versions"): templates.promote,
        ("GET", "/templates/{template}/versions/{name}"): templates.version_by_name,
    }
)


@dataclass(frozen=True)
class TemplateLook:
    """A template from inside: its active version, and all of its versions, oldest first."""

    id: str
    name: str
    active: Version
    versions: list[Version]
    fields: dict[str, object]


class Coder:
    """The server. `handle` is a Transport; everything else looks inside, or prepares the world, without HTTP.

    `calls` counts answered requests by method and path template (`*` for a path that is not there).
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int | None = None,
        sliding_expiry: bool = False,
        max_lifetime: timedelta = _CENTURY,
        max_owner_lifetime: timedelta = _WEEK,
        default_lifetime: timedelta = _WEEK,
        lists_expired: bool = False,
        job_polls: int = 2,
    ) -> None:
        """Without `seed`, keys come from the system's RNG. `sliding_expiry` is how servers were before June 2026."""
        rng = None if seed is None else random.Random(seed)  # noqa: S311 - repeatable on request only
        self._clock = clock
        self._store = Store(rng)
        self._sliding = sliding_expiry
        self._limits = Limits(max_lifetime, max_owner_lifetime, default_lifetime, lists_expired, job_polls)
        self._lock = threading.RLock()
        self._failing: list[str] = []
        self.calls: Counter[tuple[str, str]] = Counter()

    def handle(self, request: Request) -> Response:
        """Answer one request; thread-safe. `path` starts with `/api/v2`."""
        with self._lock:
            now = self._clock()
            try:
                response = self._answer(request)
            except Refusal as refusal:
                response = json_response(refusal.status, refusal.payload)
            return Response(response.status, {**response.headers, "date": http_date(now)}, response.body)

    def _answer(self, request: Request) -> Response:
        match = self._match(request)
        self.calls[request.method, match.template if match else "*"] += 1
        if match is None:
            raise missing()
        caller = None if match.template in _OPEN else self._authenticate(request)
        response = match.view(Call(request, caller, self._clock(), self._store, self._limits, match.params))
        if match.view is templates.create_version and self._failing:
            self._store.versions[response.json()["id"]].error = self._failing.pop(0)
        return response

    def _match(self, request: Request) -> Match[Callable[[Call], Response]] | None:
        if not request.path.startswith(_PREFIX):
            return None
        return _ROUTES.match(request.method, request.path.removeprefix(_PREFIX))

    def _authenticate(self, request: Request) -> User:
        headers = {name.lower(): value for name, value in request.headers.items()}
        value = headers.get("coder-session-token") or request.query.get("coder_session_token", "")
        if not value:
            raise unauthorised('Cookie "coder_session_token" or query parameter must be provided.')
        key = self._known(value)
        now = self._clock()
        if now >= key.expires:
            raise unauthorised(f'API key expired at "{written(key.expires)}"')
        if not key.user.active:
            raise unauthorised(
                'User is not active (status = "suspended"). Contact an admin to reactivate your account.'
            )
        self._use(key)
        return key.user

    def _known(self, value: str) -> Key:
        id_, dash, secret = value.partition("-")
        if not dash or len(id_) != 10 or len(secret) != 22:
            raise unauthorised("Invalid API key format: incorrect amount of API key parts")
        key = self._store.keys.get(id_)
        if key is None:
            raise unauthorised("API key is invalid.")
        if digest(secret) != key.hashed:
            raise unauthorised("API key secret is invalid.")
        return key

    def _use(self, key: Key) -> None:
        """A session slides; a token does so on older servers. Both only when they were not used for an hour."""
        now = self._clock()
        if now - key.used <= _USED_AGAIN:
            return
        key.used = now
        if self._sliding or key.login_type != "token":
            key.expires = now + key.lifetime

    def sweep(self) -> None:
        """Nothing: rows that have ended stay."""

    def accepts(self, value: str) -> bool:
        """Whether this value would be let in now. Not counted, and nothing is moved by it."""
        with self._lock:
            try:
                key = self._known(value)
            except Refusal:
                return False
            return key.user.active and self._clock() < key.expires

    def live_tokens(self) -> list[Key]:
        """Every token that is accepted now, by name, without values."""
        with self._lock:
            now = self._clock()
            return sorted((key for key in self._store.tokens() if now < key.expires), key=lambda key: key.name)

    def add_user(
        self, username: str, *, password: str = "", email: str = "", roles: tuple[str, ...] = ("owner",)
    ) -> User:
        """A user with roles such as `owner` and `template-admin`; without a password nobody can log in."""
        with self._lock:
            return users.add_user(self._store, username, email=email, password=password, roles=roles, now=self._clock())

    def issue(self, username: str, token_name: str, *, lifetime: timedelta = timedelta(hours=24)) -> str:
        """Put a token in place as its user does in the browser, within no cap. Raises KeyError without the user."""
        with self._lock:
            user = self._store.named_user(username)
            if user is None:
                raise KeyError(f"no user {username!r} in the simulated Coder: add it first")
            return self._store.add_key(user, token_name, "token", now=self._clock(), lifetime=lifetime)

    def template(self, name: str) -> TemplateLook:
        """A template by its name. Raises KeyError."""
        with self._lock:
            for found in self._store.templates.values():
                if found.name == name:
                    mine = self._store.versions_of(found.id)
                    return TemplateLook(found.id, name, self._store.versions[found.active], mine, found.fields)
        raise KeyError(name)

    def loose_versions(self) -> list[Version]:
        """Versions that belong to no template and are in nobody's list unless they are looked for."""
        with self._lock:
            return self._store.versions_of("")

    def fail_next_job(self, error: str) -> None:
        """Let the job of the next version that is created fail with this error."""
        with self._lock:
            self._failing.append(error)
