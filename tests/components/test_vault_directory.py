"""The Vault side on a real OpenBao: what the rotator's and the reader's logins may do, and what not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from components.directory_settings import VaultDirectorySettings
from components.vault_directory import reader_rules, rotator_rules
from rotation.backends.protocol import Order
from rotation.backends.transport import Transport
from rotation.backends.vault import connect
from rotation.clock import system_clock
from rotation.errors import BackendError
from rotation.testing.builders import OWNER, a_generation
from sandbox.forward import Forward
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_namespace, make_service_account
from sandbox.servers.openbao import OpenBaoServer
from tests.components.vault_logins import ALLOWED, REFUSED, Directory, may_review, settings_of
from tests.sandbox.declared_stack import Stack


@pytest.fixture(scope="module")
def directory(
    tmp_path_factory: pytest.TempPathFactory, openbao_server: OpenBaoServer, kubernetes_server: KubernetesServer
) -> Iterator[Directory]:
    """Made once by the real CLI with the root token in the environment; each test only looks and calls."""
    name = f"dir-{secrets.token_hex(4)}"
    environment = {"VAULT_TOKEN": openbao_server.root_token}
    openbao_server.as_root("PUT", f"sys/policies/acl/{name}-admin", {"policy": 'path "*" { capabilities = ["read"] }'})
    with kubernetes_server.admin_client() as api:
        make_namespace(api, name)
        for account in ("rotator", "retirement", "reader", "stranger"):
            make_service_account(api, name, account)
        may_review(api, name)
        wish = settings_of(openbao_server, kubernetes_server, name)
        program = tmp_path_factory.mktemp("directory") / "program"
        stack = Stack.of("directories", program, environment, vault=wish)
        stack.up()
        yield Directory(stack, openbao_server, name, name, api)


def test_only_those_named_log_in(directory: Directory) -> None:
    """Each account has its own role: no other account of the namespace, and not the other role."""
    name = directory.name
    logins = {
        (f"{name}-rotator", "rotator"): 200,
        (f"{name}-rotator", "retirement"): 200,
        (f"{name}-reader", "reader"): 200,
        (f"{name}-rotator", "reader"): 403,
        (f"{name}-rotator", "stranger"): 403,
        (f"{name}-reader", "rotator"): 403,
        (f"{name}-reader", "stranger"): 403,
    }
    assert {login: directory.login(*login).status_code for login in logins} == logins
    auth = directory.login(f"{name}-rotator", "rotator").json()["auth"]
    assert (auth["token_policies"], auth["lease_duration"]) == (["default", f"{name}-rotator"], 3600)


def test_the_rotator_may_rotate_and_nothing_else(directory: Directory) -> None:
    """The table, both ways: what a rotation needs is let through; other roles, paths, policies, lists are refused."""
    name, kv = directory.name, f"{directory.name}-kv"
    rotator = directory.token_of(f"{name}-rotator", "rotator")
    directory.server.as_root("POST", f"auth/token/roles/{name}-other", {"allowed_policies": ["default"]})
    directory.server.as_root("POST", f"{kv}/data/elsewhere", {"data": {"a": "1"}})
    made = {"accessor": directory.mint(rotator)["accessor"]}
    value = {"data": {"token": "t"}}
    table: dict[tuple[str, str, str], str] = {}
    writes: list[tuple[str, dict[str, Any]]] = [
        ("create", made),
        (f"create/{name}", {"ttl": "1m"}),
        (f"create/{name}-other", {"ttl": "1m"}),
        ("create-orphan", {"ttl": "1m"}),
        ("lookup-accessor", made),
        ("renew-accessor", {**made, "increment": "60s"}),
        ("lookup", {"token": rotator}),
        ("revoke-orphan", {"token": "none"}),
        (f"roles/{name}", {"orphan": False}),
        (f"roles/{name}-new", {"orphan": False}),
        ("tidy", {}),
        ("revoke-accessor", made),
    ]
    for path, body in writes:
        table["POST", f"auth/token/{path}", str(body)] = directory.may(rotator, "POST", f"auth/token/{path}", body)
    calls: list[tuple[str, str, object]] = [
        ("GET", f"auth/token/roles/{name}", None),
        ("GET", f"auth/token/roles/{name}-other", None),
        ("LIST", "auth/token/roles", None),
        ("LIST", "auth/token/accessors", None),
        ("DELETE", f"auth/token/roles/{name}", None),
        ("POST", f"{kv}/data/token-rotation/a", value),
        ("GET", f"{kv}/data/token-rotation/a", None),
        ("POST", f"{kv}/metadata/token-rotation/a", {"custom_metadata": {"generation": "g"}}),
        ("GET", f"{kv}/metadata/token-rotation/a", None),
        ("DELETE", f"{kv}/data/token-rotation/a", None),
        ("DELETE", f"{kv}/metadata/token-rotation/a", None),
        ("POST", f"{kv}/destroy/token-rotation/a", {"versions": [1]}),
        ("LIST", f"{kv}/metadata/token-rotation", None),
        ("POST", f"{kv}/data/elsewhere", value),
        ("GET", f"{kv}/data/elsewhere", None),
        ("GET", f"{kv}/config", None),
        ("PUT", f"sys/policies/acl/{name}-rotator", {"policy": "{}"}),
        ("GET", f"sys/policies/acl/{name}-rotator", None),
        ("GET", "sys/mounts", None),
        ("POST", "sys/mounts/x", {"type": "kv"}),
        ("GET", "sys/auth", None),
        ("GET", f"auth/{name}/config", None),
        ("GET", f"auth/{name}/role/{name}-rotator", None),
        ("GET", "sys/audit", None),
        ("POST", "sys/capabilities-self", {"paths": ["x"]}),
        ("GET", "auth/token/lookup-self", None),
    ]
    for method, path, sent in calls:
        table[method, path, str(sent)] = directory.may(rotator, method, path, sent)
    assert sorted(f"{method} {path}" for (method, path, _), answer in table.items() if answer == ALLOWED) == sorted(
        [
            f"POST auth/token/create/{name}",
            "POST auth/token/lookup-accessor",
            "POST auth/token/renew-accessor",
            "POST auth/token/revoke-accessor",
            f"GET auth/token/roles/{name}",
            f"POST {kv}/data/token-rotation/a",
            f"GET {kv}/data/token-rotation/a",
            f"POST {kv}/metadata/token-rotation/a",
            f"GET {kv}/metadata/token-rotation/a",
            "POST sys/capabilities-self",  # of the policy `default`, as is the next
            "GET auth/token/lookup-self",
        ]
    )


def test_the_reader_reads_what_is_published_and_nothing_else(directory: Directory) -> None:
    """It reads values and their metadata below the path; it writes nothing, lists nothing, and mints nothing."""
    name, kv = directory.name, f"{directory.name}-kv"
    reader = directory.token_of(f"{name}-reader", "reader")
    for path in ("token-rotation/b", "elsewhere"):
        directory.server.as_root("POST", f"{kv}/data/{path}", {"data": {"token": "t"}})
    calls: dict[tuple[str, str], str] = {
        ("GET", f"{kv}/data/token-rotation/b"): ALLOWED,
        ("GET", f"{kv}/metadata/token-rotation/b"): ALLOWED,
        ("POST", f"{kv}/data/token-rotation/b"): REFUSED,
        ("POST", f"{kv}/metadata/token-rotation/b"): REFUSED,
        ("DELETE", f"{kv}/data/token-rotation/b"): REFUSED,
        ("LIST", f"{kv}/metadata/token-rotation"): REFUSED,
        ("GET", f"{kv}/data/elsewhere"): REFUSED,
        ("GET", f"{kv}/metadata/elsewhere"): REFUSED,
        ("GET", "secret/data/token-rotation/b"): REFUSED,
        ("POST", f"auth/token/create/{name}"): REFUSED,
        ("POST", "auth/token/lookup-accessor"): REFUSED,
        ("POST", "auth/token/revoke-accessor"): REFUSED,
        ("LIST", "auth/token/accessors"): REFUSED,
        ("GET", f"auth/token/roles/{name}"): REFUSED,
        ("GET", f"sys/policies/acl/{name}-reader"): REFUSED,
        ("GET", "sys/mounts"): REFUSED,
    }
    body = {"data": {"token": "x"}}
    assert {call: directory.may(reader, *call, body if call[0] == "POST" else None) for call in calls} == calls


def test_our_adapter_rotates_by_this_role(directory: Directory) -> None:
    """With the rotator's login it mints, confirms, renews, finds and revokes; what it minted outlives that login."""
    with closing(Forward(directory.server.url)) as forward:
        _rotate(directory, forward.handle)


