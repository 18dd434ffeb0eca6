"""The acts of the line, each joined to its judgement: mint and prove, confirm, retire and verify, find orphans."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotation.backends.protocol import Backend, Order
from rotation.durations import approximate
from rotation.errors import BackendError, GrantedTooShort, ProbeFailed, Unauthorised, Unavailable
from rotation.ledger import Entry, Ledger, Superseded
from rotation.margins import needed_lifetime
from rotation.model import Generation, Minted, Policy, token_of


def mint(backend: Backend, order: Order, policy: Policy) -> Minted:
    """Mint a generation, refuse a life that is too short, and prove that it works; what fails is revoked at once.

    Raises BackendError; nothing that this call knows of stays behind.
    """
    minted = backend.mint(order)
    try:
        if not backend.capabilities.leases and minted.expires is not None:
            _refuse_short(minted.expires - minted.created, policy)
        try:
            backend.probe(minted.value)
        except Unauthorised as error:
            remedy = "See the server's log: a new token must be accepted at once."
            raise ProbeFailed("probe", f"the new token is not accepted ({error.cause})", remedy) from None
    except BackendError:
        with suppress(BackendError):
            backend.revoke(minted.handle)
        raise
    return minted


def confirm(backend: Backend, generation: Generation, policy: Policy) -> datetime:
    """Give a lease its full life and return the granted end.

    What was granted too short for the policy is revoked and refused. So is what may have been confirmed unknown to us:
    it would live on, and most backends of leases cannot list it.
    """
    try:
        granted_end = backend.confirm(generation.handle, policy.lifetime)
        _refuse_short(granted_end - generation.created, policy)
    except (Unavailable, GrantedTooShort):
        with suppress(BackendError):
            backend.revoke(generation.handle)
        raise
    return granted_end


def retire(backend: Backend, ledger: Ledger, now: datetime, keep: Iterable[str]) -> Ledger:
    """Revoke all that is due and verify that it is dead. A failure stays in the ledger and is tried again next run.

    keep: generations that must live (the current one); an entry of that name is never revoked.
    """
    kept = frozenset(keep)
    for entry in ledger.due(now):
        if entry.generation not in kept:
            ledger = ledger.settle(_end(backend, entry, now))
    return ledger


def end_now(backend: Backend, generation: str, handle: str) -> None:
    """Revoke a generation at once and verify that it is dead, for a destroy. Raises BackendError when it may live."""
    backend.revoke(handle)
    if not backend.is_dead(handle):
        raise Unavailable("revoke", f"{generation} is still there after its revocation", "Run the destroy again.")


def _end(backend: Backend, entry: Entry, now: datetime) -> Entry:
    try:
        backend.revoke(entry.handle)
        if backend.is_dead(entry.handle):
            return replace(entry, retired=now, error="")
        cause = "the backend accepted the revocation, but the generation is still there"
    except BackendError as error:
        cause = f"{error.act}: {error.cause}"
    return replace(entry, error=cause, attempts=entry.attempts + 1)


@dataclass(frozen=True)
class Orphans:
    """What a sweep found: generations of ours that no ledger knows, with the overlap that each is given."""

    unknown: tuple[Generation, ...]

    def admitted_to(self, ledger: Ledger, first_seen: datetime, overlaps: dict[str, timedelta]) -> Ledger:
        """Enter each as superseded: a killed run may have published it, so it is given its token's overlap."""
        longest = max(overlaps.values(), default=timedelta(0))
        for orphan in self.unknown:
            overlap = overlaps.get(token_of(orphan.id), longest)
            ledger = ledger.admit([Superseded(orphan.id, orphan.handle)], first_seen, overlap)
        return ledger


def find_orphans(inventory: Iterable[Generation], known: Iterable[str]) -> Orphans:
    """All that is alive, ours by its mark, and known to no ledger."""
    names = frozenset(known)
    return Orphans(tuple(generation for generation in inventory if generation.id not in names))


def _refuse_short(life: timedelta, policy: Policy) -> None:
    needed = needed_lifetime(policy)
    if life >= needed:
        return
    raise GrantedTooShort(
        "mint",
        f"the backend granted {approximate(life)}, the policy needs {approximate(needed)}"
        f" (margin -{approximate(needed - life)})",
        "It was revoked and nothing was published. Raise the server's limit, or shorten the policy's parts.",
    )
