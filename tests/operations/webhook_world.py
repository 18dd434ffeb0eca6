"""A receiver of notifications on a loopback socket: what it was sent, and how it misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rotation.backends.transport import Request, Response
from sandbox.faults import Faults
from sandbox.serve import mounted

KEY = "T000/B000/a-key-that-nobody-may-read"


@dataclass
class Receiver:
    """Takes whatever is posted."""

    url: str
    faults: Faults
    taken: list[Request] = field(default_factory=list)

    @property
    def bodies(self) -> list[str]:
        return [request.body.decode() for request in self.taken]


@contextmanager
def receiving(path: str = f"/{KEY}") -> Iterator[Receiver]:
    """A receiver for the length of a block; its path is a key, as that of a real one."""
    taken: list[Request] = []

    def take(request: Request) -> Response:
        taken.append(request)
        return Response(200, {}, b"ok")

    faults = Faults(take)
    with mounted(faults) as url:
        yield Receiver(url + path, faults, taken)
