"""All places of a token, and what is synced onwards from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pulumi

from components.external_secrets import external_secret, push_secret
from components.one_password import one_password_item
from components.publications.contents import Published
from components.publications.kubernetes_secret import kubernetes_secret
from components.publications.places import EntryPlace, Publication, SecretPlace, StoreRef
from components.publications.providers import Providers
from components.publications.vault_kv import vault_entry
from rotation.model import Policy


def publish(
    given: Published,
    publications: tuple[Publication, ...],
    policy: Policy,
    providers: Providers,
    opts: pulumi.ResourceOptions,
    *,
    accessor: pulumi.Output[str] | None = None,
) -> list[pulumi.Resource]:
    """Every resource that must succeed before anything is retired.

    accessor: of the current generation, where its backend has one that consumers may know
    """
    return [
        resource
        for publication in publications
        for resource in _published(given, publication, policy, providers, opts, accessor)
    ]


def _published(  # noqa: PLR0917 - what `publish` was given, for one place
    given: Published,
    publication: Publication,
    policy: Policy,
    providers: Providers,
    opts: pulumi.ResourceOptions,
    accessor: pulumi.Output[str] | None,
) -> Iterator[pulumi.Resource]:
    place = publication.place
    if isinstance(place, SecretPlace):
        source: pulumi.Resource = kubernetes_secret(given, place, policy, accessor, _with(opts, providers.cluster))
    elif isinstance(place, EntryPlace):
        source = vault_entry(given, place, _with(opts, providers.vaults[place.backend]))
    else:
        assert providers.one_password is not None, "the stack makes it where an item is named"
        source = one_password_item(given, providers.items[str(place)], _with(opts, providers.one_password))
    yield source
    for synced in publication.external_secrets:
        after = _after(source, synced.store, providers.stores, opts)
        yield external_secret(given, place, synced, _with(after, providers.cluster))
    for push in publication.push_secrets:
        assert isinstance(place, SecretPlace), "settings refuse a push from elsewhere"
        after = _after(source, push.store, providers.stores, opts)
        yield push_secret(given, place, push, _with(after, providers.cluster))


def _with(opts: pulumi.ResourceOptions, provider: pulumi.ProviderResource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(provider=provider))


def _after(
    source: pulumi.Resource, store: StoreRef, stores: Mapping[str, pulumi.Resource], opts: pulumi.ResourceOptions
) -> pulumi.ResourceOptions:
    """What is synced onwards is poked after its source was written."""
    ours = [stores[key] for key in (f"{store.kind}/{store.name}",) if key in stores]
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[source, *ours]))
