"""What the conformance kit needs of a server, beside the backend that it examines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from rotation.backends.protocol import Backend, Order
from rotation.errors import BackendError
from rotation.model import Minted
from rotation.testing.builders import an_order


class Faults(Protocol):
    """What can go wrong between a backend and its server, for the next `times` requests that match."""

    def refuse(
        self, status: int, *, method: str = "", path: str = "", times: int = 1, retry_after: int | None = None
    ) -> None:
        """Answer with this status and do nothing."""

    def drop(self, *, method: str = "", path: str = "", times: int = 1) -> None:
        """Break the connection and do nothing."""

    def lose_answer(self, *, method: str = "", path: str = "", times: int = 1) -> None:
        """Act, then break the connection."""

    def clear(self) -> None:
        """Be well again."""


class World(Protocol):
    """One server with one backend before it, and a look past that backend at what is really so.

    kind:         the backend's name in the registry
    owner:        our mark; nothing else at the server bears it, but for the credential itself
    credential:   what the backend works with, and `own_handle` its handle
    spec:         what is minted
    lifetime:     a life that the server grants in full
    short_life:   the shortest that can be asked for, so that real time may pass
    foreign:      handles of what is alive there and not ours
    unknown:      a handle that was never there
    mint_path:    the path to which a mint is posted
    ends_by_itself: whether the server ends what it minted
    """

    kind: str
    owner: str
    credential: str
    own_handle: str
    spec: Mapping[str, Any]
    lifetime: timedelta
    short_life: timedelta
    foreign: frozenset[str]
    unknown: str
    mint_path: str
    ends_by_itself: bool

    @property
    def backend(self) -> Backend:
        """What is examined, with our credential."""

    @property
    def faults(self) -> Faults:
        """What stands between it and its server."""

    def connect(self, credential: str) -> Backend:
        """The same server through another credential."""

    def now(self) -> datetime:
        """The instant by which the backend judges."""

    def pass_time(self, length: timedelta) -> None:
        """Let time pass for the server and the backend alike."""

    def alive(self) -> frozenset[str]:
        """The handles of all that is alive, by the server's own word."""

    def accepts(self, value: str) -> bool:
        """Whether the server lets this value in."""

    def end_of(self, handle: str) -> datetime | None:
        """The end of what is alive, by the server's own word; None when it has none."""


Law = Callable[[World], None]

TOLD_TO = timedelta(seconds=2)
"""How far a granted end may be off: whole seconds, and the way of an answer."""


def order_of(world: World, lifetime: timedelta | None = None) -> Order:
    """An order for something fresh in this world."""
    return an_order(world.now(), lifetime=lifetime or world.lifetime, spec=dict(world.spec), owner=world.owner)


def mint(world: World, lifetime: timedelta | None = None) -> Minted:
    """Mint something fresh in this world."""
    return world.backend.mint(order_of(world, lifetime))


def raised(kinds: type[BackendError] | tuple[type[BackendError], ...], act: Callable[[], object]) -> BackendError:
    """The typed error that an act must end with."""
    try:
        answer = act()
    except kinds as error:
        return error
    raise AssertionError(f"expected {kinds}, got the answer of type {type(answer).__name__}")
