"""What stands before a cluster and makes trouble: a process that is killed, calls that are lost, and who watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rotation.backends.transport import Request, Response, Transport
from rotation.operator_tokens.published import TOKEN
from tests.operator_tokens.team_world import Teams

WRITES = ("POST", "PUT", "PATCH", "DELETE")


class KilledError(BaseException):
    """The process ends here, as by SIGKILL: nobody catches it, nothing is tidied up."""


@dataclass
class Cut:
    """Stands before a cluster and ends the process around its write of a number, counted from when it was made.

    arrives: whether that write still reaches the server
    """

    send: Transport
    at: int
    arrives: bool
    writes: int = 0

    def __call__(self, request: Request) -> Response:
        if request.method not in WRITES:
            return self.send(request)
        self.writes += 1
        if self.writes == self.at and not self.arrives:
            raise KilledError
        answer = self.send(request)
        if self.writes == self.at:
            raise KilledError
        return answer


@dataclass
class Unlucky:
    """Stands before a cluster, and some calls of the process go wrong, from one of a number on.

    kind: `drop` does not reach the server, `lose` does and its answer is lost
    written: how often a record was to be written
    """

    send: Transport
    at: int
    kind: str
    times: int = 1
    calls: int = 0
    written: int = 0

    def __call__(self, request: Request) -> Response:
        self.calls += 1
        self.written += request.method == "PUT" and "/configmaps/" in request.path
        is_hit = self.at <= self.calls < self.at + self.times
        if is_hit and self.kind == "drop":
            raise ConnectionResetError("dropped")
        answer = self.send(request)
        if is_hit:
            raise ConnectionResetError("lost")
        return answer


@dataclass
class Watched:
    """Lets everything through, and after each write looks whether what a consumer reads is let in."""

    teams: Teams
    writes: list[str] = field(default_factory=list)
    outages: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        answer = self.teams.send(request)
        if request.method in WRITES:
            kind = request.path.split("/")[-2 if request.method == "PUT" else -1]
            self.writes.append(f"{request.method} {kind}")
            if not self.teams.lets_in(self.teams.secret()[TOKEN]):
                self.outages.append(self.writes[-1])
        return answer


@contextmanager
def killed() -> Iterator[None]:
    """Around what a process does that is killed; it must be."""
    try:
        yield
    except KilledError:
        return
    raise AssertionError("it ended by itself: there is no such step")
