"""A simulated Vault for the simulator: token roles, leases and accessors, one handler from request to response.

It answers in OpenBao's words, to which the tests hold it. The traps are the point: a child dies with its parent, a
short increment shortens, nothing lives past 768 hours from its issue, and only sudo may list. Of `auth/token/` it has
what a rotator uses; other fields of a request mean nothing here.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from rotation.backends.transport import Request, Response
from rotation.clock import Clock
from sandbox.apis import vault_tokens as tokens
from sandbox.apis.routing import Router, answered
from sandbox.apis.vault_calls import Call, fields, refused, wrapped
from sandbox.apis.vault_records import DEFAULT, LONGEST_LIFE, ROOT, ZERO, LiveToken, Policy, Role, Token, live
from sandbox.apis.vault_store import EVERYTHING, Store

_PREFIX = "/v1/"
_CAPABILITIES = {"GET": "read", "POST": "update", "LIST": "list", "DELETE": "delete"}
_ACCESSORS = "auth/token/accessors"
_ROUTES: Router[Callable[[Call], Response]] = Router(
    {
        ("POST", "auth/token/create/{role}"): tokens.create,
        ("GET", "auth/token/lookup-self"): tokens.look_up_self,
        ("POST", "auth/token/lookup-accessor"): tokens.look_up_accessor,
        ("POST", "auth/token/renew-self"): tokens.renew_self,
        ("POST", "auth/token/renew-accessor"): tokens.renew_accessor,
        ("POST", "auth/token/revoke-self"): tokens.revoke_self,
        ("POST", "auth/token/revoke-accessor"): tokens.revoke_accessor,
        ("LIST", _ACCESSORS): tokens.list_accessors,
    },
    other_method=tokens.not_supported,
)


class Vault:
    """The server. `handle` is a Transport; everything else looks inside, or prepares the world, without HTTP.

    `calls` counts answered requests by method and path template (`*` for a path that is not there).
    """

    def __init__(self, clock: Clock, *, seed: int | None = None) -> None:
        """The clock tells UTC. Without `seed`, values and accessors come from the system's RNG."""
        self._clock = clock
        self._store = Store(None if seed is None else random.Random(seed))  # noqa: S311 - repeatable on request only
        self._lock = threading.RLock()
        self.calls: Counter[tuple[str, str]] = Counter()
        self.root_token = self.issue(ROOT, ttl=None)

    def handle(self, request: Request) -> Response:
        """Answer one request; thread-safe. `path` starts with `/v1/`."""
        with self._lock:
            now = self._clock()
            self._store.expire(now)
            return answered(self._answer, request, now)

    def _answer(self, request: Request, now: datetime) -> Response:
        method, path = _asked(request)
        match = _ROUTES.match(method, path)
        self.calls[method, match.template if match else "*"] += 1
        caller = self._authenticate(request)
        self._require(caller, method, path)
        if match is None:
            raise wrapped(404, "unsupported path")
        return match.view(Call(caller, now, self._store, match.params, fields(request)))

    def _authenticate(self, request: Request) -> Token:
        caller = self._store.by_value.get(_credential(request.headers))
        if caller is None:
            raise refused(403, "permission denied")
        return caller

    def _require(self, caller: Token, method: str, path: str) -> None:
        needs = (_CAPABILITIES.get(method, "update"), *(("sudo",) if path == _ACCESSORS else ()))
        if not all(self._store.may(caller, path, capability) for capability in needs):
            raise wrapped(403, "permission denied")

    def accepts(self, value: str) -> bool:
        """Whether this value would be let in now. Not counted."""
        with self._lock:
            self._store.expire(self._clock())
            return value in self._store.by_value

    def live_tokens(self) -> list[LiveToken]:
        """Every token that is accepted now, oldest first, without values."""
        with self._lock:
            self._store.expire(self._clock())
            return [live(token) for token in self._store.by_accessor.values()]

    def issue(
        self,
        *policies: str,
        ttl: timedelta | None = LONGEST_LIFE,
        period: timedelta = ZERO,
        meta: Mapping[str, str] | None = None,
        display_name: str = "token",
    ) -> str:
        """Make an orphan as an administrator would, and return its value. Without `ttl` it never ends."""
        with self._lock:
            kinds = set(policies) if ROOT in policies else {*policies, DEFAULT}
            token = self._store.add(
                now=self._clock(),
                granted=period or ttl or ZERO,
                policies=tuple(sorted(kinds)),
                period=period,
                renewable=ttl is not None,
                meta=meta,
                display_name=display_name,
            )
            return token.value

    def write_role(self, name: str, *allowed_policies: str, **settings: Any) -> None:
        """Make or change a token role; `settings` are fields of Role."""
        with self._lock:
            self._store.roles[name] = Role(name, allowed_policies, **settings)

    def delete_role(self, name: str) -> None:
        """What was made by it can be renewed no more."""
        with self._lock:
            self._store.roles.pop(name, None)

    def write_policy(self, name: str, paths: Mapping[str, Iterable[str]]) -> None:
        """Capabilities by path, as in `{"auth/token/renew-accessor": ["update"]}`; `*` is every other path."""
        with self._lock:
            rules = {path: frozenset(capabilities) for path, capabilities in paths.items()}
            self._store.policies[name] = Policy(rules, rules.pop("*", frozenset()))

    def prepare_rotation(self, role: str, *, policy: str = "admin", rotator: str = "rotator") -> str:
        """An orphan role that hands out a policy, and a rotator's periodic token that may use it and little else."""
        self.write_policy(policy, {"*": EVERYTHING})
        self.write_role(role, policy, orphan=True)
        acts = (f"create/{role}", "lookup-accessor", "renew-accessor", "revoke-accessor")
        self.write_policy(rotator, {f"auth/token/{act}": ["update"] for act in acts})
        return self.issue(rotator, period=LONGEST_LIFE, display_name="token-rotator")


def _asked(request: Request) -> tuple[str, str]:
    """Method and path as policies know them: PUT is POST, and a GET that asks for a list is a LIST."""
    method = "POST" if request.method == "PUT" else request.method
    if request.query.get("list") == "true" and method == "GET":
        method = "LIST"
    path = request.path.removeprefix(_PREFIX).rstrip("/") if request.path.startswith(_PREFIX) else ""
    return method, path


def _credential(headers: Mapping[str, str]) -> str:
    """Our own client writes the header in lower case; others are searched for it."""
    if "x-vault-token" in headers:
        return headers["x-vault-token"]
    given = {name.lower(): value for name, value in headers.items()}
    return given.get("x-vault-token") or given.get("authorization", "").removeprefix("Bearer ")
