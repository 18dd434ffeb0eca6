"""What stands at every place: values, the facts beside them, and the annotations of a Secret."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest

from components.default_policies import DEFAULT_POLICIES
from components.publications.contents import FACTS, facts, poke, rotation_status, values
from components.publications.kubernetes_secret import told_beside
from components.publications.places import EntryPlace, ItemPlace, Publication, SecretPlace
from components.publications.providers import _CREDENTIALS, _hidden
from dynamic_providers.kubernetes_cluster import _manager
from rotation.clock import to_rfc3339
from rotation.testing.builders import START, a_generation

CREATED, EXPIRES = to_rfc3339(START), to_rfc3339(START + timedelta(days=365))
ACTIVE: dict[str, Any] = {
    "generation": a_generation(),
    "created": CREATED,
    "expires": EXPIRES,
    "previous_generation": "",
    "previous_valid_until": "",
    "repairs": 0,
    "auto_renew": True,
    "auto_rotate": True,
    "paused": False,
}
OVERLAP = {**ACTIVE, "previous_generation": "an-earlier-one", "previous_valid_until": EXPIRES}
POLICY = DEFAULT_POLICIES["authentik"]


def annotated(known: dict[str, Any], accessor: str | None = None) -> dict[str, str]:
    """As a Secret of a token with the default policy has them."""
    return told_beside(known, accessor, policy=POLICY, description="for tests")


def test_the_previous_value_stands_there_only_in_the_overlap() -> None:
    """There is no empty `token-previous`: a consumer would take it for a value."""
    assert values("new", "old") == {"token": "new", "token-previous": "old"}
    assert values("new", "") == values("new", None) == {"token": "new"}


def test_every_fact_is_always_told() -> None:
    """What is synced onwards fetches each fact by name, and would fail on a missing one."""
    for known in (ACTIVE, OVERLAP):
        told = facts(known, "for tests")
        assert tuple(told) == FACTS
        assert all(told.values())
        assert {f"token-rotation/{name}": told[name] for name in FACTS}.items() <= annotated(known).items()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "active"),
        ({"previous_generation": "g"}, "overlap"),
        ({"paused": True}, "paused"),
        ({"auto_rotate": False, "previous_generation": "g"}, "paused"),
        ({"auto_renew": False}, "active"),
        ({"auto_rotate": None}, "active"),
        ({"failing": True, "paused": True}, "failed"),
    ],
)
def test_the_status_is_one_of_seed_000s_four(changes: dict[str, Any], status: str) -> None:
    """What needs a person is told before what does not; a state that tells nothing of a pause is not paused."""
    assert rotation_status({**ACTIVE, **changes}) == status


def test_a_poke_changes_with_the_published_value_and_only_then() -> None:
    """Another generation and a repair poke; the end of an overlap, a renewal and a pause do not."""
    still = [OVERLAP, {**ACTIVE, "expires": CREATED}, {**ACTIVE, "paused": True}, {**ACTIVE, "repairs": None}]
    assert {poke(known) for known in still} == {poke(ACTIVE)}
    moved = [ACTIVE, {**ACTIVE, "generation": "another"}, {**ACTIVE, "repairs": 1}, {**ACTIVE, "repairs": 2}]
    assert len({poke(known) for known in moved}) == len(moved)


def test_only_a_secret_of_vault_tells_an_accessor() -> None:
    """Seed 001's annotations stand there with an accessor, and none of them without."""
    told = annotated(ACTIVE, "an-accessor")
    assert {name: text for name, text in told.items() if name not in annotated(ACTIVE)} == {
        "token-rotation/token-created": CREATED,
        "token-rotation/token-expires": EXPIRES,
        "token-rotation/token-accessor": "an-accessor",
        "token-rotation/auto-renew": "true",
        "token-rotation/auto-rotate": "true",
        "token-rotation/lifecycle-manager": "token-rotation",
    }


@pytest.mark.parametrize("act", ["auto_renew", "auto_rotate"])
def test_what_a_person_paused_is_written_back(act: str) -> None:
    """A publication does not flip a person's `false` to `true`."""
    told = annotated({**ACTIVE, act: False}, "an-accessor")
    assert told[f"token-rotation/{act.replace('_', '-')}"] == "false"


def test_our_own_lifecycle_manager_is_no_second_writer() -> None:
    """What we write into a Secret must not make the next run refuse it; another's name still does."""
    assert _manager({"annotations": annotated(ACTIVE, "an-accessor")}) == ""
    theirs = {**annotated(ACTIVE, "an-accessor"), "vault.example.com/lifecycle-manager": "kyverno"}
    assert _manager({"annotations": theirs}) == "kyverno"


def test_nothing_is_told_of_a_pair_that_failed() -> None:
    """With `--continue-on-error` the program goes on, and must not fail on what is not there."""
    failed = dict.fromkeys(ACTIVE)
    assert facts({**failed, "paused": False}, "for tests") == annotated({**failed, "paused": False}, "a") == {}


def test_receipts_name_every_place_and_what_is_synced_from_it() -> None:
    """Each place by its kind; then ExternalSecrets and PushSecrets, which the retirement waits for, too."""
    synced = {"namespace": "apps", "name": "copy", "store": {"name": "s"}}
    push = {"name": "pushed", "store": {"name": "s"}, "remote": "there"}
    written = {"kubernetesSecret": {"namespace": "authentik", "name": "admin"}, "pushSecrets": [push]}
    publication = Publication.model_validate({**written, "externalSecrets": [synced]})
    assert publication.targets == [
        "kubernetesSecret:authentik/admin",
        "externalSecret:apps/copy",
        "pushSecret:authentik/pushed",
    ]
    assert (
        ItemPlace(vault="homelab", item="Authentik Admin Token").target == "onePassword:homelab/Authentik Admin Token"
    )
    assert EntryPlace(mount="secret", path="a/b", backend="vault").target == "vaultKv:secret/a/b"
    assert SecretPlace(namespace="authentik", name="admin").target == "kubernetesSecret:authentik/admin"


def test_a_credential_is_hidden_from_the_sdk_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK would copy it into the state; afterwards the program's own calls find it again."""
    monkeypatch.setenv("OP_CONNECT_TOKEN", "planted")
    monkeypatch.delenv("OP_SERVICE_ACCOUNT_TOKEN", raising=False)
    with _hidden(_CREDENTIALS):
        assert not {*_CREDENTIALS} & {*os.environ}
    assert os.environ["OP_CONNECT_TOKEN"] == "planted"
    assert "OP_SERVICE_ACCOUNT_TOKEN" not in os.environ
