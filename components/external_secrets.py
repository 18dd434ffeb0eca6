"""What External Secrets brings onwards from a published place: stores, ExternalSecrets and PushSecrets.

Both generations travel together: a whole place is read (`dataFrom`), so that an absent `token-previous` is no error.
A publication pokes at once by the annotation `force-sync`, which changes with the published value and only then. The
refresh policy is Periodic with an interval above zero, because a policy of CreatedOnce and an interval of 0 ignore the
poke after the first sync. Source: the controller's `shouldRefresh`, version 0.20.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.publications.contents import FACTS, Published, poke
from components.publications.kubernetes_secret import FORCE, PREFIX
from components.publications.places import ExternalSecretPlace, ItemPlace, Place, PushSecretPlace, SecretPlace
from components.publications.stores import Store, provider

API_VERSION = "external-secrets.io/v1"
PUSH_API_VERSION = "external-secrets.io/v1alpha1"
FORCE_SYNC = "force-sync"


def secret_store(name: str, store: Store, opts: pulumi.ResourceOptions) -> CustomResource:
    """A SecretStore, or a ClusterSecretStore."""
    metadata = {"name": name, **({"namespace": store.namespace} if store.namespace else {})}
    return CustomResource(
        f"{name}-store",
        api_version=API_VERSION,
        kind=store.kind,
        metadata=metadata,
        spec={"provider": provider(store)},
        opts=opts,
    )


def external_secret(
    given: Published, place: Place, synced: ExternalSecretPlace, opts: pulumi.ResourceOptions
) -> CustomResource:
    """An ExternalSecret; `opts` make it depend on its source, so that the poke comes after the publication."""
    return CustomResource(
        f"{given.token}-external-secret-{synced}",
        api_version=API_VERSION,
        kind="ExternalSecret",
        metadata={"namespace": synced.namespace, "name": synced.name, **_poked(given)},
        spec=external_secret_spec(given.token, place, synced),
        opts=opts,
    )


def push_secret(
    given: Published, place: SecretPlace, push: PushSecretPlace, opts: pulumi.ResourceOptions
) -> CustomResource:
    """A PushSecret beside its Secret."""
    return CustomResource(
        f"{given.token}-push-secret-{place.namespace}/{push.name}",
        api_version=PUSH_API_VERSION,
        kind="PushSecret",
        metadata={"namespace": place.namespace, "name": push.name, **_poked(given)},
        spec=push_secret_spec(place, push),
        opts=opts,
    )


def external_secret_spec(token: str, place: Place, synced: ExternalSecretPlace) -> dict[str, Any]:
    """It reads the whole place; what is told of the values becomes annotations of the target.

    An item and an entry hold the facts beside the values. Those of a Secret are its annotations, fetched one by one.
    """
    key = remote_key(place)
    facts = [_fetched(key, name) for name in FACTS] if isinstance(place, SecretPlace) else []
    return {
        "refreshPolicy": "Periodic",
        "refreshInterval": _written(synced.refresh_interval),
        "secretStoreRef": {"kind": synced.store.kind, "name": synced.store.name},
        "target": {
            "name": synced.made.name,
            "creationPolicy": "Owner",
            "deletionPolicy": "Retain",
            "template": {"engineVersion": "v2", "metadata": _metadata(token)},
        },
        "dataFrom": [{"extract": {"key": key}}],
        **({"data": facts} if facts else {}),
    }


def push_secret_spec(place: SecretPlace, push: PushSecretPlace) -> dict[str, Any]:
    """Without a key the whole Secret is pushed, so that an absent `token-previous` is no error, and a dead one goes.

    What was pushed stays when the PushSecret is deleted: a store that is away must not hold a destroy, and by then the
    token is dead.
    """
    return {
        "refreshInterval": _written(push.refresh_interval),
        "updatePolicy": "Replace",
        "deletionPolicy": "None",
        "secretStoreRefs": [{"kind": push.store.kind, "name": push.store.name}],
        "selector": {"secret": {"name": place.name}},
        "data": [{"match": {"remoteRef": {"remoteKey": push.remote}}}],
    }


def remote_key(place: Place) -> str:
    """What a store calls a place."""
    if isinstance(place, SecretPlace):
        return place.name
    return place.item if isinstance(place, ItemPlace) else place.path


def _poked(given: Published) -> Mapping[str, Any]:
    """The labels and annotations of what is poked. A person's poke by hand does not block the next publication."""
    labels = {"app.kubernetes.io/name": given.token, "app.kubernetes.io/component": "token"}
    return {"labels": labels, "annotations": given.told.apply(lambda known: {FORCE_SYNC: poke(known), **FORCE})}


def _metadata(token: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": token, "app.kubernetes.io/component": "token"}
    return {"labels": labels, "annotations": {f"{PREFIX}/{name}": f"{{{{ .{name} }}}}" for name in FACTS}}


def _fetched(key: str, name: str) -> dict[str, Any]:
    reference = {"key": key, "metadataPolicy": "Fetch", "property": f"annotations.{PREFIX}/{name}"}
    return {"secretKey": name, "remoteRef": reference}


def _written(length: timedelta) -> str:
    """As the API writes a duration."""
    return f"{round(length.total_seconds())}s"
