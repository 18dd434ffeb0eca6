"""One store of each provider, and one place of each kind with what reads it, as the config writes them."""

from __future__ import annotations

from typing import Any

from components.publications.places import (
    EntryPlace,
    ExternalSecretPlace,
    ItemPlace,
    Place,
    PushSecretPlace,
    SecretPlace,
)
from components.publications.stores import Store

ACCOUNT = {"namespace": "external-secrets", "name": "reader"}
CONNECT = {
    "connectHost": "http://connect.onepassword.svc:8080",
    "vaults": ["homelab", "spare"],
    "connectToken": {"namespace": "external-secrets", "name": "connect-token"},
}
VAULT = {"server": "https://vault.vault.svc:8200", "mount": "secret", "role": "reader", "serviceAccount": ACCOUNT}
KUBERNETES = {"remoteNamespace": "authentik", "serviceAccount": ACCOUNT}
PROVIDERS: dict[str, dict[str, Any]] = {"onePassword": CONNECT, "vault": VAULT, "kubernetes": KUBERNETES}

ITEM = ItemPlace(vault="homelab", item="Authentik Admin Token")
ENTRY = EntryPlace(mount="secret", path="token-rotation/authentik-admin", backend="vault")
SECRET = SecretPlace(namespace="authentik", name="authentik-admin-token")
PLACES: dict[str, Place] = {"onePassword": ITEM, "vault": ENTRY, "kubernetes": SECRET}


def store(provider: str, kind: str = "ClusterSecretStore") -> Store:
    """A store of one provider; a SecretStore stands in the namespace of what it proves itself with."""
    where = {"namespace": "external-secrets"} if kind == "SecretStore" else {}
    return Store.model_validate({"kind": kind, **where, provider: PROVIDERS[provider]})


def synced(**changes: Any) -> ExternalSecretPlace:
    """Seed 000's ExternalSecret."""
    given = {"namespace": "authentik", "name": "authentik-admin-token-enhanced", "store": {"name": "homelab"}}
    return ExternalSecretPlace.model_validate({**given, **changes})


def pushed() -> PushSecretPlace:
    """A PushSecret to the entry `mirrored`."""
    return PushSecretPlace.model_validate({"name": "mirror", "store": {"name": "homelab"}, "remote": "mirrored"})
