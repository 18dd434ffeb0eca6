"""One panel as data: what it asks of Prometheus, and how Grafana shows the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CHOSEN = "$token"
"""Grafana's variable: the tokens that a person chose."""
BARS = {"drawStyle": "bars", "fillOpacity": 60}
"""Of a panel over time that shows what was done in each step."""
Words = Mapping[int, tuple[str, str]]


@dataclass(frozen=True)
class Panel:
    """One panel. `width` of 24, `height` in Grafana's rows.

    queries: legend to expression; a legend is a template of Grafana
    words:   what numbers mean, each with its colour
    marks:   from which value on which colour; the first has none
    instant: the newest value alone, as a number or as a table
    options: what only this kind of panel knows
    """

    title: str
    kind: str
    queries: Mapping[str, str]
    width: int
    height: int
    unit: str = "none"
    description: str = ""
    words: Words = field(default_factory=dict)
    marks: tuple[tuple[float | None, str], ...] = ((None, "green"),)
    instant: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
