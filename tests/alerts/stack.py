"""The stack whose rules the cases try: a token of each kind, all jobs, and every place where consumers look.

`team` is of a kind that has no alerts of its own, as the backend of somebody who adds one. `green` is a namespace of
the operator that no config knows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from components.default_policies import CODER_OWNER_POLICY, DEFAULT_POLICIES
from components.monitoring.facts import StackFacts, TeamFacts, TokenFacts, scheduled_jobs
from components.monitoring.rule_groups import rule_groups
from components.monitoring.settings import MonitoringSettings
from rotation.model import Policy

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
AUTHENTIK = DEFAULT_POLICIES["authentik"]
VAULT = DEFAULT_POLICIES["vault"]
CODER = DEFAULT_POLICIES["coder"]
OPERATOR = DEFAULT_POLICIES["operator"]
OTHER = Policy.model_validate({"lifetime": "90d", "rotate_before": "10d", "overlap": "7d", "warn_before": ["20d"]})
FACTS = StackFacts(
    namespace="token-rotation",
    tokens=(
        TokenFacts("admin", "authentik", AUTHENTIK, (("authentik", "admin-token"),), (("apps", "admin"),)),
        TokenFacts("root", "vault", VAULT, (("vault", "root-token"),)),
        TokenFacts("team", "other", OTHER, (("team", "team-token"),), (("team", "synced"),)),
        TokenFacts("coder", "coder", CODER),
        TokenFacts("owner", "coder", CODER_OWNER_POLICY),
        TokenFacts("blue", "operator", OPERATOR, (("blue", "blue-operator-token"),)),
    ),
    run_interval=DAY,
    jobs=scheduled_jobs(rotate=DAY, retire=HOUR, validate=6 * HOUR),
    config_secret=("authentik", "authentik-token-rotation-config"),
    teams=TeamFacts(OPERATOR, declared=("blue",)),
    templates=("workspace",),
)
BOOTSTRAPPED = ("green",)
SETTINGS = MonitoringSettings(runbook_url="https://docs.example.com/runbook.md")
GROUPS = rule_groups(SETTINGS, FACTS)
KINDS = {token.name: token.kind for token in FACTS.tokens}


def alerts(groups: list[dict[str, Any]] = GROUPS) -> list[dict[str, Any]]:
    """Every rule that alerts, in the order of the groups."""
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def named(rule: dict[str, Any]) -> str:
    """A name that no other rule bears: the alert and what tells its rules apart."""
    return " ".join([rule["alert"], *rule["labels"].values()])


def without(removed: dict[str, Any], groups: list[dict[str, Any]] = GROUPS) -> list[dict[str, Any]]:
    """The groups less one rule."""
    return [{**group, "rules": [rule for rule in group["rules"] if rule is not removed]} for group in groups]


def alone(kept: dict[str, Any], groups: list[dict[str, Any]] = GROUPS) -> list[dict[str, Any]]:
    """The groups with what is recorded, and one alert."""
    return [
        {**group, "rules": [rule for rule in group["rules"] if rule is kept or "record" in rule]} for group in groups
    ]
