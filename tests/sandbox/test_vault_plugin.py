"""The stand-in vault plugin under the real CLI, against a real OpenBao."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.servers.certificates import Authority
from sandbox.servers.openbao import OpenBaoServer
from tests.sandbox.declared_stack import Stack

pytestmark = pytest.mark.deep  # other tests use the stand-in for what it is for

# Every value that a test puts into a secret contains this.
VALUE = "a-value-nobody-may-see"
RULES = 'path "secret/data/x" { capabilities = ["read"] }\n'


@pytest.fixture
def unique() -> str:
    return f"p{secrets.token_hex(4)}"


@pytest.fixture
def stack(tmp_path: Path, openbao_server: OpenBaoServer) -> Iterator[Stack]:
    """An empty stack with the root token in the environment; at the end no value and no credential is told."""
    environment = {"VAULT_TOKEN": openbao_server.root_token}
    provider = {"address": openbao_server.url, "skip_child_token": True}
    made = Stack.of("declared", tmp_path / "program", environment, package="vault", provider=provider)
    yield made
    told = "".join(made.printed) + made.succeed("stack", "export")
    assert VALUE not in told
    assert openbao_server.root_token not in told + made.stored()


def look(server: OpenBaoServer, path: str) -> dict[str, Any] | None:
    """`data` of what stands at a path."""
    headers = {"X-Vault-Token": server.root_token}
    answer = httpx.get(f"{server.url}/v1/{path}", headers=headers, trust_env=False)
    assert answer.status_code in (200, 404), answer.text
    return answer.json()["data"] if answer.status_code == 200 else None


def test_policies_and_roles_change_in_place(stack: Stack, openbao_server: OpenBaoServer, unique: str) -> None:
    """They are written whole, also what is taken away; drift is healed after a refresh; a new name replaces."""
    stack.declare("Policy", "policy", name=unique, policy=RULES)
    role = {"role_name": unique, "allowed_policies": [unique], "orphan": True}
    stack.declare("tokenauth.AuthBackendRole", "role", token_period=3600, **role)
    stack.succeed("preview")
    stack.up()
    found = look(openbao_server, f"auth/token/roles/{unique}") or {}
    assert (found["orphan"], found["renewable"], found["token_period"]) == (True, True, 3600)
    assert (look(openbao_server, f"sys/policies/acl/{unique}") or {})["policy"] == RULES
    stack.refresh()
    stack.up("--expect-no-changes")

    stack.declare("tokenauth.AuthBackendRole", "role", **role)
    assert "~ vault:tokenauth/authBackendRole:AuthBackendRole: (update)" in stack.succeed("preview", "--diff")
    stack.up()
    assert (look(openbao_server, f"auth/token/roles/{unique}") or {})["token_period"] == 0

    openbao_server.as_root("PUT", f"sys/policies/acl/{unique}", {"policy": 'path "*" { capabilities = ["read"] }'})
    stack.refresh()
    stack.up()
    assert (look(openbao_server, f"sys/policies/acl/{unique}") or {})["policy"] == RULES

    stack.declare("Policy", "policy", name=f"{unique}-b", policy=RULES)
    assert "+-vault:index/policy:Policy: (replace)" in stack.succeed("preview", "--diff")
    stack.destroy()
    for path in (f"auth/token/roles/{unique}", f"sys/policies/acl/{unique}"):
        assert look(openbao_server, path) is None


def test_mounts_are_tuned_and_moved(stack: Stack, openbao_server: OpenBaoServer, unique: str) -> None:
    """A description is tuned and a path moved in place, with what is in it; the Kubernetes auth gets its role."""
    stack.declare("Mount", "kv", path=unique, type="kv", options={"version": "2"})
    stack.declare("AuthBackend", "auth", type="kubernetes", path=unique)
    backend = {"backend": {"output of": ["auth", "path"]}}
    trusted = {"kubernetes_ca_cert": Authority("nobody").certificate.decode(), "disable_local_ca_jwt": True}
    host = {"kubernetes_host": "https://kubernetes.example.com"}
    stack.declare("kubernetes.AuthBackendConfig", "config", **host, **trusted, **backend)
    bound = {"bound_service_account_names": ["a"], "bound_service_account_namespaces": ["b"]}
    stack.declare("kubernetes.AuthBackendRole", "role", role_name="r", token_policies=["p", "a"], **bound, **backend)
    stack.up()
    stack.refresh()
    stack.up("--expect-no-changes")
    openbao_server.as_root("POST", f"{unique}/data/x", {"data": {"a": "1"}})
    assert (look(openbao_server, f"auth/{unique}/config") or {})["kubernetes_host"] == "https://kubernetes.example.com"
    assert sorted((look(openbao_server, f"auth/{unique}/role/r") or {})["token_policies"]) == ["a", "p"]

    stack.declare("Mount", "kv", path=f"{unique}-moved", type="kv", options={"version": "2"}, description="values")
    assert "~ vault:index/mount:Mount: (update)" in stack.succeed("preview", "--diff")
    stack.up()
    moved = openbao_server.as_root("GET", "sys/mounts")["data"][f"{unique}-moved/"]
    assert moved["description"] == "values"
    assert (look(openbao_server, f"{unique}-moved/data/x") or {})["data"] == {"a": "1"}
    stack.destroy()
    assert f"{unique}-moved/" not in openbao_server.as_root("GET", "sys/mounts")["data"]
    assert f"{unique}/" not in openbao_server.as_root("GET", "sys/auth")["data"]


def test_a_kv_secret_is_updated_in_place(stack: Stack, openbao_server: OpenBaoServer, unique: str) -> None:
    """New data is a new version with its custom metadata; a new name replaces; deletion is soft, or of all versions."""
    stack.declare("kv.SecretV2", "secret", mount="secret", name=unique, data_json=json.dumps({"t": VALUE}))
    stack.up()
    metadata = {"data": {"generation": "g2"}}
    changed = {"mount": "secret", "data_json": json.dumps({"t": f"{VALUE}-2"}), "custom_metadata": metadata}
    stack.declare("kv.SecretV2", "secret", name=unique, **changed)
    preview = stack.succeed("preview", "--diff")
    stack.up()
    found = look(openbao_server, f"secret/data/{unique}") or {}
    assert "~ vault:kv/secretV2:SecretV2: (update)" in preview
    assert found["data"] == {"t": f"{VALUE}-2"}
    assert (found["metadata"]["version"], found["metadata"]["custom_metadata"]) == (2, {"generation": "g2"})
    stack.refresh()
    stack.up("--expect-no-changes")

    openbao_server.as_root("POST", f"secret/data/{unique}", {"data": {"t": "by hand"}})
    stack.refresh()
    stack.up()
    assert (look(openbao_server, f"secret/data/{unique}") or {})["data"] == {"t": f"{VALUE}-2"}

    stack.declare("kv.SecretV2", "secret", name=f"{unique}-b", delete_all_versions=True, **changed)
    assert "+-vault:kv/secretV2:SecretV2: (replace)" in stack.succeed("preview", "--diff")
    stack.up()
    assert look(openbao_server, f"secret/data/{unique}") is None
    assert look(openbao_server, f"secret/metadata/{unique}") is not None
    stack.destroy()
    assert look(openbao_server, f"secret/metadata/{unique}-b") is None


def test_it_works_with_a_child_unless_told_not_to(stack: Stack, openbao_server: OpenBaoServer, unique: str) -> None:
    """By default a child of the credential does the work: it lives 20 minutes, is no orphan, and cannot be renewed."""
    before = set(openbao_server.as_root("LIST", "auth/token/accessors")["data"]["keys"])
    stack.declare("Policy", "policy", name=unique, policy=RULES)
    stack.up()
    assert set(openbao_server.as_root("LIST", "auth/token/accessors")["data"]["keys"]) == before

    stack.wish["provider"].pop("skip_child_token")
    stack.declare("Policy", "policy", name=unique, policy=f"{RULES}# changed\n")
    stack.up()
    (accessor,) = set(openbao_server.as_root("LIST", "auth/token/accessors")["data"]["keys"]) - before
    child = openbao_server.as_root("POST", "auth/token/lookup-accessor", {"accessor": accessor})["data"]
    assert (child["orphan"], child["renewable"], child["explicit_max_ttl"]) == (False, False, 1200)
    assert child["display_name"] == "token-terraform"

    weak = openbao_server.as_root("POST", "auth/token/create", {"policies": ["default"], "ttl": "10m"})
    stack.environment["VAULT_TOKEN"] = weak["auth"]["client_token"]
    stack.declare("Policy", "policy", name=unique, policy=RULES)
    refused = stack.fail("up", "--yes", "--skip-preview")
    assert "vault: the credential could make no child: HTTP 403" in refused
    stack.wish["provider"]["skip_child_token"] = True
    refused = stack.fail("up", "--yes", "--skip-preview")
    assert "Policy policy could not be updated: HTTP 403" in refused


def test_what_the_sdk_or_the_server_does_not_have_is_refused(stack: Stack) -> None:
    """Types and inputs without a stand-in, JSON that is none, and a server that is away are errors with a remedy."""
    refusals: dict[str, tuple[str, dict[str, Any]]] = {
        "vault:index/token:Token: the stand-in vault plugin does not know this type": ("Token", {"ttl": "1h"}),
        "tokenTtl: the stand-in does not do this": ("tokenauth.AuthBackendRole", {"role_name": "r", "token_ttl": 1}),
        "SecretV2: data_json is no JSON": ("kv.SecretV2", {"mount": "secret", "name": "x", "data_json": VALUE}),
    }
    for told, (kind, arguments) in refusals.items():
        stack.wish["resources"] = []
        stack.declare(kind, "thing", **arguments)
        assert told in stack.fail("up", "--yes", "--skip-preview")
    stack.wish |= {"resources": [], "provider": {"address": "http://127.0.0.1:1", "skip_child_token": True}}
    stack.declare("Policy", "policy", name="p", policy=RULES)
    failed = stack.fail("up", "--yes", "--skip-preview")
    assert "Policy policy could not be created: no answer: ConnectError. Check the provider's address" in failed
