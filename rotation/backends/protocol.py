"""What a backend must do to have its tokens rotated. The conformance kit in `rotation.testing` holds each one to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from rotation.model import Generation, Minted


@dataclass(frozen=True)
class Capabilities:
    """What a kind of backend can do.

    lists:  its inventory finds generations that nobody knows
    leases: a mint dies by itself unless it is confirmed
    renews: a generation can be given a later end
    cap:    the longest life of one generation, renewals included; None where there is none
    own_credential: we work with a value of this kind, which may die or be one of ours; False where another party, as
                    the cluster, lets us in
    """

    lists: bool
    leases: bool
    renews: bool
    cap: timedelta | None = None
    own_credential: bool = True


@dataclass(frozen=True)
class Order:
    """What is to be minted.

    id:       the generation id, unique for this attempt
    owner:    the mark of our stack, by which the inventory finds it again
    spec:     what the token is, in the terms of its backend
    lifetime: the life wished for
    now:      the run's instant
    """

    id: str
    owner: str
    token: str
    spec: Mapping[str, Any]
    lifetime: timedelta
    now: datetime


class Backend(Protocol):
    """One backend with one credential. Every failure is a `rotation.errors.BackendError`; none shows a value."""

    name: str
    capabilities: Capabilities

    def preflight(self) -> None:
        """Refuse to begin when our own credential is dead or the clocks disagree."""

    def mint(self, order: Order) -> Minted:
        """Create a generation and read back what was granted. Leaves nothing behind when it raises, where it can."""

    def probe(self, value: str) -> None:
        """Use a token itself; raises Unauthorised when it does not work."""

    def inventory(self, owner: str, known: Sequence[str]) -> list[Generation]:
        """What is alive of ours: all that bears our mark where the backend lists, else those of `known` handles."""

    def find(self, handle: str) -> Generation | None:
        """What one handle stands for; None only on the backend's word that there is no such thing."""

    def recognise(self, value: str, spec: Mapping[str, Any], handle: str = "") -> Generation:
        """Which living generation a value is, if it is one that this spec describes.

        handle: where to look first, when a guess is at hand
        Raises Unauthorised for a value that is not accepted, Refused for one that is somebody else's.
        """

    def confirm(self, handle: str, lifetime: timedelta) -> datetime:
        """Turn a lease into a full life; returns the granted end. Raises NotFound when the lease has died."""

    def renew(self, handle: str, lifetime: timedelta) -> datetime:
        """Give a generation a later end; returns the granted end."""

    def revoke(self, handle: str) -> None:
        """End a generation now; one that is unknown is a success."""

    def is_dead(self, handle: str) -> bool:
        """Ask the backend whether a generation can no longer be used; raises when it gives no clear answer."""

    def holds(self, handle: str) -> bool:
        """Whether this generation is the credential that we ourselves work with."""