def _rotate(directory: Directory, transport: Transport) -> None:
    rotator = directory.token_of(f"{directory.name}-rotator", "rotator")
    backend = connect("vault", transport, rotator, system_clock, lambda _text: None)
    backend.preflight()
    generation = a_generation()
    minted = backend.mint(
        Order(generation, OWNER, "admin", {"role": directory.name}, timedelta(hours=4), system_clock())
    )
    backend.probe(str(minted.value))
    confirmed = backend.confirm(minted.handle, timedelta(hours=2))
    assert backend.renew(minted.handle, timedelta(hours=4)) > confirmed
    assert [found.id for found in backend.inventory(OWNER, [minted.handle])] == [generation]
    shown = directory.send(str(minted.value), "GET", "auth/token/lookup-self").json()["data"]
    assert (shown["orphan"], shown["policies"]) == (True, ["default", f"{directory.name}-admin"])

    directory.send(rotator, "POST", "auth/token/revoke-self")
    backend.probe(str(minted.value))
    with pytest.raises(BackendError):
        backend.revoke(minted.handle)
    successor = directory.token_of(f"{directory.name}-rotator", "retirement")
    again = connect("vault", transport, successor, system_clock, lambda _text: None)
    again.revoke(minted.handle)
    assert again.is_dead(minted.handle)


