"""The control API of a mounted server, below `/_sandbox/`: faults and a look inside, for other processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol

from rotation.backends.transport import Request, Response, json_response
from rotation.clock import to_rfc3339
from sandbox.faults import Fault, Faults

PREFIX = "/_sandbox/"


class Shown(Protocol):
    """A live token as it may be told: never with its value."""

    @property
    def identifier(self) -> str: ...
    @property
    def username(self) -> str: ...
    @property
    def expires(self) -> datetime | None: ...


class Inspectable(Protocol):
    """What a simulated API shows besides its answers."""

    @property
    def calls(self) -> Counter[tuple[str, str]]: ...
    def live_tokens(self) -> Sequence[Shown]: ...
    def accepts(self, key: str, /) -> bool: ...
    def sweep(self) -> None: ...


class Control:
    """Answers control requests. `api` may be absent: then only faults and `stop` are there."""

    def __init__(self, faults: Faults, api: Inspectable | None, stop: Callable[[], None]) -> None:
        self._faults = faults
        self._api = api
        self._stop = stop

    def handle(self, request: Request) -> Response:
        """404 for what is not there, 400 with the cause for a body that does not fit, else 200 with JSON."""
        act = self._acts().get((request.method, request.path.removeprefix(PREFIX)))
        if act is None:
            return json_response(404, {"detail": f"no {request.method} {request.path} in the sandbox's control"})
        try:
            return json_response(200, act(request.json()))
        except (KeyError, TypeError, ValueError) as problem:
            return json_response(400, {"detail": f"{type(problem).__name__}: {problem}"})

    def _acts(self) -> dict[tuple[str, str], Callable[[Any], object]]:
        acts: dict[tuple[str, str], Callable[[Any], object]] = {
            ("GET", "faults"): lambda _: [asdict(fault) for fault in self._faults.pending],
            ("POST", "faults"): lambda body: self._faults.add(Fault(**body)),
            ("DELETE", "faults"): lambda _: self._faults.clear(),
            ("POST", "down"): lambda body: setattr(self._faults, "down", bool(body["down"])),
            ("POST", "stop"): lambda _: self._stop(),
        }
        return acts | (_looks(self._api) if self._api else {})


def _looks(api: Inspectable) -> dict[tuple[str, str], Callable[[Any], object]]:
    return {
        ("GET", "calls"): lambda _: [{"method": m, "path": p, "count": n} for (m, p), n in sorted(api.calls.items())],
        ("GET", "tokens"): lambda _: [_told(token) for token in api.live_tokens()],
        ("POST", "accepts"): lambda body: {"accepts": api.accepts(body["key"])},
        ("POST", "sweep"): lambda _: api.sweep(),
    }


def _told(token: Shown) -> dict[str, str | None]:
    expires = None if token.expires is None else to_rfc3339(token.expires)
    return {"identifier": token.identifier, "username": token.username, "expires": expires}
