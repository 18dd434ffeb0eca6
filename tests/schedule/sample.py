"""A stack with a schedule, whose namespaces are a test's own: its settings, and all manifests of its schedule."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from components.schedule.jobs import Places
from components.schedule.manifests import manifests
from components.schedule.needs import places, rights, urls
from components.schedule.rights import Right
from components.schedule.settings import Job, Manifest, ScheduleSettings
from components.settings import Settings
from tests.components.stack_config import AUTHENTIK, POLICY, read

SCHEDULE: dict[str, Any] = {
    "image": "registry.example.com/token-rotation:0.1.0",
    "stack": "homelab",
    "state": {"url": "file:///state", "claim": "token-rotation-state"},
    "passphrase": {"name": "token-rotation-passphrase", "key": "passphrase"},
    "credentials": {
        "AUTHENTIK_TOKEN": {"name": "token-rotation-credentials", "key": "authentik"},
        "VAULT_TOKEN": {"name": "token-rotation-credentials", "key": "vault"},
    },
}
VAULT = {"url": "https://vault.vault.svc:8200", "credential": {"env": "VAULT_TOKEN"}}
RECEIPTS = "token-receipts"


@dataclass(frozen=True)
class Sample:
    """`home` is the namespace of the jobs and receipts; `authentik` and `vault` those of publications."""

    changes: dict[str, Any] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: f"s{secrets.token_hex(3)}")

    @property
    def home(self) -> str:
        return f"{self.mark}-home"

    @property
    def authentik(self) -> str:
        return f"{self.mark}-authentik"

    @property
    def vault(self) -> str:
        return f"{self.mark}-vault"

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (self.home, self.authentik, self.vault)

    @cached_property
    def settings(self) -> Settings:
        """Two tokens; the second waits for evidence of a Deployment before it retires."""
        web = {"workload": {"kind": "Deployment", "namespace": self.vault, "name": "web"}}
        admin = {"backend": "authentik", "policy": POLICY, "publish": [_place(self.authentik, "authentik-admin")]}
        vault = {
            "backend": "vault",
            "spec": {"role": "homelab-admin"},
            "publish": [_place(self.vault, "vault-admin")],
            "evidence": {"mode": "warn", "sources": [web]},
        }
        cluster = {"receipts": {"namespace": self.home, "name": RECEIPTS}}
        tokens = {"authentik-admin": admin, "vault-admin": vault}
        return read(tokens, {"authentik": AUTHENTIK, "vault": VAULT}, cluster=cluster)

    @cached_property
    def schedule(self) -> ScheduleSettings:
        return ScheduleSettings.model_validate({**SCHEDULE, "namespace": self.home, **self.changes})

    @property
    def places(self) -> Places:
        return places(self.settings, self.authentik)

    def rights(self, also: Iterable[Right] = ()) -> dict[Job, list[Right]]:
        return rights(self.settings, self.schedule, self.places, also)

    def manifests(self) -> list[Manifest]:
        return manifests(self.schedule, self.places, self.rights(), urls(self.settings, self.schedule))

    def one(self, kind: str, name: str) -> Manifest:
        """The only manifest of this kind and name."""
        (found,) = (m for m in self.manifests() if m["kind"] == kind and m["metadata"]["name"] == name)
        return found


def _place(namespace: str, name: str) -> dict[str, Any]:
    return {"kubernetesSecret": {"namespace": namespace, "name": name}}


def namespace(name: str, labels: Mapping[str, str] | None = None) -> Manifest:
    """A namespace as plain data."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels or {})}}
