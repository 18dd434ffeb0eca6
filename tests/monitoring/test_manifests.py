"""What the settings ask for, and that a real API server with the operators' definitions takes it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, dynamic
from pydantic import ValidationError

from components.expiry_alerts import manifests
from components.monitoring.audit_policy import REQUIRED, cluster_policy
from components.monitoring.facts import StackFacts, TeamFacts
from components.monitoring.rule_groups import exporter_labels, prometheus_rule, rule_groups
from components.monitoring.settings import MonitoringSettings, Thresholds
from components.monitoring.stack_facts import stack_facts
from rotation.model import Policy
from sandbox.servers.kubernetes import KubernetesServer
from tests.alerts import promtool
from tests.alerts.stack import DAY, FACTS, HOUR
from tests.alerts.world import healthy
from tests.components.stack_config import ADMIN, AUTHENTIK, PLACE, read

ALL = MonitoringSettings(enabled=True, namespace="default", audit_policy=True)


def test_nothing_is_declared_unless_asked_for() -> None:
    """A cluster without the Prometheus operator is none the worse."""
    assert manifests(MonitoringSettings(), FACTS) == []


def test_each_part_can_be_left_out() -> None:
    """Rules alone; with the dashboard; with the policy."""
    kinds = [one["kind"] for one in manifests(ALL, FACTS)]
    assert kinds == ["PrometheusRule", "ConfigMap", "ClusterPolicy"]
    assert [one["kind"] for one in manifests(MonitoringSettings(enabled=True, dashboard=False), FACTS)] == kinds[:1]


@pytest.mark.parametrize("manifest", manifests(ALL, FACTS), ids=lambda one: one["kind"])
def test_the_api_server_takes_it(manifest: dict[str, Any], controlled_kubernetes_server: KubernetesServer) -> None:
    """Server-side dry run, with the definitions of the Prometheus operator and a minimal one of Kyverno's."""
    with controlled_kubernetes_server.admin_client() as api:
        resource = dynamic.DynamicClient(api).resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
        taken = resource.create(body=manifest, dry_run="All", query_params=[("fieldValidation", "Strict")])
    assert taken.metadata.name == manifest["metadata"]["name"]


def test_an_alert_without_a_rule_group_is_refused_by_the_api_server(
    controlled_kubernetes_server: KubernetesServer,
) -> None:
    """The definition is the real one: it refuses what is no PrometheusRule."""
    broken = {**prometheus_rule(ALL, FACTS), "spec": {"groups": [{"rules": []}]}}
    with controlled_kubernetes_server.admin_client() as api:
        resource = dynamic.DynamicClient(api).resources.get(api_version=broken["apiVersion"], kind=broken["kind"])
        with pytest.raises(client.ApiException) as refused:
            resource.create(body=broken, dry_run="All")
    assert refused.value.status == 422


def test_facts_follow_from_the_settings() -> None:
    """Kind, policy, places, pause and intervals; a token that is being given up raises no alert."""
    store = {"kind": "ClusterSecretStore", "name": "cluster"}
    synced = {"namespace": "apps", "name": "admin", "target": "admin-copy", "store": store}
    tokens = {
        "admin": {**ADMIN, "publish": [{**PLACE, "externalSecrets": [synced]}], "paused": True},
        "other": {**ADMIN, "publish": [{"kubernetesSecret": {"namespace": "authentik", "name": "other"}}]},
    }
    settings = read(tokens, {"authentik": AUTHENTIK}, run_interval="12h", decommission=["other"])
    facts = stack_facts(settings, MonitoringSettings(validation_interval=None), namespace="rotation")
    (admin,) = facts.tokens
    assert (admin.name, admin.kind, admin.paused) == ("admin", "authentik", True)
    assert admin.secrets == (("authentik", "authentik-admin-token"), ("apps", "admin-copy"))
    assert admin.external_secrets == (("apps", "admin"),)
    assert {name: job.interval for name, job in facts.jobs.items()} == {"rotate": 12 * HOUR, "retire": HOUR}


