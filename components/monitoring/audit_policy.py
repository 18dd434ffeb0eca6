"""A Kyverno policy that reports Secrets of Vault tokens whose annotations are not as they should be. It blocks nothing.

Functions and messages: Kyverno's JMESPath page (`time_after`, `time_since`, `time_now_utc`) and its `validate` rules.
"""

from __future__ import annotations

from typing import Any

from components.monitoring.facts import Place, StackFacts
from components.monitoring.rule_groups import NAME, object_labels
from components.monitoring.settings import MonitoringSettings
from rotation.durations import format_duration

PREFIX = "token-rotation/"
REQUIRED = ("token-created", "token-expires", "token-accessor", "auto-renew", "auto-rotate", "lifecycle-manager")
"""The annotations of the seed, below our prefix."""
MANAGER = "token-rotation"


def cluster_policy(settings: MonitoringSettings, facts: StackFacts) -> dict[str, Any] | None:
    """The policy; None where the stack publishes no Vault token to a Secret."""
    places = [place for token in facts.of_kind("vault") for place in token.secrets]
    if not places:
        return None
    age = settings.thresholds.vault_age
    return {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {
            "name": f"{NAME}-audit",
            "labels": object_labels(settings),
            "annotations": {
                "policies.kyverno.io/title": "Vault tokens are looked after",
                "policies.kyverno.io/description": "Reports; the alerts of token-rotation tell people.",
            },
        },
        "spec": {
            "validationFailureAction": "Audit",
            "background": True,
            "rules": [
                _rule("annotations", places, {"pattern": {"metadata": {"annotations": _wanted()}}}, _UNTOLD),
                _rule(
                    "expiry", places, _denied(f"{{{{ time_after(time_now_utc(), {_told('token-expires')}) }}}}"), _ENDED
                ),
                _rule(
                    "age",
                    places,
                    _denied(
                        f"{{{{ time_since('', {_told('token-created')}, '') }}}}",
                        above=f"{int(age.total_seconds()) // 3600}h",
                        unless_paused=True,
                    ),
                    f"The token is older than {format_duration(age)} and rotates by itself; see its runbook.",
                ),
            ],
        },
    }


_UNTOLD = "The Secret of a Vault token tells when it was made, when it ends, its accessor, and who looks after it."
_ENDED = "The token in this Secret has expired."


def _wanted() -> dict[str, str]:
    """Kyverno's patterns: `?*` is any text but the empty one."""
    return {f"{PREFIX}{name}": "?*" for name in REQUIRED} | {f"{PREFIX}lifecycle-manager": MANAGER}


def _told(annotation: str) -> str:
    return f'request.object.metadata.annotations."{PREFIX}{annotation}"'


def _denied(found: str, *, above: str = "", unless_paused: bool = False) -> dict[str, Any]:
    fact: dict[str, Any] = {"key": found, "operator": "Equals", "value": True}
    if above:
        fact = {"key": found, "operator": "GreaterThan", "value": above}
    paused = {"key": f"{{{{ {_told('auto-rotate')} || 'true' }}}}", "operator": "NotEquals", "value": "false"}
    return {"deny": {"conditions": {"all": [fact, *([paused] if unless_paused else [])]}}}


def _rule(name: str, places: list[Place], judged: dict[str, Any], message: str) -> dict[str, Any]:
    """Only these Secrets; the two rules on instants pass over one that does not tell them."""
    resources = [
        {"resources": {"kinds": ["v1/Secret"], "namespaces": [namespace], "names": [secret]}}
        for namespace, secret in places
    ]
    rule: dict[str, Any] = {"name": name, "match": {"any": resources}, "validate": {"message": message, **judged}}
    if name != "annotations":
        needed = "token-expires" if name == "expiry" else "token-created"
        told = {"key": f"{{{{ {_told(needed)} || '' }}}}", "operator": "NotEquals", "value": ""}
        rule["preconditions"] = {"all": [told]}
    return rule
