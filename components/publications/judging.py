"""What the config says of publications, completed, and refused where it cannot hold. Nothing was touched yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from components.publications.places import (
    EntryPlace,
    ExternalSecretPlace,
    ItemPlace,
    Place,
    Publication,
    PushSecretPlace,
    SecretPlace,
    StoreRef,
)
from components.publications.stores import Store
from rotation.durations import format_duration
from rotation.errors import InvalidSettings

Publications = tuple[Publication, ...]
_NOUNS: dict[type[Place], str] = {SecretPlace: "Secret", ItemPlace: "item", EntryPlace: "entry"}


def complete(token: str, publications: Publications, vaults: Sequence[str], item: ItemPlace) -> Publications:
    """The same, with what the config leaves out.

    vaults: the backends of kind vault
    item:   where an item goes that names no vault or no title
    Raises InvalidSettings for an entry of which nobody can tell the server.
    """
    return tuple(_completed(token, publication, vaults, item) for publication in publications)


def refuse_shared(publications: Mapping[str, Publications]) -> None:
    """Two writers of one place would undo each other. Raises InvalidSettings."""
    taken: dict[tuple[str, str], str] = {}
    for name, mine in publications.items():
        for written in (written for publication in mine for written in _written(publication)):
            if written in taken:
                noun, place = written
                cause = f"the {noun} {place} is published to by {taken[written]} and by {name}"
                raise _refusal(name, cause, f"Give each its own {noun}.")
            taken[written] = name


def refuse_unsynced(token: str, publications: Publications, stores: Mapping[str, Store], overlap: timedelta) -> None:
    """What is synced onwards must be readable there, and within the overlap even without a poke.

    stores: those that the stack makes; of others nothing is known. Raises InvalidSettings.
    """
    for publication in publications:
        for synced in publication.external_secrets:
            _refuse_slow(token, synced, overlap)
            _refuse_store(token, publication.place, synced, _of(stores, synced.store))
        for push in publication.push_secrets:
            _refuse_slow(token, push, overlap)
            store = _of(stores, push.store)
            if store and store.one_password:
                cause = f"{push.name} pushes a whole Secret, and a store of 1Password takes single fields"
                raise _refusal(token, cause, "Publish with onePassword instead.")


def _refuse_slow(token: str, onwards: ExternalSecretPlace | PushSecretPlace, overlap: timedelta) -> None:
    if onwards.refresh_interval > overlap:
        longer = f"{format_duration(onwards.refresh_interval)}, is longer than the overlap, {format_duration(overlap)}"
        cause = f"the refreshInterval of {onwards.name}, {longer}"
        raise _refusal(token, cause, "Make it shorter, or consumers could miss a change.")


def _refuse_store(token: str, place: Place, synced: ExternalSecretPlace, store: Store | None) -> None:
    if store is None:
        return
    if not store.holds(place):
        cause = f"the store {synced.store.name} of {synced} does not read {place}"
        raise _refusal(token, cause, "Name a store of that vault, mount or namespace.")
    if store.namespace not in ("", synced.namespace):
        cause = f"the SecretStore {synced.store.name} is in {store.namespace}, and {synced} is not"
        raise _refusal(token, cause, "Use a ClusterSecretStore, or the namespace of the store.")


def _completed(token: str, publication: Publication, vaults: Sequence[str], item: ItemPlace) -> Publication:
    place = publication.place
    if isinstance(place, ItemPlace):
        named = ItemPlace(vault=place.vault or item.vault, item=place.item or item.item)
        return publication.model_copy(update={"one_password": named})
    if isinstance(place, EntryPlace):
        return publication.model_copy(
            update={"vault_kv": place.model_copy(update={"backend": _server(token, place, vaults)})}
        )
    return publication


def _server(token: str, place: EntryPlace, vaults: Sequence[str]) -> str:
    candidates = [name for name in vaults if place.backend in ("", name)]
    if len(candidates) == 1:
        return candidates[0]
    known = ", ".join(sorted(vaults)) or "none"
    cause = f"it does not tell on which server {place} is; the backends of kind vault are: {known}"
    raise _refusal(token, cause, "Name one of them as `vaultKv.backend`, or add it to the backends.")


def _written(publication: Publication) -> Iterator[tuple[str, str]]:
    """All that has one writer, by what it is and where."""
    place = publication.place
    where = f"{place} of {place.backend}" if isinstance(place, EntryPlace) else str(place)
    yield _NOUNS[type(place)], where
    for synced in publication.external_secrets:
        yield "ExternalSecret", str(synced)
        yield "Secret", str(synced.made)
    for push in publication.push_secrets:
        yield "PushSecret", publication.pushed_by(push)
        yield "pushed entry", f"{push.remote} of {push.store.name}"


def _of(stores: Mapping[str, Store], reference: StoreRef) -> Store | None:
    store = stores.get(reference.name)
    return store if store and store.kind == reference.kind else None


def _refusal(token: str, cause: str, remedy: str) -> InvalidSettings:
    return InvalidSettings(f"read token-rotation:tokens.{token}.publish", cause, remedy)