def test_what_teams_bootstrap_follows_from_the_settings() -> None:
    """The keeper's policy, and the namespaces that the stack keeps itself; an admission token keeps none of them."""
    spec = {"lifetime": "30d", "rotate_before": "12d", "overlap": "8d"}
    tokens = {
        "blue": {"backend": "operator", "spec": {"namespace": "blue"}, "publish": [_secret("blue")]},
        "green-door": {
            "backend": "operator",
            "spec": {"namespace": "green", "type": "admission"},
            "publish": [_secret("green")],
        },
    }
    settings = read(tokens, {"operator": {}}, operator={"policy": spec, "namespaces": ["green"]})
    facts = stack_facts(settings, MonitoringSettings(), namespace="rotation")
    assert facts.teams
    assert facts.teams.declared == ("blue",)
    assert facts.teams.policy.overlap == 8 * DAY
    declared = {"blue": tokens["blue"]}
    without_keeper = stack_facts(read(declared, {"operator": {}}), MonitoringSettings(), namespace="rotation")
    assert without_keeper.teams
    assert without_keeper.teams.policy.overlap == 7 * DAY
    assert stack_facts(read(), MonitoringSettings(), namespace="rotation").teams is None


def test_a_stack_without_an_operator_asks_nothing_of_its_records() -> None:
    """No rule waits for records, or for refusals, that there are not."""
    rules = _rules(StackFacts(**{**vars(FACTS), "teams": None, "templates": ()}))
    assert not [rule for rule in rules if "_operator_" in rule["expr"] or "template" in rule["expr"]]


def test_a_team_is_told_of_by_its_own_policy() -> None:
    """Told at 10 days where a life has 12; where it has 9 that were always true, and only the late are told of."""
    longer = Policy.model_validate({"lifetime": "12d", "rotate_before": "6d", "overlap": "2d"})
    shorter = longer.model_copy(update={"lifetime": 9 * DAY})
    told = {"warning": "< 4.91667", "critical": "< 2", "info": "< 10 >= 4.91667"}
    assert _of_bootstrapped(longer) == told
    assert _of_bootstrapped(shorter) == {name: told[name] for name in ("warning", "critical")}
    every = Policy.model_validate({"lifetime": "20d", "rotate_every": "5d", "overlap": "1d"})
    assert _of_bootstrapped(every)["warning"] == "< 10"


def test_thresholds_are_settings(tmp_path: Path) -> None:
    """A stack's own numbers are in its rules, and promtool takes them."""
    thresholds = Thresholds(
        vault_expiring=timedelta(days=5),
        authentik_expiring=(45 * DAY,),
        coder_expiring=(6 * DAY,),
        operator_expiring=(12 * DAY,),
        refused_in_an_hour=3,
        job_not_run=3 * DAY,
    )
    groups = rule_groups(MonitoringSettings(thresholds=thresholds), FACTS)
    told = {
        rule["labels"]["threshold"]
        for group in groups
        for rule in group["rules"]
        if "threshold" in rule.get("labels", {})
    }
    assert told == {"45d", "5d", "20d", "30d", "6d", "12d", "7d"}
    assert any("> 259200" in rule["expr"] for group in groups for rule in group["rules"])
    assert any("failures_total[1h])) > 3" in rule["expr"] for group in groups for rule in group["rules"])
    assert promtool.run(tmp_path, groups, []) == ""


def test_a_vault_token_with_a_longer_life_is_not_overdue_before_its_own_rotation() -> None:
    """Thirty days are the seed's; a token that rotates at ninety is overdue after ninety."""
    root = FACTS.tokens[1]
    longer = root.policy.model_copy(update={"rotate_every": 90 * DAY, "lifetime": 120 * DAY})
    facts = _with(root, policy=longer)
    (overdue,) = (rule for rule in _rules(facts) if rule.get("alert") == "VaultTokenRotationOverdue")
    assert overdue["labels"]["threshold"] == "90d"


