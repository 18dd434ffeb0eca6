"""The panels of one kind each: a line for Coder and one for an operator's teams, empty where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from components.monitoring.alert import series, told_by
from components.monitoring.panel import BARS, CHOSEN, Panel

NEAREST = 10
"""So many of perhaps a thousand teams are drawn."""


def of_coder(exporter: Mapping[str, str]) -> Iterator[Panel]:
    """Its tokens, and what became of its templates."""
    expires = series("token_rotation_expires_timestamp_seconds", exporter, {"kind": "coder"}, token=CHOSEN)
    panel = partial(Panel, kind="timeseries", width=8, height=7)
    yield panel(
        "Coder: days until the end",
        queries={"{{token}}": f"(max by (token) ({expires}) - time()) / 86400"},
        unit="d",
        marks=((None, "red"), (7.0, "green")),
        description="Below 7 days on time it is rotated by the next run.",
    )
    yield panel(
        "Coder: template deployments in a day",
        queries={
            f"{{{{template}}}} {word}": f"round(sum by (template) (increase({_of_template(metric, exporter)}[1d])))"
            for word, metric in {"deployed": "deployments_total", "failed": "failures_total"}.items()
        },
        options=BARS,
    )
    yield panel(
        "Coder: template job seconds",
        queries={"{{template}}": f"max by (template) ({_of_template('job_seconds', exporter)})"},
        unit="s",
        description="How long the server took to build the last new version.",
    )


def of_teams(exporter: Mapping[str, str]) -> Iterator[Panel]:
    """How the namespaces stand, which end first, what was done for them, and who was refused."""
    status = told_by("token_rotation_operator_status", exporter)
    expires = told_by("keycloak_operator_token_expires_timestamp", exporter)
    panel = partial(Panel, kind="timeseries", width=6, height=7)
    yield panel(
        "Operator: namespaces by status",
        queries={"{{status}}": f"count by (status) (max by (namespace, status) ({status}))"},
        description="Authorized, Grace (the token before is accepted, too), Degraded, Revoked.",
    )
    yield panel(
        "Operator: days until the next ends",
        queries={"{{namespace}}": f"(bottomk({NEAREST}, max by (namespace) ({expires})) - time()) / 86400"},
        unit="d",
        marks=((None, "red"), (7.0, "green")),
        description=f"The {NEAREST} that end first.",
    )
    yield panel(
        "Operator: rotations and bootstraps in a day",
        queries={
            word: f"round(sum(increase({_of_team(metric)}[1d]) and on (job, instance) {_up(exporter)}))"
            for word, metric in {"rotated": "rotations", "bootstrapped": "bootstrap"}.items()
        },
        options=BARS,
    )
    yield panel(
        "Operator: refused in a day, by reason",
        queries={
            "{{reason}}": "round(sum by (reason) (increase(keycloak_operator_authorization_failures_total[1d])))",
        },
        options=BARS,
        description="Counted by the operator itself, where it serves what rotation.verify counts.",
    )


def _of_template(metric: str, exporter: Mapping[str, str]) -> str:
    return series(f"token_rotation_template_{metric}", exporter)


def _of_team(metric: str) -> str:
    return f"keycloak_operator_token_{metric}_total"


def _up(exporter: Mapping[str, str]) -> str:
    return series("token_rotation_receipts_up", exporter)
