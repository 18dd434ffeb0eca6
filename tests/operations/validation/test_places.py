"""Copies that stand elsewhere than in a Secret, read as their consumers read them: Vault's KV, and 1Password."""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from operations.exit_code import ExitCode
from rotation.backends.transport import Request, Response, json_request, json_response
from rotation.clock import system_clock
from rotation.model import fingerprint
from rotation.validation_plan import Copy, PlannedToken
from sandbox.apis.connect import Connect
from sandbox.serve import mounted
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_service_account, service_account_token
from sandbox.servers.openbao import OpenBaoServer
from tests.operations.validation.world import CURRENT, EARLIER, ValidationWorld

TITLE = "Authentik Admin Token"


@pytest.fixture
def path(world: ValidationWorld, openbao_server: OpenBaoServer) -> str:
    """An entry of a real KV with both generations, as a publication leaves it."""
    name = f"validation/{secrets.token_hex(4)}"
    told = {"token": world.value, "token-previous": world.earlier, "generation": CURRENT}
    openbao_server.as_root("POST", f"secret/data/{name}", {"data": told})
    return name


def entry(server: OpenBaoServer, path: str) -> Copy:
    return Copy.model_validate({"vaultKv": {"url": server.url, "mount": "secret", "path": path}})


def reader_of(server: OpenBaoServer, path: str) -> str:
    """A policy that may read just one entry; returns its name."""
    name = f"reads-{path.rpartition('/')[2]}"
    rules = f'path "secret/data/{path}" {{ capabilities = ["read"] }}'
    server.as_root("PUT", f"sys/policies/acl/{name}", {"policy": rules})
    return name


