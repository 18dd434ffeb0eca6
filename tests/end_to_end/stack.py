"""A stack under test: the real CLI, a clock of its own, a simulated Authentik, and the real OpenBao and API server."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import yaml
from kubernetes import client

from dynamic_providers.cluster import GENERATION_ANNOTATION
from rotation.model import owner_mark
from sandbox.apis.authentik import Authentik
from sandbox.clock import move, offset_clock
from sandbox.faults import Faults
from sandbox.forward import Forward
from sandbox.pulumi_cli import CLOCK_SWAP, Finished, Pulumi, make_project
from sandbox.serve import mounted
from sandbox.servers import kubernetes_objects, openbao
from sandbox.servers.kubernetes import KubernetesServer

DAY = 86400.0
POLICY = {"lifetime": "100d", "rotate_before": "40d", "overlap": "30d", "tolerated_outage": "3d"}
SHORT = {"lifetime": "600s", "rotate_every": "300s", "overlap": "60s", "tolerated_outage": "20s"}
ROLE = "homelab-admin"


@dataclass
class Stack:
    """One stack in a world of its own. Names are unique, so that tests can share the real servers."""

    directory: Path
    cluster: KubernetesServer
    vault_server: openbao.OpenBaoServer
    authentik: Authentik
    authentik_faults: Faults
    authentik_url: str
    vault_faults: Faults
    vault_calls: Forward
    vault_url: str
    vault_token: str = field(repr=False)
    name: str = ""
    namespace: str = ""
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    config: dict[str, Any] = field(default_factory=dict, repr=False)

    # --- the stack's config -----------------------------------------------------------------------------------------

    def declare(self, **tokens: Mapping[str, Any]) -> None:
        """Set the tokens of the config; `_` in a name stands for `-`. A token publishes to a Secret of its name."""
        declared = {}
        for key, token in tokens.items():
            name = key.replace("_", "-")
            place = {"kubernetesSecret": {"namespace": self.namespace, "name": name}}
            declared[name] = {"publish": [place], **token}
        self.set("tokens", declared)

    def set(self, key: str, value: Any) -> None:
        """Set one key of the config; None removes it."""
        self.config[f"token-rotation:{key}"] = value
        if value is None:
            del self.config[f"token-rotation:{key}"]
        self._write_config()

    def _write_config(self) -> None:
        file = self.project / f"Pulumi.{self.name}.yaml"
        salt = yaml.safe_load(file.read_text()).get("encryptionsalt") if file.exists() else None
        content = {"config": self.config, **({"encryptionsalt": salt} if salt else {})}
        file.write_text(yaml.safe_dump(content, sort_keys=False))

    # --- running the CLI --------------------------------------------------------------------------------------------

    @property
    def project(self) -> Path:
        return self.directory / "project"

    @property
    def pulumi(self) -> Pulumi:
        return Pulumi(self.project, self.name, self.environment)

    def up(self, *options: str, check: bool = True) -> Finished:
        return self.pulumi.up(*options, check=check)

    def preview(self, *options: str, check: bool = True) -> Finished:
        return self.pulumi.preview(*options, check=check)

    def destroy(self, *options: str, check: bool = True) -> Finished:
        return self.pulumi.destroy(*options, check=check)

    def decommission(self) -> None:
        """What a person does before a destroy: name the tokens, and let one run lift their protection."""
        self.set("decommission", list(self.config["token-rotation:tokens"]))
        self.up()

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def clock_file(self) -> Path:
        return self.directory / "clock"

    @property
    def now(self) -> datetime:
        """The instant that providers and the simulated Authentik see."""
        return offset_clock(self.clock_file)()

    def pass_days(self, days: float) -> None:
        """Move the clock of providers and Authentik. OpenBao keeps real time: do not use both in one test."""
        move(self.clock_file, days * DAY)

    # --- what is to be seen -----------------------------------------------------------------------------------------

    def secret(self, token: str) -> dict[str, str]:
        """The published Secret's data, decoded."""
        with self.cluster.admin_client() as api:
            found = client.CoreV1Api(api).read_namespaced_secret(token, self.namespace)
        return {key: base64.b64decode(text).decode() for key, text in (found.data or {}).items()}

    def secret_metadata(self, token: str) -> Any:
        """Its metadata: annotations, labels, uid, resource_version, managed_fields."""
        with self.cluster.admin_client() as api:
            return client.CoreV1Api(api).read_namespaced_secret(token, self.namespace).metadata

    def receipt(self, token: str) -> dict[str, Any] | None:
        """The token's entry in the receipt ConfigMap."""
        with self.cluster.admin_client() as api:
            found = client.CoreV1Api(api).read_namespaced_config_map("token-receipts", self.namespace)
        text = (found.data or {}).get(token)
        return None if text is None else dict(json.loads(text))

    def published_generation(self, token: str) -> str:
        """The generation that the published Secret names."""
        return str(self.secret_metadata(token).annotations[GENERATION_ANNOTATION])

    @property
    def mints(self) -> int:
        """How many rows runs have created at Authentik."""
        return self.authentik.calls[("POST", "/core/tokens/")]

    def live_at_authentik(self) -> list[str]:
        """Identifiers of this stack that are alive at Authentik, by whichever entry of `backends` they were minted."""
        ours = f"{self.name}-"  # every mark begins with the stack's name
        return sorted(t.identifier for t in self.authentik.live_tokens() if t.identifier.startswith(ours))

    @property
    def mark(self) -> str:
        return owner_mark("token-rotation", self.name)

    def vault_accepts(self, value: str) -> bool:
        """Whether OpenBao accepts a token for a look-up of itself."""
        headers = {"X-Vault-Token": value}
        url = f"{self.vault_server.url}/v1/auth/token/lookup-self"
        return httpx.get(url, headers=headers, trust_env=False).status_code == 200

    def live_at_vault(self) -> list[str]:
        """Generations of this stack that are alive at OpenBao; its administrator can list what a run cannot."""
        accessors = self.vault_server.as_root("LIST", "auth/token/accessors")["data"]["keys"]
        found = [self._vault_meta(accessor) for accessor in accessors]
        return sorted(meta["generation"] for meta in found if meta.get("owner") == self.mark)

    def _vault_meta(self, accessor: str) -> dict[str, str]:
        try:
            body = self.vault_server.as_root("POST", "auth/token/lookup-accessor", {"accessor": accessor})
        except httpx.HTTPStatusError:  # it died since it was listed
            return {}
        return dict(body["data"]["meta"] or {})

    def published_names(self) -> list[str]:
        """The Secrets of the stack's namespace."""
        with self.cluster.admin_client() as api:
            found = client.CoreV1Api(api).list_namespaced_secret(self.namespace)
        return sorted(item.metadata.name for item in found.items)

    @staticmethod
    def wait_until(true: Callable[[], bool], what: str, *, seconds: float = 15) -> None:
        """Wait for a real server to do by its own clock what it must; raises TimeoutError."""
        limit = time.monotonic() + seconds
        while not true():
            if time.monotonic() > limit:
                raise TimeoutError(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.5)

    def resources(self) -> dict[str, dict[str, Any]]:
        """The stored state's resources by name, with secrets in clear."""
        deployment = self.pulumi.export("--show-secrets")["deployment"]
        return {item["urn"].rpartition("::")[2]: item for item in deployment.get("resources", [])}

    def outputs_of(self, resource: str) -> dict[str, Any]:
        """The stored outputs of a resource, such as `admin-pair` or `admin-retirement`."""
        return dict(self.resources()[resource].get("outputs") or {})

    # --- the Kubernetes API as the run sees it ----------------------------------------------------------------------

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    def use_admin_kubeconfig(self) -> None:
        """Let runs be the cluster's administrator."""
        shutil.copy(self.cluster.kubeconfig, self.kubeconfig)

    def lose_cluster(self) -> None:
        """Let runs find no API server where the kubeconfig says."""
        config = yaml.safe_load(self.cluster.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def restrict_cluster(self, rules: list[kubernetes_objects.Rule]) -> None:
        """Let runs be a ServiceAccount with only these rights in the stack's namespace."""
        account = f"limited-{secrets.token_hex(3)}"
        with self.cluster.admin_client() as api:
            token = kubernetes_objects.make_service_account(api, self.namespace, account, rules)
        self.cluster.write_kubeconfig(self.kubeconfig, token=token)


@contextmanager
def new_stack(
    directory: Path, cluster: KubernetesServer, vault: openbao.OpenBaoServer, name: str = ""
) -> Iterator[Stack]:
    """A stack whose Authentik and Vault are reached through faults, ready for `declare` and `up`.

    name: of the stack and its namespace, where a stored state names them already
    """
    name = name or f"s{secrets.token_hex(4)}"
    project = make_project(directory / "project")
    (directory / "state").mkdir()
    authentik = Authentik(offset_clock(directory / "clock"))
    forward = Forward(vault.url)
    faults, vault_faults = Faults(authentik.handle), Faults(forward.handle)
    rotator = openbao.prepare_rotation(vault, role=ROLE, admin_policy="homelab-admin", rotator_policy="token-rotator")
    with mounted(faults, authentik) as url, mounted(vault_faults) as vault_url:
        stack = Stack(
            directory, cluster, vault, authentik, faults, url, vault_faults, forward, vault_url, rotator, name, name
        )
        stack.environment = _environment(stack)
        stack.use_admin_kubeconfig()
        with cluster.admin_client() as api:
            kubernetes_objects.make_namespace(api, name)
        stack.config = _first_config(stack)
        (project / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": stack.config}))
        stack.pulumi.create_stack()
        yield stack
    forward.close()


def _environment(stack: Stack) -> dict[str, str]:
    return {
        "PULUMI_BACKEND_URL": f"file://{stack.directory / 'state'}",
        "PULUMI_HOME": str(stack.directory / "pulumi-home"),
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase for tests",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "KUBECONFIG": str(stack.kubeconfig),
        "AUTHENTIK_TOKEN": stack.authentik.bootstrap_key,
        "VAULT_TOKEN": stack.vault_token,
        "PYTHONPATH": str(CLOCK_SWAP),
        "SANDBOX_CLOCK_FILE": str(stack.clock_file),
    }


def _first_config(stack: Stack) -> dict[str, Any]:
    return {
        "token-rotation:run_interval": "10s",
        "token-rotation:cluster": {"receipts": {"namespace": stack.namespace, "name": "token-receipts"}},
        "token-rotation:backends": {
            "authentik": {"url": stack.authentik_url, "credential": {"env": "AUTHENTIK_TOKEN"}},
            "vault": {"url": stack.vault_url, "credential": {"env": "VAULT_TOKEN"}},
        },
    }
