"""Jobs in a namespace of the real API server, with exactly the rights that they need, around a scripted CLI."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes import client

from rotation.run_record import RunRecord, read_run_record
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import Rule, make_namespace, make_service_account
from tests.operations.scripted_cli import ScriptedCli

ROOT = Path(__file__).resolve().parent.parent.parent
RECEIPTS, RUNS, LEASE, SETTINGS = "token-receipts", "token-receipts-runs", "token-rotation", "the-settings"
_SHORT = ("--lease-duration", "12s")
"""A holder renews each two seconds, and gives up after six."""
RIGHTS = [
    Rule(["get", "update"], ["leases"], ["coordination.k8s.io"], [LEASE]),
    Rule(["get"], ["configmaps"], names=[RECEIPTS]),
    Rule(["get", "patch"], ["configmaps"], names=[RUNS]),
    Rule(["get"], ["secrets"], names=[SETTINGS]),
    Rule(["create"], ["events"], ["events.k8s.io"]),
]


@dataclass
class JobWorld:
    """One namespace with what a stack makes for its jobs."""

    server: KubernetesServer
    home: Path
    namespace: str
    kubeconfig: Path
    cli: ScriptedCli
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, command: str = "run", *options: str) -> subprocess.Popen[str]:
        """Start a job as its CronJob does."""
        return subprocess.Popen(
            [sys.executable, "-m", "operations", command, "--cwd", str(self.home), *_SHORT, *options],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str = "run", *options: str) -> tuple[int, list[dict[str, Any]]]:
        """Its exit code and its log lines."""
        return ended(self.start(command, *options))

    # --- what is to be seen -----------------------------------------------------------------------------------------

    def record(self, job: str = "rotate") -> RunRecord | None:
        """What the job left."""
        text = self.config_map(RUNS).get(job)
        return None if text is None else read_run_record(text)

    def config_map(self, name: str) -> dict[str, str]:
        """As an administrator sees it."""
        with self.server.admin_client() as api:
            return dict(client.CoreV1Api(api).read_namespaced_config_map(name, self.namespace).data or {})

    def events(self) -> list[Any]:
        """The Events of the namespace, oldest first."""
        with self.server.admin_client() as api:
            found = client.EventsV1Api(api).list_namespaced_event(self.namespace).items
        return sorted(found, key=lambda event: event.event_time)

    def lease(self) -> Any:
        """The Lease's spec."""
        with self.server.admin_client() as api:
            return client.CoordinationV1Api(api).read_namespaced_lease(LEASE, self.namespace).spec

    # --- what others do ---------------------------------------------------------------------------------------------

    def put_config_map(self, name: str, data: Mapping[str, str]) -> None:
        """Make it, or give it these entries."""
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": dict(data)}
        with self.server.admin_client() as api:
            client.CoreV1Api(api).patch_namespaced_config_map(
                name, self.namespace, body, field_manager="stack", _content_type="application/apply-patch+yaml"
            )

    def put_settings(self, **fields: str) -> None:
        """The Secret that the stack resolved."""
        body = client.V1Secret(metadata=client.V1ObjectMeta(name=SETTINGS), string_data=fields)
        with self.server.admin_client() as api:
            client.CoreV1Api(api).create_namespaced_secret(self.namespace, body)
        self.environment["TOKEN_ROTATION_SETTINGS"] = f"{self.namespace}/{SETTINGS}"

    def put_lease(self, **spec: Any) -> None:
        """The Lease as the stack makes it: without a holder."""
        body = client.V1Lease(metadata=client.V1ObjectMeta(name=LEASE), spec=client.V1LeaseSpec(**spec))
        with self.server.admin_client() as api:
            client.CoordinationV1Api(api).create_namespaced_lease(self.namespace, body)

    def drop_lease(self) -> None:
        with self.server.admin_client() as api:
            client.CoordinationV1Api(api).delete_namespaced_lease(LEASE, self.namespace)

    def patch_lease(self, **spec: Any) -> None:
        """What a person does who takes it by force, or shortens it."""
        with self.server.admin_client() as api:
            client.CoordinationV1Api(api).patch_namespaced_lease(LEASE, self.namespace, {"spec": spec})


def new_job_world(home: Path, server: KubernetesServer, rights: Sequence[Rule] = RIGHTS) -> JobWorld:
    """A namespace with receipts, an empty record of runs, a Lease, and an account of exactly these rights."""
    namespace = f"jobs-{secrets.token_hex(4)}"
    with server.admin_client() as api:
        make_namespace(api, namespace)
        token = make_service_account(api, namespace, "job", rights)
    home.mkdir(exist_ok=True)
    cli = ScriptedCli(home)
    world = JobWorld(server, home, namespace, server.write_kubeconfig(home / "kubeconfig", token=token), cli)
    world.environment = {
        "PATH": cli.path,
        "KUBECONFIG": str(world.kubeconfig),
        "PULUMI_STACK": "homelab",
        "TOKEN_ROTATION_LEASE": f"{namespace}/{LEASE}",
        "TOKEN_ROTATION_RECEIPTS": f"{namespace}/{RECEIPTS}",
    }
    for name in (RECEIPTS, RUNS):
        world.put_config_map(name, {})
    world.put_lease()
    return world


def ended(process: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]]]:
    """Wait for a job; its exit code and its log lines, each of which is JSON."""
    output, _ = process.communicate(timeout=120)
    return process.returncode, [json.loads(line) for line in output.splitlines()]
