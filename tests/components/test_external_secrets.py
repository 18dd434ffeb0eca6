"""The manifests of stores, ExternalSecrets and PushSecrets; the API server judges them in tests/end_to_end."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from components.external_secrets import external_secret_spec, push_secret_spec, remote_key
from components.publications.contents import FACTS
from components.publications.places import SecretPlace
from components.publications.stores import Store, provider
from tests.components.external_secrets_samples import (
    CONNECT,
    ENTRY,
    ITEM,
    KUBERNETES,
    PLACES,
    PROVIDERS,
    SECRET,
    VAULT,
    pushed,
    store,
    synced,
)


def test_a_connect_store_tries_its_vaults_in_order() -> None:
    """The first vault that has an item wins, and the token comes from a Secret by name."""
    assert provider(store("onePassword")) == {
        "onepassword": {
            "connectHost": CONNECT["connectHost"],
            "vaults": {"homelab": 1, "spare": 2},
            "auth": {
                "secretRef": {
                    "connectTokenSecretRef": {"name": "connect-token", "key": "token", "namespace": "external-secrets"}
                }
            },
        }
    }


def test_a_vault_store_logs_in_as_a_service_account() -> None:
    """Kubernetes auth with a role and a ServiceAccount; no token of Vault stands anywhere."""
    assert provider(store("vault")) == {
        "vault": {
            "server": VAULT["server"],
            "path": "secret",
            "version": "v2",
            "auth": {
                "kubernetes": {
                    "mountPath": "kubernetes",
                    "role": "reader",
                    "serviceAccountRef": {"name": "reader", "namespace": "external-secrets"},
                }
            },
        }
    }


def test_a_kubernetes_store_trusts_the_clusters_own_authority() -> None:
    """It reads one namespace as a ServiceAccount."""
    told = provider(store("kubernetes"))["kubernetes"]
    assert told["remoteNamespace"] == KUBERNETES["remoteNamespace"]
    assert told["auth"] == {"serviceAccount": {"name": "reader", "namespace": "external-secrets"}}
    assert told["server"]["caProvider"] == {
        "type": "ConfigMap",
        "name": "kube-root-ca.crt",
        "key": "ca.crt",
        "namespace": "external-secrets",
    }


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_secret_store_names_no_namespace(name: str) -> None:
    """A reference of a SecretStore is in its own namespace; the controller refuses one that says so."""
    assert "'namespace'" not in str(provider(store(name, "SecretStore")))


@pytest.mark.parametrize("kind", PLACES)
def test_both_generations_and_their_facts_travel_together(kind: str) -> None:
    """A whole place is read, never `token-previous` by name, which would be an error outside of the overlap; the
    facts become annotations of the target."""
    place = PLACES[kind]
    spec = external_secret_spec("authentik-admin", place, synced())
    assert spec["dataFrom"] == [{"extract": {"key": remote_key(place)}}]
    assert "token-previous" not in str(spec)
    annotated = spec["target"]["template"]["metadata"]["annotations"]
    assert annotated == {f"token-rotation/{name}": f"{{{{ .{name} }}}}" for name in FACTS}
    assert [entry["secretKey"] for entry in spec.get("data", [])] == (list(FACTS) if place is SECRET else [])


def test_the_facts_of_a_secret_are_fetched_from_its_annotations() -> None:
    """They are no keys of its data."""
    fetched = external_secret_spec("authentik-admin", SECRET, synced())["data"][0]["remoteRef"]
    assert fetched == {
        "key": "authentik-admin-token",
        "metadataPolicy": "Fetch",
        "property": "annotations.token-rotation/generation",
    }


def test_a_poke_is_never_overlooked() -> None:
    """The controller ignores a poke with CreatedOnce, and with an interval of 0 after the first sync."""
    spec = external_secret_spec("authentik-admin", ITEM, synced())
    assert (spec["refreshPolicy"], spec["refreshInterval"]) == ("Periodic", "3600s")
    for never in ("0s", "0h"):
        with pytest.raises(ValidationError, match="longer than zero"):
            synced(refreshInterval=never)


def test_the_target_is_named_after_the_external_secret_unless_told() -> None:
    """Seed 000's ExternalSecret makes a Secret of its own name."""
    assert external_secret_spec("a", ENTRY, synced())["target"]["name"] == "authentik-admin-token-enhanced"
    assert external_secret_spec("a", ENTRY, synced(target="other"))["target"]["name"] == "other"


def test_a_whole_secret_is_pushed() -> None:
    """Without a key all of it goes, so that an absent `token-previous` is no error; what was pushed is left."""
    spec = push_secret_spec(SECRET, pushed())
    assert spec["data"] == [{"match": {"remoteRef": {"remoteKey": "mirrored"}}}]
    assert spec["selector"] == {"secret": {"name": "authentik-admin-token"}}
    assert (spec["updatePolicy"], spec["deletionPolicy"]) == ("Replace", "None")


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({}, "exactly one provider"),
        ({"vault": VAULT, "onePassword": CONNECT}, "exactly one provider"),
        ({"vault": VAULT, "namespace": "apps"}, "a ClusterSecretStore has none"),
        ({"vault": VAULT, "kind": "SecretStore"}, "a SecretStore has a namespace"),
        ({"vault": VAULT, "kind": "SecretStore", "namespace": "apps"}, "only what is in its own namespace, apps"),
        ({"onePassword": {**CONNECT, "vaults": []}}, "at least 1 item"),
    ],
)
def test_a_store_that_cannot_work_is_refused(given: dict[str, Any], cause: str) -> None:
    """One provider, and references that its kind may follow."""
    with pytest.raises(ValidationError, match=cause):
        Store.model_validate(given)


def test_a_store_holds_what_it_can_read() -> None:
    """By vault, mount or namespace; a vault that is given by its id may be any that is named."""
    for kind, place in PLACES.items():
        assert [name for name in PROVIDERS if store(name).holds(place)] == [kind]
    assert not store("kubernetes").holds(SecretPlace(namespace="vault", name="vault-admin-token"))
    assert not store("vault").holds(ENTRY.model_copy(update={"mount": "other"}))
    assert not store("onePassword").holds(ITEM.model_copy(update={"vault": "private"}))
    assert store("onePassword").holds(ITEM.model_copy(update={"vault": "abcdefghijklmnopqrstuvwxyz"}))
