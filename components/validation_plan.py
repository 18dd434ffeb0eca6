"""What the validation job reads: every copy of every token, and where its values are used. No value, no credential."""

from __future__ import annotations

from collections.abc import Iterator

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

from components.operator_judging import is_revoked
from components.publications.places import EntryPlace, ItemPlace, Place, Publication
from components.settings import Settings
from dynamic_providers.cluster import MANAGER
from rotation.durations import format_duration
from rotation.operator_tokens.record import RecordPlace
from rotation.preferences import Preferences
from rotation.validation_plan import (
    PLAN_KEY,
    Copy,
    ItemCopy,
    KvCopy,
    PlannedToken,
    SecretCopy,
    ValidationPlan,
    plan_name,
)


def plan(settings: Settings, preferences: Preferences, one_password_url: str = "") -> ValidationPlan:
    """The plan of a stack.

    settings:         with each place named in full, as `read_settings` returns them
    one_password_url: of the Connect server; empty: OP_CONNECT_HOST of the validation job
    """
    receipts = settings.cluster.receipts
    return ValidationPlan(
        enabled=preferences.validation_enabled,
        timeout=format_duration(preferences.validation_timeout),
        receipts_namespace=receipts.namespace,
        receipts_name=receipts.name,
        tokens={
            name: _planned(settings, name, one_password_url)
            for name, token in settings.tokens.items()
            if not is_revoked(settings.operator, token.backend, token.spec)
        },
    )


def validation_plan(
    settings: Settings, preferences: Preferences, one_password_url: str, opts: pulumi.ResourceOptions
) -> ConfigMap:
    """The ConfigMap of the plan, beside the receipts."""
    made = plan(settings, preferences, one_password_url)
    return ConfigMap(
        "validation-plan",
        metadata={
            "namespace": made.receipts_namespace,
            "name": plan_name(made.receipts_name),
            "labels": {"app.kubernetes.io/component": "validation", "app.kubernetes.io/managed-by": MANAGER},
            "annotations": {"pulumi.com/patchForce": "true"},
        },
        data={PLAN_KEY: made.model_dump_json(by_alias=True, exclude_none=True)},
        opts=opts,
    )


def _planned(settings: Settings, token: str, one_password_url: str) -> PlannedToken:
    backend = settings.tokens[token].backend
    server = settings.backends[backend]
    copies = [
        copy
        for publication in settings.tokens[token].publish
        for copy in _copies(settings, publication, one_password_url)
    ]
    return PlannedToken(
        kind=settings.kind_name(backend),
        backend=backend,
        url=server.url,
        records=_records(server.records_place) if settings.kind(backend).by_cluster else "",
        ca_certificate=server.ca_certificate,
        copies=tuple(dict.fromkeys(copies)),
    )


def _records(place: RecordPlace) -> str:
    return f"{place.namespace}/{place.name}"


def _copies(settings: Settings, publication: Publication, one_password_url: str) -> Iterator[Copy]:
    """The place itself, and each place that External Secrets brings it to."""
    yield _copy(settings, publication.place, one_password_url)
    for synced in publication.external_secrets:
        yield _secret(synced.made.namespace, synced.made.name)
    for push in publication.push_secrets:
        store = settings.external_secrets.stores.get(push.store.name)
        if store and store.vault:  # what another store holds, only that store can read
            yield Copy(vaultKv=KvCopy(url=store.vault.server, mount=store.vault.mount, path=push.remote))


def _copy(settings: Settings, place: Place, one_password_url: str) -> Copy:
    if isinstance(place, ItemPlace):
        return Copy(onePassword=ItemCopy(url=one_password_url, vault=place.vault, item=place.item))
    if isinstance(place, EntryPlace):
        url = settings.backends[place.backend].url
        return Copy(vaultKv=KvCopy(url=url, mount=place.mount, path=place.path))
    return _secret(place.namespace, place.name)


def _secret(namespace: str, name: str) -> Copy:
    return Copy(kubernetesSecret=SecretCopy(namespace=namespace, name=name))
