"""The homelab's own stack, as it is shipped, against the sandbox: only its addresses are replaced."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client

from sandbox.apis.authentik import Authentik
from sandbox.apis.coder import Coder
from sandbox.apis.connect import Connect
from sandbox.clock import offset_clock
from sandbox.pulumi_cli import CLOCK_SWAP, ROOT, Pulumi, make_project
from sandbox.serve import mounted
from sandbox.servers import openbao
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import make_namespace
from sandbox.servers.processes import comes_true

NAMESPACES = (
    *("token-rotation", "authentik", "vault", "vault-config-operator", "external-secrets", "monitoring"),
    *("coder", "keycloak-system", "team-a", "team-b"),
)
PACKAGES = ("kubernetes", "authentik", "vault", "onepassword", "random")
STACK = "homelab"


@dataclass(frozen=True)
class Homelab:
    """What runs, and the CLI on the stack."""

    pulumi: Pulumi
    cluster: KubernetesServer
    authentik: Authentik
    connect: Connect
    coder: Coder
    vault: str
    """The id of the vault in 1Password."""

    def secret(self, namespace: str, name: str) -> Any:
        with self.cluster.admin_client() as api:
            return client.CoreV1Api(api).read_namespaced_secret(name, namespace)

    def custom(self, group: str, plural: str, namespace: str, name: str) -> dict[str, Any]:
        with self.cluster.admin_client() as api:
            found = client.CustomObjectsApi(api).get_namespaced_custom_object(group, "v1", namespace, plural, name)
        return dict(found)


@pytest.fixture
def homelab(tmp_path: Path, controlled_kubernetes_server: KubernetesServer) -> Iterator[Homelab]:
    cluster = controlled_kubernetes_server
    _prepare(cluster)
    root_token = secrets.token_hex(16)
    clock = offset_clock(tmp_path / "clock")
    authentik, connect, coder = Authentik(clock), Connect(clock), Coder(clock)
    vault = connect.add_vault("homelab")
    with (
        openbao.running(tmp_path / "openbao", root_token=root_token) as bao,
        mounted(authentik.handle, authentik) as authentik_url,
        mounted(connect.handle, connect) as connect_url,
        mounted(coder.handle, coder) as coder_url,
    ):
        bao.as_root("PUT", "sys/policies/acl/homelab-admin", {"policy": 'path "*" { capabilities = ["read"] }'})
        addresses = {
            "https://authentik.example.com": authentik_url,
            "https://vault.example.com": bao.url,
            "https://coder.example.com": coder_url,
            "http://connect.onepassword.svc:8080": connect_url,
        }
        environment = {
            "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
            "PULUMI_HOME": str(tmp_path / "pulumi-home"),
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase for tests",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "KUBECONFIG": str(cluster.kubeconfig),
            "AUTHENTIK_TOKEN": authentik.bootstrap_key,
            "VAULT_TOKEN": root_token,
            "CODER_ADMIN_PASSWORD": "a-Long-passphrase-17",
            "OP_CONNECT_TOKEN": connect.grant("rotator", vault),
            "PYTHONPATH": str(CLOCK_SWAP),
            "SANDBOX_CLOCK_FILE": str(tmp_path / "clock"),
        }
        pulumi = Pulumi(_project(tmp_path, addresses, cluster), STACK, environment)
        pulumi.create_stack()
        yield Homelab(pulumi, cluster, authentik, connect, coder, vault)


def _project(directory: Path, addresses: dict[str, str], cluster: KubernetesServer) -> Path:
    """The stack's folder, with the shipped config but for its addresses: this Vault is outside of its cluster."""
    (directory / "state").mkdir()
    project = make_project(directory / "project")
    text = (ROOT / f"Pulumi.{STACK}.yaml").read_text()
    for example, real in addresses.items():
        text = text.replace(example, real)
    config: dict[str, Any] = yaml.safe_load(text)
    outside = {"host": cluster.url, "ca_certificate": cluster.authority, "inside": False}
    config["config"]["token-rotation:vault_directory"]["kubernetes"] |= outside
    (project / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(config))
    return project


