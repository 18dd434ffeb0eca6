"""Rules as data: one alert, one record, and how they are written for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from rotation.durations import format_duration

Severity = Literal["critical", "warning", "info"]
BY_TOKEN = "token, backend, kind"  # noqa: S105 - labels, not a value
"""The labels of a token's own series. Those of the scrape are dropped: a new pod of the exporter changes none."""


@dataclass(frozen=True)
class Alert:
    """One rule of an alert. An alert has several where it has several thresholds or causes, told apart by `labels`.

    hold:    how long it must be true before anyone is told
    summary: one line for people; a template of Prometheus
    section: the heading in the runbook; that of `name` unless another alert's section serves
    """

    name: str
    expr: str
    severity: Severity
    summary: str
    description: str
    hold: timedelta = timedelta(0)
    labels: Mapping[str, str] = field(default_factory=dict)
    section: str = ""

    def rule(self, runbook_url: str) -> dict[str, Any]:
        """As a rule group holds it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            **({"for": format_duration(self.hold)} if self.hold else {}),
            "labels": {"severity": self.severity, **self.labels},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{runbook_url}#{(self.section or self.name).lower()}",
            },
        }


@dataclass(frozen=True)
class Record:
    """A series that is computed from others."""

    name: str
    expr: str

    def rule(self, _runbook_url: str) -> dict[str, Any]:
        """As a rule group holds it."""
        return {"record": self.name, "expr": self.expr}


def group(name: str, rules: Iterable[Alert | Record], runbook_url: str) -> dict[str, Any]:
    """A rule group."""
    return {"name": name, "rules": [rule.rule(runbook_url) for rule in rules]}


def series(metric: str, *matchers: Mapping[str, str], unlike: Mapping[str, str] | None = None, **patterns: str) -> str:
    """A selector: `metric{label="value",token=~"a|b"}`.

    The matchers are equalities and the keywords patterns; `unlike` are patterns that must not match.
    """
    equal = [f'{label}="{value}"' for each in matchers for label, value in each.items()]
    alike = [f'{label}=~"{pattern}"' for label, pattern in patterns.items()]
    other = [f'{label}!~"{pattern}"' for label, pattern in (unlike or {}).items()]
    inner = ",".join([*equal, *alike, *other])
    return f"{metric}{{{inner}}}" if inner else metric


def told_by(selected: str, exporter: Mapping[str, str]) -> str:
    """What of a selector this stack's exporter tells, where `namespace` is a team's and cannot be the exporter's.

    All that one exporter tells has the `job` and the `instance` of its scrape.
    """
    return f"{selected} and on (job, instance) {series('token_rotation_receipts_up', exporter)}"


def in_days(length: timedelta) -> str:
    """A length as PromQL compares it with days: `3`, `0.5`."""
    return f"{length.total_seconds() / 86400:g}"


def in_seconds(length: timedelta) -> str:
    """A length as PromQL compares it with instants."""
    return f"{length.total_seconds():.0f}"