def test_the_credential_is_in_no_state_and_not_used_again(directory: Directory) -> None:
    """State and prints lack it, decrypted too; a run without changes needs no right, and no server even."""
    stack = directory.stack
    root = directory.server.root_token
    rotator = directory.token_of(f"{directory.name}-rotator", "rotator")
    stack.environment["VAULT_TOKEN"] = rotator
    stack.up("--expect-no-changes")
    stack.environment["VAULT_TOKEN"] = "dead"
    stack.up("--expect-no-changes")
    stack.environment["VAULT_TOKEN"] = root
    told = stack.stored() + "".join(stack.printed)
    assert root not in told
    assert rotator not in told


def test_destroying_keeps_the_values(
    tmp_path: Path, openbao_server: OpenBaoServer, kubernetes_server: KubernetesServer
) -> None:
    """Policies, role and logins go; the KV mount and what is in it stay."""
    name = f"gone-{secrets.token_hex(4)}"
    wish = settings_of(openbao_server, kubernetes_server, name)
    stack = Stack.of("directories", tmp_path / "program", {"VAULT_TOKEN": openbao_server.root_token}, vault=wish)
    stack.up()
    stack.destroy()
    assert f"{name}-kv/" in openbao_server.as_root("GET", "sys/mounts")["data"]
    assert f"{name}/" not in openbao_server.as_root("GET", "sys/auth")["data"]
    assert not [left for left in openbao_server.as_root("GET", "sys/policy")["data"]["policies"] if name in left]


def test_the_rules_are_exactly_these() -> None:
    """No sudo, no list, no accessors, no policies: a new line in a policy is a decision."""
    settings = VaultDirectorySettings(url="https://vault.example.com", policies=("homelab-admin",))
    assert rotator_rules(settings).splitlines() == [
        'path "auth/token/create/homelab-admin" { capabilities = ["update"] }',
        'path "auth/token/roles/homelab-admin" { capabilities = ["read"] }',
        'path "auth/token/lookup-accessor" { capabilities = ["update"] }',
        'path "auth/token/renew-accessor" { capabilities = ["update"] }',
        'path "auth/token/revoke-accessor" { capabilities = ["update"] }',
        'path "secret/data/token-rotation/*" { capabilities = ["create", "update", "read"] }',
        'path "secret/metadata/token-rotation/*" { capabilities = ["read", "create", "update"] }',
    ]
    assert reader_rules(settings).splitlines() == [
        'path "secret/data/token-rotation/*" { capabilities = ["read"] }',
        'path "secret/metadata/token-rotation/*" { capabilities = ["read"] }',
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"policies": []},
        {"role": '*" { capabilities = ["sudo"] } #'},
        {"kv": {"path": "../*"}},
        {"kubernetes": {"inside": False}},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_hold_are_refused(wrong: dict[str, Any]) -> None:
    """No policy to hand out, a name that is more than a name, no authority to trust, an unknown key."""
    given = {"url": "https://vault.example.com", "policies": ["homelab-admin"], **wrong}
    with pytest.raises(ValidationError):
        VaultDirectorySettings.model_validate(given)
