"""A simulated 1Password Connect: one handler from request to response, and a look inside for tests.

The traps are the point: readers see a write only after a while, a search answers summaries, titles are not unique and a
repeated POST makes a second item, a PUT replaces all that it does not name and answers the old version number, a write
beside somebody else's is a 409, a deletion too soon after a write is a 500, and a 403 may mean nothing.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from rotation.backends.transport import Request, Response, json_response
from rotation.clock import Clock
from sandbox.apis import connect_views as views
from sandbox.apis.connect_items import accepted, refused
from sandbox.apis.connect_records import PERSON, Access, Item, Store, Vault
from sandbox.apis.connect_views import Call
from sandbox.apis.routing import Router, answered

DEFAULT_LAG = timedelta(seconds=1)
_ITEMS = "/v1/vaults/{vault}/items"
_ROUTES: Router[Callable[[Call], Response]] = Router(
    {
        ("GET", "/v1/vaults"): views.list_vaults,
        ("GET", "/v1/vaults/{vault}"): views.read_vault,
        ("GET", _ITEMS): views.list_items,
        ("POST", _ITEMS): views.create_item,
        ("GET", f"{_ITEMS}/{{item}}"): views.read_item,
        ("PUT", f"{_ITEMS}/{{item}}"): views.replace_item,
        ("DELETE", f"{_ITEMS}/{{item}}"): views.delete_item,
    }
)
_VERSION = "1.8.1"
_HEADERS = {"1password-connect-version": _VERSION}


@dataclass(frozen=True)
class ShownAccess:
    """An access token without its value: its name, the vaults that it may see, and no end."""

    identifier: str
    username: str
    expires: datetime | None = None


class Connect:
    """The server. `handle` is a Transport; everything else looks inside, or prepares the world, without HTTP.

    lag: how long readers go on seeing what was before a write
    `calls` counts answered requests by method and path template (`*` for a path that is not there).
    """

    def __init__(self, clock: Clock, *, lag: timedelta = DEFAULT_LAG, seed: int | None = None) -> None:
        """Without `seed`, ids and values come from the system's RNG."""
        rng = None if seed is None else random.Random(seed)  # noqa: S311 - repeatable on request only
        self._clock = clock
        self._store = Store(lag, rng)
        self._lock = threading.RLock()
        self._denials = 0
        self._was_asked = False
        self.calls: Counter[tuple[str, str]] = Counter()

    def handle(self, request: Request) -> Response:
        """Answer one request; thread-safe."""
        with self._lock:
            now = self._clock()
            return answered(self._answer, request, now, _HEADERS)

    def _answer(self, request: Request, now: datetime) -> Response:
        if request.method == "GET" and request.path == "/heartbeat":
            return Response(200, {"content-type": "text/plain"}, b".")
        if request.method == "GET" and request.path == "/health":
            return json_response(200, self._health())
        match = _ROUTES.match(request.method, request.path)
        self.calls[request.method, match.template if match else "*"] += 1
        access = self._authenticate(request)
        if match is None:
            raise refused(404, "resource not found")
        return match.view(Call(request, access, now, self._store, match.params))

    def _health(self) -> dict[str, Any]:
        sync = "ACTIVE" if self._was_asked else "TOKEN_NEEDED"
        dependencies = [{"service": "sync", "status": sync}, {"service": "sqlite", "status": "ACTIVE"}]
        return {"name": "1Password Connect API", "version": _VERSION, "dependencies": dependencies}

    def _authenticate(self, request: Request) -> Access:
        headers = {name.lower(): value for name, value in request.headers.items()}
        scheme, _, value = headers.get("authorization", "").partition(" ")
        access = self._store.accesses.get(value.strip()) if scheme.lower() == "bearer" else None
        if access is None:
            raise refused(401, "Invalid bearer token")
        self._was_asked = True
        if self._denials:
            self._denials -= 1
            raise refused(403, "Authorization: token does not have access to vault")
        return access

    def add_vault(self, name: str) -> str:
        """A vault; returns its id."""
        with self._lock:
            vault = Vault(self._store.new_id(), name)
            self._store.vaults[vault.id] = vault
            return vault.id

    def grant(self, name: str, *vaults: str, writes: bool = True, value: str = "") -> str:
        """An access token for vaults by their ids; returns its value."""
        with self._lock:
            access = Access(name, value or self._store.new_value(), frozenset(vaults), writes)
            self._store.accesses[access.value] = access
            return access.value

    def write_by_hand(self, vault: str, title: str, fields: Mapping[str, str], *, tags: tuple[str, ...] = ()) -> str:
        """Make a secure note as a person does in the app, or change the one of this title; returns its id."""
        with self._lock:
            told = [{"label": label, "type": "STRING", "value": value} for label, value in fields.items()]
            body = {"vault": {"id": vault}, "title": title, "category": "SECURE_NOTE", "tags": tags, "fields": told}
            content = accepted(body, vault, self._store)
            there = self._titled(vault, title)
            if not there:
                return self._store.add(vault, content, self._clock(), PERSON).id
            self._store.write(there[0], content, self._clock(), PERSON)
            return there[0].id

    def remove_by_hand(self, item: str) -> None:
        """Delete an item by its id as a person does in the app."""
        with self._lock:
            self._store.write(self._store.items[item], None, self._clock(), PERSON)

    def items(self, vault: str) -> list[dict[str, Any]]:
        """Every item that 1Password.com holds now, in full, whatever readers see."""
        with self._lock:
            alive = [item for item in self._store.of(vault) if item.newest.content is not None]
            return [item.rendered(item.newest) for item in alive]

    def values(self, vault: str, title: str) -> dict[str, str]:
        """Label to value of the one item of this title, as 1Password.com holds it. Raises ValueError for 0 or 2."""
        (found,) = [item for item in self.items(vault) if item["title"] == title]
        return {field["label"]: field["value"] for field in found["fields"] if field.get("value")}

    def deny_next(self, times: int = 1) -> None:
        """Answer the next requests with a 403 that means nothing."""
        with self._lock:
            self._denials = times

    def accepts(self, key: str) -> bool:
        """Whether an access token would be let in."""
        return key in self._store.accesses

    def live_tokens(self) -> list[ShownAccess]:
        """Every access token, without its value."""
        with self._lock:
            names = {vault.id: vault.name for vault in self._store.vaults.values()}
            found = self._store.accesses.values()
            return [ShownAccess(each.name, ", ".join(sorted(names[v] for v in each.vaults))) for each in found]

    def sweep(self) -> None:
        """Let readers see every write now."""
        with self._lock:
            now = self._clock()
            for item in self._store.items.values():
                item.versions = [replace(each, seen_from=min(each.seen_from, now)) for each in item.versions]

    def _titled(self, vault: str, title: str) -> list[Item]:
        alive = [item for item in self._store.of(vault) if item.newest.content]
        return [item for item in alive if (item.newest.content or {})["title"] == title]
