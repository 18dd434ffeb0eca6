"""Alerts, recording rules, the dashboard and the audit policy as objects of the cluster."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.monitoring.audit_policy import cluster_policy
from components.monitoring.dashboard import config_map
from components.monitoring.facts import StackFacts
from components.monitoring.rule_groups import exporter_labels, prometheus_rule
from components.monitoring.settings import MonitoringSettings

_FORCE = {"pulumi.com/patchForce": "true"}
"""These objects are ours alone: what a person changed in one is written back."""


class ExpiryAlerts(pulumi.ComponentResource):
    """Declares what the settings ask for; nothing where monitoring is not enabled.

    manifests: what was declared, as data
    """

    TYPE = "token-rotation:index:ExpiryAlerts"

    def __init__(self, settings: MonitoringSettings, facts: StackFacts, cluster: kubernetes.Provider) -> None:
        super().__init__(self.TYPE, "monitoring", None, pulumi.ResourceOptions())
        opts = pulumi.ResourceOptions(parent=self, provider=cluster)
        self.manifests = manifests(settings, facts)
        self.objects: list[pulumi.Resource] = [_declared(manifest, opts) for manifest in self.manifests]
        self.register_outputs({})


def manifests(settings: MonitoringSettings, facts: StackFacts) -> list[dict[str, Any]]:
    """Every object that the settings ask for."""
    if not settings.enabled:
        return []
    dashboards = [config_map(settings, exporter_labels(settings, facts))] if settings.dashboard else []
    policy = cluster_policy(settings, facts) if settings.audit_policy else None
    return [prometheus_rule(settings, facts), *dashboards, *([policy] if policy else [])]


def _declared(manifest: dict[str, Any], opts: pulumi.ResourceOptions) -> pulumi.Resource:
    told = manifest["metadata"]
    metadata: Any = {**told, "annotations": {**told.get("annotations", {}), **_FORCE}}
    name = f"monitoring-{manifest['kind'].lower()}"
    if manifest["kind"] == "ConfigMap":
        return kubernetes.core.v1.ConfigMap(name, metadata=metadata, data=manifest["data"], opts=opts)
    return kubernetes.apiextensions.CustomResource(
        name,
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        metadata=metadata,
        spec=manifest["spec"],
        opts=opts,
    )
