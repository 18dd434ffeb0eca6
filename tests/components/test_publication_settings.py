"""What the config may say of publications, and what a stranger reads when it says something else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.stack_config import ADMIN, AUTHENTIK, PLACE, admin, read, refusal

VAULT = {"url": "https://vault.example.com", "credential": {"env": "VAULT_TOKEN"}}
BOTH = {"authentik": AUTHENTIK, "vault": VAULT}
ENTRY = {"vaultKv": {"mount": "secret", "path": "token-rotation/admin"}}
ITEM = {"onePassword": {"vault": "homelab", "item": "Authentik Admin Token"}}
STORE = {"kind": "ClusterSecretStore", "name": "homelab"}
SYNCED = {"namespace": "authentik", "name": "authentik-admin-token-enhanced", "store": STORE}
ACCOUNT = {"namespace": "external-secrets", "name": "reader"}
KV_STORE = {"vault": {"server": VAULT["url"], "mount": "secret", "role": "reader", "serviceAccount": ACCOUNT}}


@pytest.mark.parametrize("place", [{}, {**PLACE, **ENTRY}, {**ITEM, **ENTRY}, {"adopt": True}])
def test_a_publication_names_exactly_one_place(place: dict[str, Any]) -> None:
    """None and two are both refused, with the names of the three kinds."""
    text = refusal(admin(publish=[place]), BOTH)
    assert "exactly one place: kubernetesSecret, onePassword or vaultKv" in text


@pytest.mark.parametrize("part", [{"adopt": True}, {"pushSecrets": [{"name": "p", "store": STORE, "remote": "r"}]}])
@pytest.mark.parametrize("place", [ITEM, ENTRY])
def test_only_a_secret_is_adopted_or_pushed(place: dict[str, Any], part: dict[str, Any]) -> None:
    """Taking over and pushing onwards are for a Secret."""
    assert "adopt and pushSecrets are for a kubernetesSecret" in refusal(admin(publish=[{**place, **part}]), BOTH)


@pytest.mark.parametrize(
    ("place", "named"),
    [
        (PLACE, "the Secret authentik/authentik-admin-token"),
        (ITEM, "the item homelab/Authentik Admin Token"),
        (ENTRY, "the entry secret/token-rotation/admin of vault"),
    ],
)
def test_two_tokens_at_one_place_are_refused_whatever_it_is(place: dict[str, Any], named: str) -> None:
    """Two writers of a Secret, an item or an entry would undo each other; both are named."""
    token = {**ADMIN, "publish": [place]}
    assert f"{named} is published to by admin and by other" in refusal({"admin": token, "other": token}, BOTH)


def test_what_external_secrets_makes_has_one_writer_too() -> None:
    """An ExternalSecret, its target and a pushed entry: each of one token only, and the target no published Secret."""
    synced = {**PLACE, "externalSecrets": [{**SYNCED, "target": "authentik-admin-token"}]}
    assert "the Secret authentik/authentik-admin-token is published to by" in refusal(admin(publish=[synced]))

    other = {"kubernetesSecret": {"namespace": "authentik", "name": "other"}}
    twice = [{**place, "externalSecrets": [SYNCED]} for place in (PLACE, other)]
    assert "the ExternalSecret authentik/authentik-admin-token-enhanced" in refusal(admin(publish=twice))

    pushes = [{"name": name, "store": STORE, "remote": "mirrored"} for name in ("one", "two")]
    assert "the pushed entry mirrored of homelab" in refusal(admin(publish=[{**PLACE, "pushSecrets": pushes}]))


def test_what_a_place_leaves_out_is_filled_in() -> None:
    """An entry goes to the only Vault, and an item to where the preferences say."""
    settings = read(admin(publish=[{"onePassword": {}}, ENTRY]), BOTH)
    assert [publication.place.target for publication in settings.tokens["admin"].publish] == [
        "onePassword:homelab/Authentik Admin Token",
        "vaultKv:secret/token-rotation/admin",
    ]
    entry = settings.tokens["admin"].publish[1].vault_kv
    assert entry is not None
    assert entry.backend == "vault"


@pytest.mark.parametrize(
    ("place", "backends"),
    [
        (ENTRY, {"authentik": AUTHENTIK}),
        (ENTRY, {**BOTH, "spare": {**VAULT, "kind": "vault"}}),
        ({"vaultKv": {**ENTRY["vaultKv"], "backend": "authentik"}}, BOTH),
    ],
    ids=["no vault", "two vaults", "not a vault"],
)
def test_an_entry_of_no_known_server_is_refused(place: dict[str, Any], backends: dict[str, Any]) -> None:
    """Nobody guesses to which server a value goes."""
    text = refusal(admin(publish=[place]), backends)
    assert "it does not tell on which server secret/token-rotation/admin is" in text
    assert "vaultKv.backend" in text


@pytest.mark.parametrize("path", ["", "/token", "token/", "a//b", "a b"])
def test_a_path_that_vault_would_read_otherwise_is_refused(path: str) -> None:
    """A path is names between single slashes."""
    assert "publish.0.vaultKv.path" in refusal(admin(publish=[{"vaultKv": {"mount": "secret", "path": path}}]), BOTH)


def test_a_sync_that_could_miss_a_change_is_refused() -> None:
    """Whoever reads again only after the overlap may find the only value that it has dead."""
    for key, onwards in (
        ("externalSecrets", {**SYNCED, "refreshInterval": "31d"}),
        ("pushSecrets", {"name": "p", "store": STORE, "remote": "r", "refreshInterval": "31d"}),
    ):
        text = refusal(admin(publish=[{**PLACE, key: [onwards]}]))
        assert "31d, is longer than the overlap, 30d" in text


def test_a_store_that_does_not_read_the_place_is_refused() -> None:
    """A store of ours must reach what it is to sync; one that is there already is not judged."""
    stores = {"stores": {"homelab": KV_STORE}}
    synced = [{**PLACE, "externalSecrets": [SYNCED]}]
    read(admin(publish=synced))
    read(admin(publish=[{**ENTRY, "externalSecrets": [SYNCED]}]), BOTH, externalSecrets=stores)
    text = refusal(admin(publish=synced), externalSecrets=stores)
    assert "the store homelab of authentik/authentik-admin-token-enhanced does not read" in text


def test_a_store_of_another_namespace_is_refused() -> None:
    """A SecretStore serves its own namespace only."""
    local = {"kind": "SecretStore", "namespace": "external-secrets", **KV_STORE}
    synced = {**SYNCED, "store": {"kind": "SecretStore", "name": "homelab"}}
    publish = [{**ENTRY, "externalSecrets": [synced]}]
    text = refusal(admin(publish=publish), BOTH, externalSecrets={"stores": {"homelab": local}})
    assert "the SecretStore homelab is in external-secrets, and authentik/authentik-admin-token-enhanced is not" in text


def test_a_whole_secret_is_not_pushed_to_1password() -> None:
    """There single fields are pushed, and `token-previous` is not always there."""
    connect = {"connectHost": "http://connect.svc", "vaults": ["homelab"]}
    store = {"onePassword": {**connect, "connectToken": {"namespace": "external-secrets", "name": "connect"}}}
    push = {"name": "p", "store": STORE, "remote": "mirrored"}
    publish = [{**PLACE, "pushSecrets": [push]}]
    text = refusal(admin(publish=publish), externalSecrets={"stores": {"homelab": store}})
    assert "a store of 1Password takes single fields" in text
    assert "Publish with onePassword instead." in text


def test_an_unknown_key_of_a_store_is_refused() -> None:
    """A misspelled key of a store is named with its whole path."""
    stores = {"homelab": {"vault": {**KV_STORE["vault"], "path": "secret"}}}
    assert "externalSecrets.stores.homelab.vault.path: this key is unknown" in refusal(
        externalSecrets={"stores": stores}
    )
