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
    """Takes whatever is posted, and answers it with `answer`."""

    url: str = ""
    taken: list[Request] = field(default_factory=list)
    answer: Response = field(default_factory=lambda: Response(200, {}, b"ok"))
    faults: Faults = field(init=False)

    def __post_init__(self) -> None:
        self.faults = Faults(self._take)

    def _take(self, request: Request) -> Response:
        self.taken.append(request)
        return self.answer

    @property
    def bodies(self) -> list[str]:
        return [request.body.decode() for request in self.taken]


@contextmanager
def receiving(path: str = f"/{KEY}") -> Iterator[Receiver]:
    """A receiver for the length of a block; its path is a key, as that of a real one."""
    receiver = Receiver()
    with mounted(receiver.faults) as url:
        receiver.url = url + path
        yield receiver
