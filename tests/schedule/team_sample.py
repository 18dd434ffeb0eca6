"""A stack with a schedule and an operator: a team that the stack declares, one that bootstraps itself, one revoked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from components.schedule.manifests import manifests
from components.schedule.needs import urls
from components.schedule.settings import Manifest
from components.schedule.team_needs import bootstrap_accounts
from components.settings import Settings
from tests.components.stack_config import read
from tests.schedule.sample import RECEIPTS, Sample

RECORDS = "operator-tokens"


@dataclass(frozen=True)
class TeamSample(Sample):
    """`system` holds the records; `a` is declared, `b` bootstraps itself, `c` is revoked."""

    @property
    def system(self) -> str:
        return f"{self.mark}-system"

    def team(self, letter: str) -> str:
        return f"{self.mark}-{letter}"

    @property
    def teams(self) -> tuple[str, ...]:
        return tuple(map(self.team, "abc"))

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (self.home, self.authentik, self.system, *self.teams)

    @cached_property
    def settings(self) -> Settings:
        """What `a` owns and what is to own it stand in its namespace; its admission token stands beside the records."""
        cluster = {"receipts": {"namespace": self.home, "name": RECEIPTS}}
        operator = {
            "owner": {"apiVersion": "v1", "kind": "ConfigMap", "name": "realm"},
            "namespaces": [self.team("b")],
            "revoked": [self.team("c")],
        }
        tokens = {
            "team-a": self._token("a", self.team("a"), "operational"),
            "team-b-admission": self._token("b", self.system, "admission"),
        }
        records = {"namespace": self.system, "name": RECORDS}
        return read(tokens, {"operator": {"records": records}}, cluster=cluster, operator=operator)

    def manifests(self) -> list[Manifest]:
        """With the accounts of the bootstrap jobs."""
        scheduled = manifests(self.schedule, self.places, self.rights(), urls(self.settings, self.schedule))
        return [*scheduled, *bootstrap_accounts(self.settings)]

    def _token(self, letter: str, namespace: str, type_: str) -> dict[str, Any]:
        place = {"kubernetesSecret": {"namespace": namespace, "name": f"{self.team(letter)}-{type_}"}}
        spec = {"namespace": self.team(letter), "type": type_}
        return {"backend": "operator", "spec": spec, "publish": [place]}