def test_an_entry_is_read_with_a_token_of_the_environment(
    world: ValidationWorld, url: str, openbao_server: OpenBaoServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VAULT_TOKEN with a policy of `read` on the entry is enough, and both values of it are tried."""
    policy = reader_of(openbao_server, path)
    made = openbao_server.as_root("POST", "auth/token/create", {"policies": [policy], "ttl": "5m"})
    monkeypatch.setenv("VAULT_TOKEN", made["auth"]["client_token"])
    world.plan(url, world.secret("apps-admin"), entry(openbao_server, path))
    assert world.validate()[0] is ExitCode.FINE
    wrong = {"token": world.value, "token-previous": "a-dead-one", "generation": EARLIER}
    openbao_server.as_root("POST", f"secret/data/{path}", {"data": wrong})
    assert world.validate()[0] is ExitCode.FAILED
    assert f"vaultKv:secret/{path}: it holds {EARLIER}" in world.causes()


def test_an_entry_is_read_by_a_login_with_the_jobs_own_account(
    world: ValidationWorld,
    url: str,
    path: str,
    *,
    openbao_server: OpenBaoServer,
    kubernetes_server: KubernetesServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where a role is named, the ServiceAccount's token logs in at the real server, and the login is ended again."""
    _enable_kubernetes_auth(openbao_server, kubernetes_server, world)
    role = {
        "bound_service_account_names": ["validation"],
        "bound_service_account_namespaces": [world.namespace],
        "token_policies": [reader_of(openbao_server, path)],
    }
    openbao_server.as_root("POST", f"auth/{world.namespace}/role/validation", role)
    jwt = tmp_path / "jwt"
    jwt.write_text(service_account_token(world.api, world.namespace, "validation"))
    monkeypatch.setenv("TOKEN_ROTATION_VAULT_ROLE", "validation")
    monkeypatch.setenv("TOKEN_ROTATION_VAULT_AUTH_MOUNT", world.namespace)
    monkeypatch.setenv("TOKEN_ROTATION_VAULT_JWT_FILE", str(jwt))
    world.plan(url, entry(openbao_server, path))
    before = _accessors(openbao_server)
    assert world.validate()[0] is ExitCode.FINE, world.causes()
    assert _accessors(openbao_server) <= before
    jwt.unlink()
    assert world.validate()[0] is ExitCode.FAILED
    assert "TOKEN_ROTATION_VAULT_JWT_FILE" not in world.causes()
    assert "the ServiceAccount's token cannot be read (FileNotFoundError" in world.causes()


def test_a_credential_is_sent_to_no_other_server(
    world: ValidationWorld, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that names another server than the environment gets no credential of it."""
    seen: list[Request] = []

    def collect(request: Request) -> Response:
        seen.append(request)
        return json_response(404, {"errors": []})

    with mounted(collect) as stranger:
        monkeypatch.setenv("VAULT_ADDR", "https://vault.example.com")
        monkeypatch.setenv("VAULT_TOKEN", "planted-token-of-vault")
        monkeypatch.setenv("OP_CONNECT_HOST", "https://connect.example.com")
        monkeypatch.setenv("OP_CONNECT_TOKEN", "planted-token-of-connect")
        kv = Copy.model_validate({"vaultKv": {"url": stranger, "mount": "secret", "path": "x"}})
        item = Copy.model_validate({"onePassword": {"url": stranger, "vault": "homelab", "item": TITLE}})
        world.plan(url, kv, item)
        assert world.validate()[0] is ExitCode.FAILED
    assert seen == []
    assert world.causes().count("and the copy stands at") == 2
    assert "planted" not in world.causes()


@pytest.mark.parametrize("told", [True, False])
def test_an_item_is_read_through_connect(
    world: ValidationWorld, url: str, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """Vault by name and item by title, both values of one answer; the url of the plan or of the environment."""
    server = Connect(system_clock, lag=timedelta(), seed=1)
    vault = server.add_vault("homelab")
    fields = {"token": world.value, "token-previous": world.earlier, "generation": CURRENT}
    server.write_by_hand(vault, TITLE, fields)
    monkeypatch.setenv("OP_CONNECT_TOKEN", server.grant("validation", vault, writes=False))
    with mounted(server.handle) as at:
        monkeypatch.setenv("OP_CONNECT_HOST", at)
        place = {"url": at if told else "", "vault": "homelab", "item": TITLE}
        world.plan(url, world.secret("apps-admin"), Copy.model_validate({"onePassword": place}))
        assert world.validate()[0] is ExitCode.FINE, world.causes()
        server.write_by_hand(vault, TITLE, {**fields, "token": "nonsense"})
        assert world.validate()[0] is ExitCode.FAILED
    assert f"onePassword:homelab/{TITLE}: it holds another value" in world.causes()
    assert {method for method, _ in server.calls} == {"GET"}


def test_what_is_missing_in_the_environment_is_named(
    world: ValidationWorld, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place says which variable it lacks, and the other places are read all the same."""
    kv = Copy.model_validate({"vaultKv": {"url": url, "mount": "secret", "path": "x"}})
    item = Copy.model_validate({"onePassword": {"url": "", "vault": "homelab", "item": TITLE}})
    world.plan(url, world.secret("apps-admin"), kv, item)
    assert world.validate()[0] is ExitCode.FAILED
    assert "VAULT_TOKEN is not set" in world.causes()
    assert "OP_CONNECT_TOKEN is not set" in world.causes()
    monkeypatch.setenv("OP_CONNECT_TOKEN", "planted-token-of-connect")
    world.validate()
    assert "OP_CONNECT_HOST is not set" in world.causes()
    assert len(world.record().validated["admin"].causes) == 2


def test_a_certificate_that_is_missing_is_a_cause(world: ValidationWorld, tmp_path: Path) -> None:
    """A plan of another machine names a file that is not here: told for probe and copy, and nothing is raised."""
    nowhere = "https://vault.example.com"
    kv = Copy.model_validate({"vaultKv": {"url": nowhere, "mount": "secret", "path": "x"}})
    copies, file = (world.secret("apps-admin"), kv), str(tmp_path / "nowhere.pem")
    planned = PlannedToken(kind="vault", backend="vault", url=nowhere, ca_certificate=file, copies=copies)
    world.plan("", tokens={"admin": planned})
    assert world.validate()[0] is ExitCode.FAILED
    assert world.causes().count("certificate cannot be read (FileNotFoundError)") == 2


def test_two_items_of_one_title_are_told(world: ValidationWorld, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer could not tell which is meant, and neither can we."""
    server = Connect(system_clock, lag=timedelta(), seed=1)
    vault = server.add_vault("homelab")
    access = server.grant("validation", vault)
    monkeypatch.setenv("OP_CONNECT_TOKEN", access)
    body = {"vault": {"id": vault}, "title": TITLE, "category": "SECURE_NOTE", "fields": []}
    for _ in range(2):
        headers = {"authorization": f"Bearer {access}"}
        request = json_request("POST", f"/v1/vaults/{vault}/items", body, headers=headers)
        assert server.handle(request).status == 200
    with mounted(server.handle) as at:
        place = {"url": at, "vault": "homelab", "item": TITLE}
        world.plan(url, Copy.model_validate({"onePassword": place}))
        assert world.validate()[0] is ExitCode.FAILED
    assert "there are 2 of that name" in world.causes()


def test_a_token_of_vault_is_tried_at_vault(world: ValidationWorld, openbao_server: OpenBaoServer) -> None:
    """A real server takes the current value and the previous one, and refuses what was revoked."""
    made = [openbao_server.as_root("POST", "auth/token/create", {"ttl": "5m"})["auth"] for _ in range(2)]
    current, earlier = (auth["client_token"] for auth in made)
    world.receipt(fingerprint=fingerprint(current), backend="vault", kind="vault")
    copy = world.secret("apps-admin", current, previous=earlier)
    planned = PlannedToken(kind="vault", backend="vault", url=openbao_server.url, copies=(copy,))
    world.plan("", tokens={"admin": planned})
    assert world.validate()[0] is ExitCode.FINE, world.causes()
    openbao_server.as_root("POST", "auth/token/revoke-accessor", {"accessor": made[1]["accessor"]})
    world.validate()
    assert "the backend refuses its previous value" in world.causes()
    openbao_server.as_root("POST", "auth/token/revoke-accessor", {"accessor": made[0]["accessor"]})
    world.validate()
    assert world.record().validated["admin"].rejected


def _accessors(server: OpenBaoServer) -> set[str]:
    return set(server.as_root("LIST", "auth/token/accessors")["data"]["keys"])


def _enable_kubernetes_auth(openbao: OpenBaoServer, cluster: KubernetesServer, world: ValidationWorld) -> None:
    """At a mount of the test's own; a reviewer's account asks the real API server whose a token is."""
    reviewer = make_service_account(world.api, world.namespace, "reviewer")
    subject = client.RbacV1Subject(kind="ServiceAccount", name="reviewer", namespace=world.namespace)
    role = client.V1RoleRef(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name="system:auth-delegator")
    binding = client.V1ClusterRoleBinding(
        metadata=client.V1ObjectMeta(name=f"reviewer-{world.namespace}"), role_ref=role, subjects=[subject]
    )
    client.RbacAuthorizationV1Api(world.api).create_cluster_role_binding(binding)
    admin: dict[str, Any] = yaml.safe_load(cluster.kubeconfig.read_text())
    authority = base64.b64decode(admin["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
    openbao.as_root("POST", f"sys/auth/{world.namespace}", {"type": "kubernetes"})
    config = {"kubernetes_host": cluster.url, "kubernetes_ca_cert": authority, "token_reviewer_jwt": reviewer}
    openbao.as_root("POST", f"auth/{world.namespace}/config", {**config, "disable_local_ca_jwt": True})
