"""The files for the Pulumi Kubernetes Operator, and the watchdog that wakes a Stack, on the real API server.

No operator runs here: a test writes down what the operator would, by its condition `Stalled`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.schedule.settings import Manifest
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import service_account_token
from tests.architecture.sources import ROOT
from tests.schedule.plain_api import PlainApi, administrator
from tests.schedule.sample import Sample, namespace

FOLDER = ROOT / "deploy" / "pulumi-operator"
STACKS = "/apis/pulumi.com/v1/namespaces/{}/stacks"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def manifests(home: str) -> list[Manifest]:
    """Every object that `kubectl apply -k` would apply, in another namespace; the script's ConfigMap is kustomize's."""
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    found = []
    for name in kustomization["resources"]:
        text = (FOLDER / name).read_text().replace("namespace: token-rotation", f"namespace: {home}")
        found += list(yaml.safe_load_all(text.replace("args: [token-rotation/", f"args: [{home}/")))
    return found


@dataclass(frozen=True)
class Watched:
    """A namespace with the Stack and its watchdog."""

    server: KubernetesServer
    admin: PlainApi
    home: str

    def stack(self) -> dict[str, Any]:
        return dict(self.admin.send("GET", f"{STACKS.format(self.home)}/token-rotation").json())

    def tell(self, **condition: Any) -> None:
        """Write a condition as the operator does."""
        since = {"lastTransitionTime": "2026-11-01T02:00:00Z", "reason": "UpdateFailed", "message": "three in a row"}
        status = {"status": {"conditions": [{**since, **condition}]}}
        answer = self.admin.send("PATCH", f"{STACKS.format(self.home)}/token-rotation/status", status)
        assert answer.is_success, answer.text

    def run(self, directory: Path, *stacks: str) -> subprocess.CompletedProcess[str]:
        """The CronJob's command with a token of its account; its script lies where kustomize's ConfigMap would."""
        (job,) = (m for m in manifests(self.home) if m["kind"] == "CronJob")
        (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        assert container["command"] == ["python", "/watchdog/watchdog.py"]
        with self.server.admin_client() as api:
            token = service_account_token(api, self.home, "token-rotation-watchdog")
        kubeconfig = self.server.write_kubeconfig(directory / "kubeconfig", token=token)
        environ = {"PATH": os.defpath, "KUBECONFIG": str(kubeconfig)}
        command = [sys.executable, FOLDER / "watchdog.py", *(stacks or container["args"])]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def watched(controlled_kubernetes_server: KubernetesServer) -> Iterator[Watched]:
    sample = Sample()
    with administrator(controlled_kubernetes_server) as admin:
        admin.applied(namespace(sample.home, RESTRICTED), *manifests(sample.home))
        yield Watched(controlled_kubernetes_server, admin, sample.home)


def test_every_manifest_is_accepted_and_restricted(watched: Watched) -> None:
    """The API server takes each object without a warning, also of a namespace that enforces `restricted`."""
    for manifest in manifests(watched.home):
        answer = watched.admin.apply(manifest, dry=True)
        assert answer.is_success, answer.text
        assert "warning" not in answer.headers, answer.headers["warning"]


def test_a_stack_runs_without_new_commits() -> None:
    """The Stack runs again by itself, is never destroyed by a deletion, and names no credential in clear."""
    (stack,) = (m for m in manifests("home") if m["kind"] == "Stack")
    spec = stack["spec"]
    assert spec["continueResyncOnCommitMatch"] is True
    assert spec["resyncFrequencySeconds"] == 3600
    assert spec["destroyOnFinalize"] is False
    assert {reference["type"] for reference in spec["envRefs"].values()} == {"Secret"}


def test_a_stalled_stack_is_woken(watched: Watched, tmp_path: Path) -> None:
    """A Stack that the operator gave up on gets a new spec, again and again, and its interval stays near its own."""
    for expected in (3601, 3600):
        before = watched.stack()["metadata"]["generation"]
        watched.tell(type="Stalled", status="True", observedGeneration=before)
        ended = watched.run(tmp_path)
        assert ended.returncode == 0, ended.stderr
        assert "was stalled" in ended.stdout
        assert watched.stack()["metadata"]["generation"] == before + 1
        assert watched.stack()["spec"]["resyncFrequencySeconds"] == expected


@pytest.mark.parametrize(
    "condition",
    [
        {"type": "Stalled", "status": "False"},
        {"type": "Ready", "status": "True"},
        {"type": "Stalled", "status": "True", "observedGeneration": 0},
    ],
)
def test_any_other_stack_is_left_alone(watched: Watched, tmp_path: Path, condition: dict[str, Any]) -> None:
    """A Stack that is at work, is fine, or was stalled with an earlier spec is not touched."""
    watched.tell(**condition)
    before = watched.stack()
    ended = watched.run(tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "is not stalled" in ended.stdout
    assert watched.stack() == before


def test_the_watchdog_may_do_only_that(watched: Watched, tmp_path: Path) -> None:
    """Another Stack, even in its own namespace, is refused; it says so, and still looks at the one that is its own."""
    generation = watched.stack()["metadata"]["generation"]
    watched.tell(type="Stalled", status="True", observedGeneration=generation)
    ended = watched.run(tmp_path, f"{watched.home}/other", f"{watched.home}/token-rotation")
    assert ended.returncode == 1
    assert f"{watched.home}/other could not be looked at: HTTP 403" in ended.stdout
    assert watched.stack()["metadata"]["generation"] == generation + 1
