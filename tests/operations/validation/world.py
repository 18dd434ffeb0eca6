"""A stack as validation meets it: a real API server with just the rights it needs, and a simulated Authentik."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kubernetes import client

from operations.cluster import Cluster
from operations.exit_code import ExitCode
from operations.run_log import open_log
from operations.validate import Validation
from rotation.clock import system_clock
from rotation.model import fingerprint
from rotation.receipt import Receipt, Waiting
from rotation.run_record import VALIDATE, RunRecord, read_run_record
from rotation.testing.builders import a_generation
from rotation.validation_plan import PLAN_KEY, Copy, PlannedToken, ValidationPlan
from sandbox.apis.authentik import BOOTSTRAP_USER, Authentik
from sandbox.faults import Faults
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import Rule, make_service_account

RECEIPTS = "token-receipts"
CURRENT = a_generation()
EARLIER = "homelab-3f9a1c2b_admin_20250101t020000z_aaaaaa"
DAY = timedelta(days=1)
MINE = ("apps-admin", "web-admin")
"""The Secrets that its ServiceAccount may read."""


class ValidationWorld:
    """One token `admin` at Authentik with two generations alive, and the objects that its stack would have written."""

    def __init__(self, server: KubernetesServer, namespace: str, tmp_path: Path, capsys: Any) -> None:
        self.now = system_clock().replace(microsecond=0)
        self.namespace = namespace
        self._capsys = capsys
        self.authentik = Authentik(system_clock, seed=1)
        self.faults = Faults(self.authentik.handle)
        self.value = self.authentik.issue(BOOTSTRAP_USER, CURRENT, expiring=False)
        self.earlier = self.authentik.issue(BOOTSTRAP_USER, EARLIER, expiring=False)
        self.api = server.admin_client()
        self.core = client.CoreV1Api(self.api)
        token = make_service_account(self.api, namespace, "validation", _rights())
        self.kubeconfig = server.write_kubeconfig(tmp_path / "kubeconfig", token=token)
        self._config_map(f"{RECEIPTS}-runs", {})

    def receipt(self, **changes: Any) -> None:
        """The token's receipt: the second generation is current, and the first ends in a day."""
        waiting = Waiting(generation=EARLIER, deadline=self.now + DAY, published_at=self.now - DAY)
        given: dict[str, Any] = {
            "token": "admin",
            "backend": "authentik",
            "kind": "authentik",
            "generation": CURRENT,
            "reason": "MaximumAge",
            "fingerprint": fingerprint(self.value),
            "created": self.now - DAY,
            "expires": self.now + 300 * DAY,
            "rotates": self.now + 260 * DAY,
            "published_at": self.now - DAY,
            "published": (),
            "superseded": (waiting,),
        }
        self._config_map(RECEIPTS, {"admin": Receipt.model_validate({**given, **changes}).model_dump_json()})

    def secret(self, name: str, value: str | None = None, *, previous: str | None = None, **changes: str) -> Copy:
        """A published Secret with the current value and the previous one; returns it as a copy of the plan."""
        told = {"generation": CURRENT, "previous-generation": EARLIER, **changes}
        annotations = {f"token-rotation/{key.replace('_', '-')}": text for key, text in told.items()}
        earlier = self.earlier if previous is None else previous
        data = {"token": self.value if value is None else value, **({"token-previous": earlier} if earlier else {})}
        metadata = client.V1ObjectMeta(name=name, annotations=annotations)
        self.core.create_namespaced_secret(self.namespace, client.V1Secret(metadata=metadata, string_data=data))
        return Copy.model_validate({"kubernetesSecret": {"namespace": self.namespace, "name": name}})

    def plan(self, url: str, *copies: Copy, **changes: Any) -> None:
        """The plan that the stack wrote."""
        planned = PlannedToken(kind="authentik", backend="authentik", url=url, copies=copies)
        given = {"receipts_namespace": self.namespace, "receipts_name": RECEIPTS, "tokens": {"admin": planned}}
        plan = ValidationPlan.model_validate({**given, **changes})
        self._config_map(f"{RECEIPTS}-validation", {PLAN_KEY: plan.model_dump_json(by_alias=True)})

    def validate(self, plan_file: Path | None = None, settle: timedelta = timedelta()) -> tuple[ExitCode, list[Any]]:
        """One validation under the ServiceAccount's own rights: its exit code and its log lines."""
        log = open_log("run-1", lambda: self.now)
        place = f"{self.namespace}/{RECEIPTS}"
        code = Validation("run-1", log, self._clock, place, plan_file, settle, self._connect).run()
        return code, [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]

    def _clock(self) -> datetime:
        return self.now + timedelta(microseconds=1)  # the client writes an instant of whole seconds as Events refuse it

    def _connect(self) -> Cluster:
        return Cluster.connect(str(self.kubeconfig))

    def record(self) -> RunRecord:
        """What the last validation left behind."""
        found = self.core.read_namespaced_config_map(f"{RECEIPTS}-runs", self.namespace)
        return read_run_record(found.data[VALIDATE])

    def causes(self) -> str:
        """What the last validation found of the token, in one text."""
        return "\n".join(self.record().validated["admin"].causes)

    def versions(self) -> dict[str, str]:
        """The resourceVersion of every ConfigMap and Secret of the namespace."""
        found = [
            *self.core.list_namespaced_config_map(self.namespace).items,
            *self.core.list_namespaced_secret(self.namespace).items,
        ]
        return {item.metadata.name: item.metadata.resource_version for item in found}

    def events(self) -> list[Any]:
        """The Events of the namespace."""
        return list(client.EventsV1Api(self.api).list_namespaced_event(self.namespace).items)

    def config_map(self, name: str, data: Mapping[str, str]) -> None:
        self._config_map(name, data)

    def _config_map(self, name: str, data: Mapping[str, str]) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": dict(data)}
        apply = "application/apply-patch+yaml"
        self.core.patch_namespaced_config_map(
            name, self.namespace, body, field_manager="test", force=True, _content_type=apply
        )


def _rights() -> list[Rule]:
    """The least that the validation needs, in the namespace of the tests."""
    maps = [RECEIPTS, f"{RECEIPTS}-runs", f"{RECEIPTS}-validation"]
    return [
        Rule(["get"], ["configmaps"], names=maps),
        Rule(["patch"], ["configmaps"], names=[f"{RECEIPTS}-runs"]),
        Rule(["get"], ["secrets"], names=[*MINE, "settings"]),
        Rule(["create"], ["events"], groups=["events.k8s.io"]),
    ]


VARIABLES = (
    *("VALIDATION_ENABLED", "TOKEN_ROTATION_SETTINGS", "NOTIFICATION_WEBHOOK", "NOTIFICATION_ENABLED"),
    *("VAULT_ADDR", "VAULT_TOKEN", "TOKEN_ROTATION_VAULT_ROLE", "OP_CONNECT_HOST", "OP_CONNECT_TOKEN"),
)
"""What of a machine's own environment could change a validation."""
