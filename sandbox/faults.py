"""A handler that misbehaves when asked to: refuses, drops the connection before or after acting, is slow, is down."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rotation.backends.transport import Request, Response, json_response

Handler = Callable[[Request], Response]
Kind = Literal["refuse", "drop", "lose_answer", "delay"]


@dataclass
class Fault:
    """What goes wrong with the next `times` requests of this method ("" for any) below this path prefix.

    `refuse` answers `status` and does not act; `drop` breaks the connection and does not act; `lose_answer` acts and
    breaks the connection; `delay` waits `seconds` and then acts.
    """

    kind: Kind
    method: str = ""
    path: str = ""
    times: int = 1
    status: int = 500
    retry_after: int | None = None
    seconds: float = 0.0

    def matches(self, request: Request) -> bool:
        return self.times > 0 and self.method in ("", request.method) and request.path.startswith(self.path)


class Faults:
    """Wraps a handler. Requests that meet no fault pass through; a broken connection raises ConnectionError.

    `met` counts how often each kind of fault was met. When several faults match, the one asked for first is met.
    """

    def __init__(self, handler: Handler, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._handler = handler
        self._sleep = sleep
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self.down = False
        self.met: Counter[str] = Counter()

    def refuse(
        self, status: int, *, method: str = "", path: str = "", times: int = 1, retry_after: int | None = None
    ) -> None:
        """Answer `status`, with a `Retry-After` in seconds when given, without acting."""
        self.add(Fault("refuse", method, path, times, status, retry_after))

    def drop(self, *, method: str = "", path: str = "", times: int = 1) -> None:
        """Break the connection before acting."""
        self.add(Fault("drop", method, path, times))

    def lose_answer(self, *, method: str = "", path: str = "", times: int = 1) -> None:
        """Act, then break the connection: the client cannot know that it was done."""
        self.add(Fault("lose_answer", method, path, times))

    def delay(self, seconds: float, *, method: str = "", path: str = "", times: int = 1) -> None:
        """Wait before acting; meant for a mounted server, whose clients have time-outs."""
        self.add(Fault("delay", method, path, times, seconds=seconds))

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget every fault, and be up."""
        with self._lock:
            self._faults.clear()
            self.down = False

    @property
    def pending(self) -> list[Fault]:
        """Faults that were asked for and not yet met."""
        with self._lock:
            return [fault for fault in self._faults if fault.times > 0]

    def __call__(self, request: Request) -> Response:
        """Answer as the handler does, or misbehave. Raises ConnectionError where no answer comes."""
        if self.down:
            self.met["down"] += 1
            raise ConnectionRefusedError("the sandbox's server is down on request")
        fault = self._take(request)
        if fault is None:
            return self._handler(request)
        return self._misbehave(fault, request)

    def _take(self, request: Request) -> Fault | None:
        with self._lock:
            fault = next((fault for fault in self._faults if fault.matches(request)), None)
            if fault is not None:
                fault.times -= 1
                self.met[fault.kind] += 1
            return fault

    def _misbehave(self, fault: Fault, request: Request) -> Response:
        if fault.kind == "refuse":
            retry = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
            return json_response(fault.status, {"detail": "refused on request of the sandbox"}, retry)
        if fault.kind == "drop":
            raise ConnectionResetError("the sandbox broke the connection before it acted")
        if fault.kind == "delay":
            self._sleep(fault.seconds)
            return self._handler(request)
        self._handler(request)
        raise ConnectionResetError("the sandbox broke the connection after it acted")
