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
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.cookies import SimpleCookie

from rotation.backends.transport import Request, Response
from rotation.clock import Clock
from sandbox.apis import coder_files as files
from sandbox.apis import coder_templates as templates
from sandbox.apis import coder_tokens as tokens
from sandbox.apis import coder_users as users
from sandbox.apis import coder_versions as versions
from sandbox.apis.coder_calls import Call, Settings, go_instant, missing, refused, signed_out
from sandbox.apis.coder_records import Key, Store, User, Version, hash_of
from sandbox.apis.coder_scopes import may
from sandbox.apis.routing import Match, Refusal, Router, answered

_PREFIX = "/api/v2"
_NAME = "coder_session_token"
_AN_HOUR, _A_MINUTE = timedelta(hours=1), timedelta(minutes=1)
_CENTURY, _WEEK = timedelta(hours=876600), timedelta(hours=168)
_ID, _SECRET = 10, 22
View = Callable[[Call], Response]
_OPEN: frozenset[View] = frozenset({users.first, users.make_first, users.login})
_MOST_IN_A_MINUTE: dict[View, int] = {users.login: 60, files.upload: 12}


def _other_method(call: Call) -> Response:  # noqa: ARG001 - a view like the others
    return Response(405)


_ROUTES: Router[View] = Router(
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
        ("POST", "/files"): files.upload,
        ("POST", "/organizations/{org}/templateversions"): versions.create,
        ("GET", "/templateversions/{version}"): versions.read,
        ("PATCH", "/templateversions/{version}/cancel"): versions.cancel,
        ("POST", "/templateversions/{version}/archive"): versions.archive,
        ("POST", "/templateversions/{version}/unarchive"): versions.unarchive,
        ("POST", "/organizations/{org}/templates"): templates.create,
        ("GET", "/organizations/{org}/templates/{name}"): templates.by_name,
        ("GET", "/templates/{template}"): templates.read,
        ("PATCH", "/templates/{template}"): templates.change,
        ("DELETE", "/templates/{template}"): templates.delete,
        ("GET", "/templates/{template}/versions"): templates.versions,
        ("PATCH", "/templates/{template}/versions"): templates.promote,
        ("GET", "/templates/{template}/versions/{name}"): templates.version_by_name,
    },
    other_method=_other_method,
)


@dataclass(frozen=True)
class TemplateLook:
    """A template from inside: its active version, all of its versions, oldest first, and what is told of it."""

    id: str
    name: str
    active: Version
    versions: list[Version]
    fields: dict[str, object] = field(default_factory=dict)


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
        patches_whole: bool = False,
        job_polls: int = 2,
    ) -> None:
        """Without `seed`, keys come from the system's RNG. A job is done after so many looks as `job_polls` says.

        sliding_expiry: a token that is used moves its end, as on servers before June 2026
        lists_expired:  listings show unasked what has ended, as before February 2026
        patches_whole:  a change of a template resets what it does not name, as before May 2026
        """
        rng = None if seed is None else random.Random(seed)  # noqa: S311 - repeatable on request only
        self._clock = clock
        self._store = Store(rng)
        self._sliding = sliding_expiry
        self._settings = Settings(
            max_lifetime, max_owner_lifetime, default_lifetime, lists_expired, patches_whole, job_polls
        )
        self._lock = threading.RLock()
        self._recent: dict[View, list[datetime]] = {}
        self.calls: Counter[tuple[str, str]] = Counter()

    def handle(self, request: Request) -> Response:
        """Answer one request; thread-safe. `path` starts with `/api/v2`."""
        with self._lock:
            now = self._clock()
            return answered(self._answer, request, now)

    def _answer(self, request: Request, now: datetime) -> Response:
        match = _match(request)
        self.calls[request.method, match.template if match else "*"] += 1
        if match is None:
            raise refused(404, "Route not found.")
        self._limit(match.view, now)
        caller = None
        if match.view not in _OPEN and match.view is not _other_method:
            caller = self._authenticate(request, match.template, now)
        return match.view(Call(request, caller, now, self._store, self._settings, match.params))

    def _limit(self, view: View, now: datetime) -> None:
        """Logins and uploads are counted over a minute; a real server counts them by who asks."""
        most = _MOST_IN_A_MINUTE.get(view)
        if most is None:
            return
        recent = [at for at in self._recent.get(view, []) if now - at < _A_MINUTE]
        if len(recent) >= most:
            raise refused(429, f"You've been rate limited for sending more than {most} requests in 1m0s.")
        self._recent[view] = [*recent, now]

    def _authenticate(self, request: Request, template: str, now: datetime) -> User:
        key = self._known(_credential(request))
        if now >= key.expires:
            raise signed_out(f'API key expired at "{go_instant(key.expires)}".')
        self._use(key, now)
        if not key.user.active:
            advice = "Contact an admin to reactivate your account."
            raise refused(401, f'User is not active (status = "suspended"). {advice}')
        if not may(key.scopes, request.method, template):
            raise missing()
        return key.user

    def _known(self, value: str) -> Key:
        if not value:
            raise signed_out(f'Cookie "{_NAME}" or query parameter must be provided.')
        id_, dash, secret = value.partition("-")
        if not dash or len(id_) != _ID or len(secret) != _SECRET:
            raise signed_out("Invalid API key format: incorrect amount of API key parts")
        key = self._store.keys.get(id_)
        if key is None:
            raise signed_out("API key is invalid.")
        if hash_of(secret) != key.hashed:
            raise signed_out("API key secret is invalid.")
        return key

    def _use(self, key: Key, now: datetime) -> None:
        """A session moves its end once an hour of its life has passed; so does a token on an older server."""
        if now - key.used > _AN_HOUR:
            key.used = now
        if (self._sliding or key.login_type != "token") and key.expires - now <= key.lifetime - _AN_HOUR:
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
            live = (key for key in self._store.tokens() if key.user.active and now < key.expires)
            return sorted(live, key=lambda key: key.name)

    def add_user(
        self, username: str, *, password: str = "", email: str = "", roles: tuple[str, ...] = ("owner",)
    ) -> User:
        """A user with roles such as `owner` and `template-admin`; without a password nobody can log in."""
        with self._lock:
            return self._store.add_user(username, email=email, password=password, roles=roles, now=self._clock())

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
            found = self._store.named_template(name)
            if found is None:
                raise KeyError(f"no template {name!r} in the simulated Coder")
            mine = _settled(self._store.versions_of(found.id))
            return TemplateLook(found.id, found.name, self._store.versions[found.active], mine, found.fields)

    def loose_versions(self) -> list[Version]:
        """Versions that belong to no template; the API lists them nowhere."""
        with self._lock:
            return _settled(self._store.versions_of(""))

    def fail_next_job(self, error: str) -> None:
        """Let the job of the next version that is created fail with this error."""
        with self._lock:
            self._store.doomed.append(error)


def _settled(versions: list[Version]) -> list[Version]:
    """What was told to stop has stopped by the time that somebody looks inside."""
    for version in versions:
        if version.status == "canceling":
            version.status = "canceled"
    return versions


def _match(request: Request) -> Match[View] | None:
    if not request.path.startswith(_PREFIX):
        return None
    return _ROUTES.match(request.method, request.path.removeprefix(_PREFIX))


def _credential(request: Request) -> str:
    """The cookie comes first, then the query, then the header."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    cookie = SimpleCookie(headers["cookie"]).get(_NAME) if "cookie" in headers else None
    return (cookie.value if cookie else "") or request.query.get(_NAME, "") or headers.get("coder-session-token", "")
