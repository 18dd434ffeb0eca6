"""Each job's own command, with its manifest's environment and a token of its own ServiceAccount, RBAC enforced.

The commands run as local processes; see `local_pod`. One stack is rotated, validated and retired by its jobs, in the
order in which a cluster would begin them.
"""

from __future__ import annotations

import base64
import copy
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.schedule.settings import Job
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.openbao import OpenBaoServer
from sandbox.servers.processes import comes_true, free_port
from tests.end_to_end.stack import POLICY, Stack, new_stack
from tests.schedule.local_pod import LocalPod
from tests.schedule.plain_api import PlainApi, administrator, path

CREDENTIALS, PASSPHRASE, CLAIM = "token-rotation-credentials", "token-rotation-passphrase", "token-rotation-state"
RBAC = ("roles", "rolebindings", "serviceaccounts", "cronjobs", "networkpolicies", "deployments", "services")


@dataclass(frozen=True)
class Scheduled:
    """A stack that a person has deployed with its schedule, and which its jobs run from then on."""

    stack: Stack
    admin: PlainApi
    port: int

    def pod(self, job: Job) -> LocalPod:
        """What the cluster would start for a job: its template as the API server holds it."""
        kind = "deployments" if job is Job.EXPORTER else "cronjobs"
        spec = self.get(kind, job.value)["spec"]
        template = spec["template"] if job is Job.EXPORTER else spec["jobTemplate"]["spec"]["template"]
        stack = self.stack
        node = {name: stack.environment[name] for name in ("PYTHONPATH", "SANDBOX_CLOCK_FILE")}
        root = stack.directory / "pods" / job.value
        claims = {CLAIM: stack.directory / "state"}
        return LocalPod(stack.cluster, stack.namespace, template, root, stack.project, claims, node)

    def get(self, resource: str, name: str) -> dict[str, Any]:
        """One object of the stack's namespace."""
        answer = self.admin.send("GET", path(resource, self.stack.namespace, name))
        assert answer.is_success, answer.text
        return dict(answer.json())

    def versions(self) -> dict[str, str]:
        """The resourceVersion of every object that says what jobs are and may do."""
        listed = {kind: self.admin.send("GET", path(kind, self.stack.namespace)).json()["items"] for kind in RBAC}
        return {
            f"{kind}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
            for kind, items in listed.items()
            for item in items
        }


@pytest.fixture(scope="module")
def scheduled(
    tmp_path_factory: pytest.TempPathFactory, kubernetes_server: KubernetesServer, openbao_server: OpenBaoServer
) -> Iterator[Scheduled]:
    directory = tmp_path_factory.mktemp("scheduled")
    with (
        new_stack(directory, kubernetes_server, openbao_server) as stack,
        administrator(kubernetes_server) as admin,
    ):
        _give_secrets(stack, admin)
        port = free_port()
        stack.set("run_interval", "24h")
        stack.set("preferences", {"namespace": stack.namespace})
        stack.set("schedule", _schedule(stack, port))
        stack.declare(admin={"backend": "authentik", "policy": POLICY})
        stack.up()
        yield Scheduled(stack, admin, port)


def test_a_stack_lives_by_its_jobs(scheduled: Scheduled) -> None:
    """Run, validation, exporter and retirement, each under its own account, keep a token fresh and change no right.

    With a root that is read-only they would, too: beside their volumes they leave nothing.
    """
    stack, rights, files = scheduled.stack, scheduled.versions(), _files(scheduled.stack.project)
    assert re.fullmatch(r"[1-5]?\d 2 \* \* \*", scheduled.get("cronjobs", Job.RUN.value)["spec"]["schedule"])
    before = stack.published_generation("admin")
    stack.pass_days(61)
    run = scheduled.pod(Job.RUN)
    _fine(run.run())
    current = stack.published_generation("admin")
    assert current != before
    assert stack.live_at_authentik() == sorted([before, current])

    _fine(scheduled.pod(Job.VALIDATION).run())
    with scheduled.pod(Job.EXPORTER).in_background():
        assert comes_true(lambda: "token_rotation_receipts_up 1" in _metrics(scheduled.port), seconds=60)
        assert "token_rotation_expires_timestamp_seconds{" in _metrics(scheduled.port)

    stack.pass_days(31)
    _fine(scheduled.pod(Job.RETIREMENT).run())
    assert stack.live_at_authentik() == [current]
    assert stack.published_generation("admin") == current

    assert scheduled.versions() == rights
    assert _files(stack.project) == files
    assert {entry.name for entry in (run.root / "opt" / "pulumi").iterdir()} <= {"workspaces", "logs"}


@pytest.mark.deep
def test_without_a_right_a_job_fails_and_says_so(scheduled: Scheduled) -> None:
    """With one needed right taken away a job ends with a failure, and its log names the object and the refusal."""
    scheduled.stack.pass_days(61)  # a publication is due
    for job, resource, name in (
        (Job.RUN, "leases", "token-rotation"),
        (Job.RUN, "secrets", "admin"),
        (Job.RETIREMENT, "leases", "token-rotation"),
        (Job.VALIDATION, "secrets", "admin"),
    ):
        with _without(scheduled, job, resource, name):
            ended = scheduled.pod(job).run()
        assert ended.returncode in {1, 2, 3}, ended.stdout
        told = ended.stdout.replace("\\", "")
        assert f'"{name}" is forbidden' in told, told


def _give_secrets(stack: Stack, admin: PlainApi) -> None:
    """What a person puts into the namespace before the schedule begins."""
    given = {
        CREDENTIALS: {"authentik": stack.environment["AUTHENTIK_TOKEN"], "vault": stack.environment["VAULT_TOKEN"]},
        PASSPHRASE: {"passphrase": stack.environment["PULUMI_CONFIG_PASSPHRASE"]},
    }
    for name, data in given.items():
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        metadata = {"namespace": stack.namespace, "name": name}
        admin.applied({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded})


def _schedule(stack: Stack, port: int) -> dict[str, Any]:
    return {
        "image": "registry.example.com/token-rotation:0.1.0",
        "namespace": stack.namespace,
        "state": {"url": "file:///state", "claim": CLAIM},
        "passphrase": {"name": PASSPHRASE, "key": "passphrase"},
        "credentials": {
            "AUTHENTIK_TOKEN": {"name": CREDENTIALS, "key": "authentik"},
            "VAULT_TOKEN": {"name": CREDENTIALS, "key": "vault"},
        },
        "run": {"schedule": "H 2 * * *"},
        "exporter": {"port": port, "serviceMonitor": False},
    }


def _fine(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.returncode == 0, ended.stdout


def _files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.iterdir()}


def _metrics(port: int) -> str:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    except httpx.HTTPError:
        return ""


@contextmanager
def _without(scheduled: Scheduled, job: Job, resource: str, name: str) -> Iterator[None]:
    """For the length of a block, the job's Role does not name one object."""
    whole = scheduled.get("roles", job.value)["rules"]
    lessened = copy.deepcopy(whole)
    for rule in lessened:
        if rule["resources"] == [resource]:
            rule["resourceNames"] = [kept for kept in rule["resourceNames"] if kept != name] or ["nothing"]
    assert lessened != whole
    _set_rules(scheduled, job, lessened)
    try:
        yield
    finally:
        _set_rules(scheduled, job, whole)


def _set_rules(scheduled: Scheduled, job: Job, rules: list[dict[str, Any]]) -> None:
    where = path("roles", scheduled.stack.namespace, job.value)
    answer = scheduled.admin.send("PATCH", where, {"rules": rules})
    assert answer.is_success, answer.text
