"""All rules of a stack, as data, and the object that brings them to the Prometheus operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.monitoring import on_objects, on_runs, on_teams, on_tokens, records
from components.monitoring.alert import Alert, Record, group
from components.monitoring.facts import StackFacts
from components.monitoring.settings import MonitoringSettings

NAME = "token-rotation"


def rule_groups(settings: MonitoringSettings, facts: StackFacts) -> list[dict[str, Any]]:
    """The groups that a rule file holds under `groups`. Records come first: a group is evaluated in its order."""
    exporter, thresholds = exporter_labels(settings, facts), settings.thresholds
    vault = records.of_vault(facts, thresholds, exporter) if facts.of_kind("vault") else []
    tokens = [*records.of_tokens(facts, thresholds, exporter), *vault]
    rules: dict[str, list[Alert | Record]] = {
        f"{NAME}-tokens": [*tokens, *on_tokens.alerts(facts, thresholds, exporter)],
        f"{NAME}-runs": [*on_runs.alerts(facts, thresholds, exporter)],
    }
    if facts.teams:
        of_teams = records.of_teams(facts.teams, exporter)
        rules[f"{NAME}-teams"] = [*of_teams, *on_teams.alerts(facts, facts.teams, thresholds, exporter)]
    if settings.kube_state_metrics:
        rules[f"{NAME}-objects"] = [*records.of_jobs(facts), *on_objects.alerts(facts, thresholds)]
    return [group(name, some, settings.runbook_url) for name, some in rules.items()]


def exporter_labels(settings: MonitoringSettings, facts: StackFacts) -> Mapping[str, str]:
    """What tells this stack's exporter from others: as told, or the namespace that its ServiceMonitor adds."""
    return {"namespace": facts.namespace} if settings.selector is None else settings.selector


def prometheus_rule(settings: MonitoringSettings, facts: StackFacts) -> dict[str, Any]:
    """A PrometheusRule of the Prometheus operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": NAME, "namespace": settings.namespace, "labels": object_labels(settings)},
        "spec": {"groups": rule_groups(settings, facts)},
    }


def object_labels(settings: MonitoringSettings) -> dict[str, str]:
    """The labels of the field, and what a stack's config adds."""
    return {"app.kubernetes.io/name": NAME, "app.kubernetes.io/component": "monitoring", **settings.labels}