def _prepare(cluster: KubernetesServer) -> None:
    """The namespaces, and the Deployment that Vault's token depends on; no node runs, so nothing is ready yet."""
    metadata = client.V1ObjectMeta(name="vault-config-operator", namespace="vault-config-operator")
    labels = {"app": "vault-config-operator"}
    container = client.V1Container(name="operator", image="registry.example.com/operator:1")
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
    )
    spec = client.V1DeploymentSpec(replicas=1, selector=client.V1LabelSelector(match_labels=labels), template=template)
    with cluster.admin_client() as api:
        for namespace in NAMESPACES:
            with suppress(client.ApiException):
                make_namespace(api, namespace)
        with suppress(client.ApiException):
            files = {
                "metadata": {"name": "coder-template-files"},
                "data": {"main.tf": 'resource "null_resource" "x" {}\n'},
            }
            client.CoreV1Api(api).create_namespaced_config_map("coder", files)
        with suppress(client.ApiException):
            body = client.V1Deployment(metadata=metadata, spec=spec)
            client.AppsV1Api(api).create_namespaced_deployment(metadata.namespace, body)


def _be_ready(cluster: KubernetesServer) -> None:
    """What a kubelet would report of the operator's pod; the controllers count it then."""
    condition = {"type": "Ready", "status": "True"}
    with cluster.admin_client() as api:
        core, place = client.CoreV1Api(api), "vault-config-operator"
        assert comes_true(lambda: core.list_namespaced_pod(place).items, seconds=30)
        for pod in core.list_namespaced_pod(place).items:
            body = {"status": {"phase": "Running", "conditions": [condition]}}
            core.patch_namespaced_pod_status(pod.metadata.name, place, body)
        read = client.AppsV1Api(api).read_namespaced_deployment
        assert comes_true(lambda: read(place, place).status.ready_replicas, seconds=30)


def test_the_shipped_stack_runs_as_it_is(homelab: Homelab) -> None:
    """Every package of the user's is used; values reach Secret, 1Password and KV; a second look changes nothing."""
    pulumi = homelab.pulumi
    preview = pulumi.preview(check=False)
    assert "WaitingForDependency" in preview.output, preview.output
    _be_ready(homelab.cluster)
    pulumi.up()
    pulumi.up()  # from here on the settings come from the item that the first run made
    pulumi.up("--expect-no-changes")

    types = Counter(item["type"].partition(":")[0] for item in pulumi.export()["deployment"]["resources"])
    assert [package for package in PACKAGES if not types[package]] == []
    admin = homelab.secret("authentik", "authentik-admin-token")
    item = homelab.connect.values(homelab.vault, "Authentik Admin Token")
    assert item["generation"] == admin.metadata.annotations["token-rotation/generation"]
    assert item["rotation_status"] == "active"
    vault = homelab.secret("vault", "vault-admin-token").metadata.annotations
    told = [vault[f"token-rotation/{name}"] for name in ("auto-renew", "auto-rotate", "lifecycle-manager")]
    assert told == ["true", "true", "token-rotation"]
    synced = homelab.custom("external-secrets.io", "externalsecrets", "authentik", "authentik-admin-token-enhanced")
    assert synced["metadata"]["annotations"]["force-sync"] == item["generation"]
    assert homelab.coder.template("docker").active.status == "succeeded"
    assert homelab.secret("coder", "coder-admin-api-token").data["token"]
    assert homelab.secret("team-a", "team-a-operator-token").metadata.labels["token-rotation/type"] == "operational"
    rule = homelab.custom("monitoring.coreos.com", "prometheusrules", "monitoring", "token-rotation")
    alerts = {each.get("alert") for group in rule["spec"]["groups"] for each in group["rules"]}
    assert {"AuthentikTokenExpiring", "VaultTokenExpiringSoon", "VaultTokenRotationOverdue"} <= alerts
