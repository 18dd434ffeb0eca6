"""What is alive at a backend, as one run sees it: a listing, or look-ups where nothing can be listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rotation.backends.protocol import Backend
from rotation.errors import BackendError, RateLimited, Unavailable
from rotation.model import Generation


@dataclass(frozen=True)
class Inventory:
    """What is alive at a backend, by handle.

    unreachable: why it could not be asked; empty when it could
    refused:     the error of a backend that answers and refuses us: somebody must look at the credential or the clock
    """

    alive: Mapping[str, Generation] = field(default_factory=dict)
    unreachable: str = ""
    refused: str = ""


def take_inventory(backend: Backend, owner: str, known: Sequence[str]) -> Inventory:
    """All that bears our mark where the backend lists, else those of the known handles that are alive."""
    try:
        return Inventory({item.handle: item for item in backend.inventory(owner, known)})
    except BackendError as error:
        return _unanswered(error)


def look_up(backend: Backend, handle: str) -> Inventory:
    """One handle alone: for what does not bear our mark."""
    try:
        found = backend.find(handle)
    except BackendError as error:
        return _unanswered(error)
    return Inventory({handle: found} if found else {})


def _unanswered(error: BackendError) -> Inventory:
    """Raised in a verb that only judges, it would end the run for the tokens of every other backend, too."""
    expected = isinstance(error, RateLimited | Unavailable)
    return Inventory(unreachable=f"{error.act}: {error.cause}", refused="" if expected else str(error))