def test_a_rotation_that_a_limit_holds_is_late_after_its_latest_start(tmp_path: Path) -> None:
    """With `rotation_limit`, a due rotation may wait until the end less overlap and tolerated outage, and no longer."""
    facts = StackFacts(**{**vars(FACTS), "rotation_limit": 1})
    due, latest = 1 * DAY, 20 * DAY
    world = healthy().of("admin", "rotates_timestamp_seconds", due.total_seconds())
    world = world.of("admin", "expires_timestamp_seconds", (latest + 33 * DAY).total_seconds())
    late = 'token_rotation:late_timestamp_seconds{token="admin"}'
    name = 'token_rotation:late_timestamp_seconds{token="admin", backend="authentik", kind="authentik"}'
    expected = {"labels": name, "value": (latest + DAY + 2 * HOUR).total_seconds()}
    asked = {"expr": late, "eval_time": "1h", "exp_samples": [expected]}
    test = promtool.given(world.series, HOUR, promql_expr_test=[asked])
    assert promtool.run(tmp_path, rule_groups(MonitoringSettings(), facts), [test]) == ""


def test_a_paused_token_is_not_called_late() -> None:
    """A person said so; its end is still told."""
    rules = _rules(_with(FACTS.tokens[0], paused=True))
    overdue = [rule["expr"] for rule in rules if rule.get("alert") == "TokenRotationOverdue"]
    assert all("admin" not in expr for expr in overdue)
    assert any(rule.get("alert") == "AuthentikTokenExpiring" and "admin" in rule["expr"] for rule in rules)


def test_a_stack_outside_the_cluster_asks_nothing_of_kube_state_metrics() -> None:
    """Where CI runs the stack, no rule waits for CronJobs that there are not."""
    groups = rule_groups(MonitoringSettings(kube_state_metrics=False), FACTS)
    assert not [rule for group in groups for rule in group["rules"] if "kube_" in rule["expr"]]


def test_the_exporter_is_told_by_its_namespace_or_as_the_config_says() -> None:
    """Two stacks in one Prometheus do not hide each other's silence."""
    assert exporter_labels(MonitoringSettings(), FACTS) == {"namespace": "token-rotation"}
    assert exporter_labels(MonitoringSettings(selector={"job": "mine"}), FACTS) == {"job": "mine"}


def test_the_audit_policy_reports_and_blocks_nothing() -> None:
    """It looks at the Secrets of Vault tokens alone, and asks for every annotation of the seed."""
    policy = cluster_policy(ALL, FACTS)
    assert policy
    assert policy["spec"]["validationFailureAction"] == "Audit"
    looked_at = [rule["match"]["any"] for rule in policy["spec"]["rules"]]
    assert all(
        one == [{"resources": {"kinds": ["v1/Secret"], "namespaces": ["vault"], "names": ["root-token"]}}]
        for one in looked_at
    )
    pattern = policy["spec"]["rules"][0]["validate"]["pattern"]["metadata"]["annotations"]
    assert set(pattern) == {f"token-rotation/{name}" for name in REQUIRED}
    assert cluster_policy(ALL, StackFacts(**{**vars(FACTS), "tokens": FACTS.tokens[:1]})) is None


@pytest.mark.parametrize("told", [{"runbook_url": "https://example.com/runbook.md#here"}, {"threshold": {}}])
def test_a_bad_setting_is_refused(told: dict[str, Any]) -> None:
    """A link with a section, and a key that there is not."""
    with pytest.raises(ValidationError):
        MonitoringSettings.model_validate(told)


def _with(token: Any, **changes: Any) -> StackFacts:
    changed = type(token)(**{**vars(token), **changes})
    return StackFacts(**{**vars(FACTS), "tokens": tuple(changed if one is token else one for one in FACTS.tokens)})


def _rules(facts: StackFacts) -> list[dict[str, Any]]:
    return [rule for group in rule_groups(MonitoringSettings(), facts) for rule in group["rules"]]


def _of_bootstrapped(policy: Policy) -> dict[str, str]:
    """With what the days that are left are compared, by severity."""
    rules = _rules(StackFacts(**{**vars(FACTS), "teams": TeamFacts(policy)}))
    mine = [rule for rule in rules if rule.get("labels", {}).get("kept_by") == "admission"]
    return {rule["labels"]["severity"]: rule["expr"].partition(" ")[2] for rule in mine}


def _secret(namespace: str) -> dict[str, Any]:
    return {"kubernetesSecret": {"namespace": namespace, "name": f"{namespace}-operator-token"}}
