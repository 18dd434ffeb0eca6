"""A stack with an operator: where its records stand, its teams' namespaces, and what they and its consumers do."""

from __future__ import annotations

import base64
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kubernetes import client

from rotation.clock import from_rfc3339, system_clock
from rotation.verify.verdict import Reason as Verdicts
from rotation.verify.verifier import Verifier
from sandbox.servers.kubernetes_objects import make_namespace
from tests.end_to_end.stack import Stack

POLICY = {"lifetime": "600s", "rotate_before": "500s", "overlap": "60s", "tolerated_outage": "20s"}
QUICK = {"lifetime": "600s", "rotate_before": "575s", "overlap": "20s", "tolerated_outage": "10s"}  # due after 25 s


class Operator:
    """A stack's operator: its records stand in the stack's own namespace, its teams have namespaces of their own."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.records = {"namespace": stack.namespace, "name": "operator-tokens"}
        self.team, self.other = f"{stack.namespace}-a", f"{stack.namespace}-b"
        with stack.cluster.admin_client() as api:
            for namespace in (self.team, self.other):
                make_namespace(api, namespace)
        stack.config["token-rotation:backends"]["operator"] = {"records": self.records}
        stack.set("run_interval", "5s")

    def token(self, namespace: str, type_: str = "operational", **more: Any) -> dict[str, Any]:
        """A declared token, published in its namespace."""
        name = f"{namespace}-operator-token" if type_ == "operational" else f"{namespace}-admission"
        place = [{"kubernetesSecret": {"namespace": namespace, "name": name}}]
        spec = {"namespace": namespace, "type": type_}
        return {"backend": "operator", "spec": spec, "policy": POLICY, "publish": place, **more}

    def secret(self, namespace: str, name: str = "") -> Any:
        with self.stack.cluster.admin_client() as api:
            return client.CoreV1Api(api).read_namespaced_secret(name or f"{namespace}-operator-token", namespace)

    def values(self, namespace: str, name: str = "") -> dict[str, str]:
        data = self.secret(namespace, name).data or {}
        return {key: base64.b64decode(text).decode() for key, text in data.items()}

    def record(self, namespace: str) -> dict[str, str]:
        with self.stack.cluster.admin_client() as api:
            name = f"{self.records['name']}-{namespace}"
            return dict(client.CoreV1Api(api).read_namespaced_config_map(name, self.records["namespace"]).data or {})

    def verdict(self, namespace: str, value: str) -> Verdicts:
        """What a consumer's operator answers that reads the record now."""
        verifier = Verifier(system_clock)
        verifier.put(namespace, self.record(namespace))
        return verifier.check(namespace, value).reason

    def bootstrap(
        self, namespace: str, admission: str, policy: Mapping[str, str] = QUICK
    ) -> subprocess.CompletedProcess[str]:
        """What a team's job calls."""
        place = f"{self.records['namespace']}/{self.records['name']}"
        command = ["operator", "bootstrap", "--namespace", namespace, "--records", place]
        command += [f"--{name.replace('_', '-')}={length}" for name, length in policy.items()]
        return self.run(command, admission)

    def run(self, command: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "operations", *command],
            input=text,
            cwd=self.stack.project,
            env=self.stack.pulumi.variables(),
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def events(self, namespace: str) -> set[str]:
        with self.stack.cluster.admin_client() as api:
            found = client.EventsV1Api(api).list_namespaced_event(namespace)
            return {str(event.reason) for event in found.items}

    def own(self, namespace: str) -> Any:
        """Make the object that owns a team's Secret; returns it."""
        body = {"metadata": {"name": "realm"}, "data": {}}
        with self.stack.cluster.admin_client() as api:
            return client.CoreV1Api(api).create_namespaced_config_map(namespace, body)

    def wait_until_due(self) -> None:
        """Let real time pass until the token of QUICK is due: 25 s after it was made."""
        created = self.secret(self.team).metadata.annotations["token-rotation/created"]
        due = from_rfc3339(created) + timedelta(seconds=26)
        time.sleep(max(0.0, (due - system_clock()).total_seconds()))


def elsewhere(namespace: str) -> list[dict[str, Any]]:
    """Another Secret of the namespace than the usual one."""
    return [{"kubernetesSecret": {"namespace": namespace, "name": "another"}}]
