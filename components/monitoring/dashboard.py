"""The dashboard as Grafana reads it, and the ConfigMap by which its sidecar finds it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components.monitoring.panel import CHOSEN, Panel
from components.monitoring.panels import panels
from components.monitoring.rule_groups import NAME, object_labels
from components.monitoring.settings import MonitoringSettings

UID = "token-rotation"
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_COLUMNS = 24
_DRAWN: dict[str, dict[str, Any]] = {
    "stat": {"colorMode": "background", "graphMode": "none", "reduceOptions": {"calcs": ["lastNotNull"]}},
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    "state-timeline": {"mergeValues": True, "showValue": "never", "rowHeight": 0.8},
    "table": {"showHeader": True},
}
"""What every panel of a kind is drawn with."""


def dashboard(exporter: Mapping[str, str]) -> dict[str, Any]:
    """The whole dashboard. `exporter`: the labels that tell this stack's exporter from others."""
    return {
        "uid": UID,
        "title": "Token rotation",
        "tags": [NAME],
        "timezone": "utc",
        "editable": False,
        "schemaVersion": 38,
        "refresh": "5m",
        "time": {"from": "now-90d", "to": "now"},
        "templating": {"list": [_source(), _tokens(exporter)]},
        "panels": list(_placed(panels(exporter))),
    }


def config_map(settings: MonitoringSettings, exporter: Mapping[str, str]) -> dict[str, Any]:
    """The ConfigMap that holds it; Grafana's sidecar looks for the label."""
    labels = {**object_labels(settings), "grafana_dashboard": "1"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{NAME}-dashboard", "namespace": settings.namespace, "labels": labels},
        "data": {f"{NAME}.json": json.dumps(dashboard(exporter), indent=1)},
    }


def _placed(some: Iterable[Panel]) -> Iterator[dict[str, Any]]:
    """From left to right; a panel that finds no room begins a row."""
    x = y = row = 0
    for number, panel in enumerate(some, start=1):
        if x + panel.width > _COLUMNS:
            x, y, row = 0, y + row, 0
        yield _panel(number, panel, {"x": x, "y": y, "w": panel.width, "h": panel.height})
        x, row = x + panel.width, max(row, panel.height)


def _panel(number: int, panel: Panel, place: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": _SOURCE,
        "gridPos": dict(place),
        "targets": [
            _target(chr(ord("A") + order), legend, query, panel)
            for order, (legend, query) in enumerate(panel.queries.items())
        ],
        "options": _DRAWN[panel.kind],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        **({"transformations": _one_row_for_each_token(list(panel.queries))} if panel.kind == "table" else {}),
    }


def _target(reference: str, legend: str, query: str, panel: Panel) -> dict[str, Any]:
    shape = {"format": "table"} if panel.kind == "table" else {}
    how = {"instant": True, "range": False} if panel.instant else {"instant": False, "range": True}
    return {"refId": reference, "datasource": _SOURCE, "expr": query, "legendFormat": legend, **how, **shape}


def _defaults(panel: Panel) -> dict[str, Any]:
    words = {str(number): {"text": text, "color": colour} for number, (text, colour) in panel.words.items()}
    return {
        "unit": panel.unit,
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": colour} for value, colour in panel.marks],
        },
        "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
        "mappings": [{"type": "value", "options": words}] if words else [],
        "custom": dict(panel.options),
    }


def _one_row_for_each_token(columns: Iterable[str]) -> list[dict[str, Any]]:
    named = {f"Value #{chr(ord('A') + order)}": name for order, name in enumerate(columns)}
    hidden = {"Time": True}
    return [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": hidden, "renameByName": named}},
    ]


def _source() -> dict[str, Any]:
    return {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _tokens(exporter: Mapping[str, str]) -> dict[str, Any]:
    inner = ",".join(f'{label}="{value}"' for label, value in exporter.items())
    asked = f"label_values(token_rotation_expires_timestamp_seconds{{{inner}}}, token)"
    return {
        "name": CHOSEN.removeprefix("$"),
        "label": "Token",
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": asked, "refId": "tokens"},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }
