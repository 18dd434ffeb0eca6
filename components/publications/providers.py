"""How the places are reached: explicit providers, made once per stack. A credential stays in the environment.

Urls stand in the config. What a provider resource is given stands in the state, so it is given no credential: the
plugins read VAULT_TOKEN and OP_CONNECT_TOKEN from the environment of the run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_onepassword as onepassword
import pulumi_vault as vault

from components.one_password import KnownItem
from dynamic_providers.cluster import ClusterSettings
from dynamic_providers.credentials import BackendSettings

_CREDENTIALS = ("OP_CONNECT_TOKEN", "OP_SERVICE_ACCOUNT_TOKEN")


@dataclass(frozen=True)
class Providers:
    """Those that a stack uses.

    vaults: by the name of a backend's entry
    items:  what stands at each place of 1Password, by the place's text
    stores: what External Secrets reads, by `kind/name`
    """

    cluster: kubernetes.Provider
    vaults: Mapping[str, vault.Provider] = field(default_factory=dict)
    one_password: onepassword.Provider | None = None
    items: Mapping[str, KnownItem] = field(default_factory=dict)
    stores: Mapping[str, pulumi.Resource] = field(default_factory=dict)


def cluster_provider(settings: ClusterSettings) -> kubernetes.Provider:
    """Without the two `mutable` settings a changed Secret would be a replacement, which fails for a named object.

    Without `upsert` a Secret that is adopted could not be taken over. `Token` refuses every other one that exists and
    is not ours, before anything is minted.
    """
    return kubernetes.Provider(
        "cluster",
        kubeconfig=settings.kubeconfig,
        context=settings.context,
        enable_secret_mutable=True,
        enable_config_map_mutable=True,
        upsert_existing_objects=True,
    )


def vault_provider(backend: str, settings: BackendSettings) -> vault.Provider:
    """It works with the token of the environment itself: a rotator may not make the child token that is usual."""
    return vault.Provider(
        f"{backend}-entries", address=settings.url, ca_cert_file=settings.ca_certificate, skip_child_token=True
    )


def one_password_provider(url: str | None) -> onepassword.Provider:
    """A Connect server; without a url the plugin takes OP_CONNECT_HOST."""
    with _hidden(_CREDENTIALS):
        return onepassword.Provider("one-password", url=url)


@contextmanager
def _hidden(variables: tuple[str, ...]) -> Iterator[None]:
    """The SDK would copy these into the provider's inputs, and so into the state. The plugin reads them itself."""
    found = {name: os.environ.pop(name) for name in variables if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(found)
