"""A local world: a real API server with controllers, a real OpenBao, simulated Authentik and Coder, and our stack."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from sandbox.pulumi_cli import ROOT, Pulumi, make_project
from sandbox.remote import Remote
from sandbox.servers import custom_resources, kubernetes, openbao, processes
from sandbox.servers.kubernetes_objects import make_namespace

STACK = "sandbox"
NAMESPACES = ("token-rotation", "authentik", "vault", "coder", "keycloak-system", "team-a")
VAULT_ROLE = "homelab-admin"
AUTHENTIK_USER = "homelab-automation"
TENANT_DURATION = "minutes=10"
CODER_TEMPLATE = ROOT / "sandbox" / "coder_template"


@dataclass(frozen=True)
class World:
    """What runs, and the credentials that a run needs; they are in no repr."""

    directory: Path
    kubernetes: kubernetes.KubernetesServer
    vault: openbao.OpenBaoServer
    authentik_url: str
    coder_url: str
    authentik_token: str = field(repr=False)
    vault_token: str = field(repr=False)
    passphrase: str = field(repr=False)
    coder_password: str = field(repr=False)

    def authentik(self) -> Remote:
        """The control side of the simulated Authentik."""
        return Remote(self.authentik_url)

    def coder(self) -> Remote:
        """The control side of the simulated Coder."""
        return Remote(self.coder_url)

    def environment(self) -> dict[str, str]:
        """What a person exports to run `pulumi` here."""
        return {
            "PULUMI_BACKEND_URL": f"file://{self.directory / 'state'}",
            "PULUMI_HOME": str(self.directory / "pulumi-home"),
            "PULUMI_CONFIG_PASSPHRASE": self.passphrase,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # The toolchain has asked for real plugins already; being refused again costs 3 s a command.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "KUBECONFIG": str(self.kubernetes.kubeconfig),
            "AUTHENTIK_TOKEN": self.authentik_token,
            "VAULT_TOKEN": self.vault_token,
            "CODER_ADMIN_PASSWORD": self.coder_password,
        }

    def pulumi(self) -> Pulumi:
        """The CLI on the sandbox's stack."""
        return Pulumi(self.directory / "project", STACK, self.environment())


def start(directory: Path) -> World:
    """Start the servers, or find those that run, and lay out the stack's folder."""
    directory.mkdir(parents=True, exist_ok=True)
    keys = _kept_keys(directory)
    cluster = kubernetes.start(directory, controllers=True)
    vault = openbao.start(directory, root_token=keys["vault_root"])
    url, coder_url = _start_authentik(directory), _start_coder(directory)
    if "vault_token" not in keys:
        for namespace in NAMESPACES:
            make_namespace(cluster.admin_client(), namespace)
        custom_resources.install(cluster, *custom_resources.files())
        keys["vault_token"] = _prepare_vault(vault)
        keys["authentik_token"] = _prepare_authentik(url, (directory / "authentik-key").read_text().strip())
        _keep(directory, keys)
    world = World(
        directory,
        cluster,
        vault,
        url,
        coder_url,
        authentik_token=keys["authentik_token"],
        vault_token=keys["vault_token"],
        passphrase=keys["passphrase"],
        coder_password=keys["coder_password"],
    )
    _lay_out(world)
    return world


def stop(directory: Path) -> None:
    """End what `start` started, and remove its folder."""
    processes.stop(directory, "authentik")
    processes.stop(directory, "coder")
    openbao.stop(directory)
    kubernetes.stop(directory)
    shutil.rmtree(directory, ignore_errors=True)


def _lay_out(world: World) -> None:
    """The stack's folder: our program by links, and `Pulumi.sandbox.yaml` with the ports that the servers got."""
    project = make_project(world.directory / "project")
    (world.directory / "state").mkdir(exist_ok=True)
    config: dict[str, Any] = yaml.safe_load((ROOT / f"Pulumi.{STACK}.yaml").read_text())
    backends = config["config"]["token-rotation:backends"]
    backends["authentik"]["url"] = world.authentik_url
    backends["vault"]["url"] = world.vault.url
    backends["coder"]["url"] = world.coder_url
    config["config"]["token-rotation:coder_templates"]["docker"]["folder"] = str(CODER_TEMPLATE)
    target = project / f"Pulumi.{STACK}.yaml"
    if target.exists():  # keep what the CLI wrote: the salt of the passphrase, and what a person has set
        kept = yaml.safe_load(target.read_text())
        kept["config"]["token-rotation:backends"] = backends
        config = kept
    target.write_text(yaml.safe_dump(config, sort_keys=False))
    world.pulumi().create_stack()


def _start_authentik(directory: Path) -> str:
    """The simulated API in a process of its own; its first line is its URL."""
    running = processes.found(directory, "authentik")
    if running is not None:
        return running.url
    url = f"http://127.0.0.1:{processes.free_port()}"
    key_file = directory / "authentik-key"
    argv: list[str | Path] = [sys.executable, "-m", "sandbox.serve", "authentik", "--port", url.rpartition(":")[2]]
    argv += ["--bootstrap-token-file", key_file, "--default-token-duration", TENANT_DURATION]
    process = processes.start("authentik", argv, directory, url=url, env={"PYTHONPATH": str(ROOT)})
    processes.wait_until_ready(process, lambda: _answers(url))
    return url


def _start_coder(directory: Path) -> str:
    """The simulated API in a process of its own, without a user: the first run makes one."""
    running = processes.found(directory, "coder")
    if running is not None:
        return running.url
    url = f"http://127.0.0.1:{processes.free_port()}"
    argv: list[str | Path] = [sys.executable, "-m", "sandbox.serve", "coder", "--port", url.rpartition(":")[2]]
    process = processes.start("coder", argv, directory, url=url, env={"PYTHONPATH": str(ROOT)})
    processes.wait_until_ready(process, lambda: _answers(url))
    return url


def _answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        httpx.get(f"{url}/api/v3/core/users/me/", trust_env=False)
        return True
    return False


def _prepare_vault(server: openbao.OpenBaoServer) -> str:
    return openbao.prepare_rotation(
        server, role=VAULT_ROLE, admin_policy="homelab-admin", rotator_policy="token-rotator"
    )


def _prepare_authentik(url: str, key: str) -> str:
    """A user whose token is rotated by an administrator's credential, which is what this returns."""
    headers = {"Authorization": f"Bearer {key}"}
    body = {"username": AUTHENTIK_USER, "name": "Homelab automation", "type": "service_account"}
    answer = httpx.post(f"{url}/api/v3/core/users/", headers=headers, json=body, trust_env=False)
    answer.raise_for_status()
    return key


def _kept_keys(directory: Path) -> dict[str, str]:
    file = directory / "keys.json"
    if file.exists():
        return dict(json.loads(file.read_text()))
    keys = {name: secrets.token_urlsafe(24) for name in ("vault_root", "passphrase", "coder_password")}
    _keep(directory, keys)
    return keys


def _keep(directory: Path, keys: dict[str, str]) -> None:
    file = directory / "keys.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(keys))
