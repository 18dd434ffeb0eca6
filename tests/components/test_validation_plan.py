"""The plan of the validation: every copy of every token, where its value is used, and nothing secret."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from components.validation_plan import plan
from rotation.preferences import Preferences
from rotation.validation_plan import ValidationPlan
from tests.components.stack_config import AUTHENTIK, PLACE, admin, read

VAULT = {"url": "https://vault.example.com", "credential": {"env": "VAULT_TOKEN"}}
BACKENDS = {"authentik": AUTHENTIK, "vault": VAULT}
CONNECT = "https://connect.example.com"
VAULT_STORE = {
    "vault": {
        "server": "https://vault.example.com",
        "mount": "secret",
        "role": "eso",
        "serviceAccount": {"namespace": "external-secrets", "name": "eso"},
    }
}


def copies(publish: list[Any], **others: Any) -> list[dict[str, Any]]:
    """The copies that a token of these publications has, as the plan writes them."""
    made = plan(read(admin(publish=publish), BACKENDS, **others), Preferences(), CONNECT)
    told = made.model_dump(mode="json", by_alias=True, exclude_none=True)
    return list(told["tokens"]["admin"]["copies"])


def test_a_secret_is_a_copy() -> None:
    """By namespace, name and key, with the annotation that tells its generation."""
    secret = {"key": "token", "generation_annotation": "token-rotation/generation", **PLACE["kubernetesSecret"]}
    assert copies([PLACE]) == [{"kubernetesSecret": secret}]


def test_an_item_is_read_at_the_connect_server() -> None:
    """Vault and item stand in the plan also where the config leaves them to the preferences."""
    named = {"url": CONNECT, "vault": "homelab", "item": "Authentik Admin Token", "field": "token"}
    assert copies([{"onePassword": {}}]) == [{"onePassword": named}]


def test_an_entry_is_read_at_its_vault() -> None:
    """The url is that of the backend's entry."""
    entry = {"url": VAULT["url"], "mount": "secret", "path": "apps/admin", "key": "token"}
    assert copies([{"vaultKv": {"mount": "secret", "path": "apps/admin"}}]) == [{"vaultKv": entry}]


def test_what_is_synced_onwards_is_a_copy_too() -> None:
    """The Secret that an ExternalSecret makes is where its consumers look."""
    synced = [
        {"namespace": "web", "name": "one", "store": {"name": "vault"}},
        {"namespace": "web", "name": "two", "target": "other", "store": {"name": "vault"}},
    ]
    entry = {"vaultKv": {"mount": "secret", "path": "apps/admin"}, "externalSecrets": synced}
    found = copies([entry], externalSecrets={"stores": {"vault": VAULT_STORE}})
    assert [copy["kubernetesSecret"]["name"] for copy in found[1:]] == ["one", "other"]


def test_what_is_pushed_into_a_vault_is_a_copy_too() -> None:
    """What another store holds is left to External Secrets: only it can read there."""
    pushes = [{"name": "push", "remote": "pushed/admin", "store": {"name": "vault"}}]
    stores = {"stores": {"vault": VAULT_STORE}}
    found = copies([{**PLACE, "pushSecrets": pushes}], externalSecrets=stores)
    assert found[1]["vaultKv"]["path"] == "pushed/admin"


def test_the_preferences_switch_and_limit_the_validation() -> None:
    """validation_enabled and validation_timeout reach the job through the plan."""
    wishes = Preferences(validation_enabled=False, validation_timeout=timedelta(seconds=7))
    made = plan(read(), wishes)
    assert (made.enabled, made.timeout) == (False, "7s")


def test_a_break_glass_token_is_in_the_plan() -> None:
    """For a token of the day on which nothing else works it matters most that it works."""
    assert list(plan(read(admin(probe="always")), Preferences()).tokens) == ["admin"]


def test_the_plan_is_read_back_as_it_was_written() -> None:
    """The job reads the text that the stack writes, and finds kind and url of the backend."""
    made = plan(read(), Preferences())
    assert ValidationPlan.model_validate_json(made.model_dump_json(by_alias=True, exclude_none=True)) == made
    assert (made.tokens["admin"].kind, made.tokens["admin"].url) == ("authentik", AUTHENTIK["url"])


@pytest.mark.parametrize("secret", ["AUTHENTIK_TOKEN", "VAULT_TOKEN", "credential"])
def test_the_plan_names_no_credential(secret: str) -> None:
    """Whoever may read the plan learns places and urls, and not where credentials come from."""
    assert secret not in plan(read(backends=BACKENDS), Preferences()).model_dump_json()
