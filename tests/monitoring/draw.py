"""Draws docs/dashboard.png: `python -m tests.monitoring.draw`.

The homelab's thirteen months go into a real Prometheus as the exporter would have told them; the dashboard's own
queries are put to it, and matplotlib draws the answers. Nobody draws what was not asked for.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib import dates, patches, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.monitoring.panel import CHOSEN, Panel
from components.monitoring.panels import panels
from sandbox.servers import prometheus
from sandbox.servers.prometheus import PrometheusServer, Series
from tests.monitoring.homelab import LENGTH, history, open_metrics
from tests.monitoring.homelab_kinds import BEGINS

PICTURE = Path(__file__).parents[2] / "docs" / "dashboard.png"
STEP = timedelta(hours=6)
COLOURS = {"green": "#4f9d69", "blue": "#4a7fb5", "yellow": "#e0b13c", "orange": "#dd8452", "red": "#c44e52"}
LINES = ("#4a7fb5", "#dd8452", "#4f9d69", "#8172b3", "#937860")
UNITS = {"d": "days", "s": "seconds"}
Corner = Literal["lower right", "upper left"]
DRAWN = {
    "Days until the end": (0, slice(0, 12)),
    "Status": (1, slice(0, 6)),
    "Runs": (1, slice(6, 12)),
    "Overlaps: days until a superseded generation ends": (2, slice(0, 12)),
    "Rotations and renewals in a day": (3, slice(0, 6)),
    "Failures in a day, by act": (3, slice(6, 12)),
    "Coder: days until the end": (4, slice(0, 4)),
    "Coder: template deployments in a day": (4, slice(4, 8)),
    "Coder: template job seconds": (4, slice(8, 12)),
    "Operator: namespaces by status": (5, slice(0, 6)),
    "Operator: days until the next ends": (5, slice(6, 12)),
    "Operator: rotations and bootstraps in a day": (6, slice(0, 6)),
    "Operator: refused in a day, by reason": (6, slice(6, 12)),
}
"""The panels of the picture, by row and columns of 12."""


def main() -> int:
    """Draw it."""
    with tempfile.TemporaryDirectory() as folder, remembering(Path(folder)) as server:
        figure = picture(server)
    figure.savefig(PICTURE, dpi=110)
    sys.stdout.write(f"{PICTURE}\n")
    return 0


@contextmanager
def remembering(folder: Path) -> Iterator[PrometheusServer]:
    """A Prometheus that knows the homelab's months."""
    told = folder / "history.txt"
    told.write_text("\n".join(open_metrics(history(STEP))) + "\n")
    with prometheus.running(folder / "prometheus", targets={}, history=told) as server:
        yield server


def picture(server: PrometheusServer) -> Figure:
    """The panels over time, each with the answers to its queries."""
    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure = Figure(figsize=(14, 21), layout="constrained")
    grid = figure.add_gridspec(7, 12, height_ratios=[1.25, 0.8, 0.9, 0.8, 0.8, 0.8, 0.8])
    found = {panel.title: panel for panel in panels({})}
    for title, (row, columns) in DRAWN.items():
        _draw(figure.add_subplot(grid[row, columns]), found[title], server)
    figure.suptitle("Token rotation: thirteen months of a homelab", fontsize=14, x=0.01, ha="left")
    return figure


def answers(server: PrometheusServer, panel: Panel) -> Iterator[tuple[str, Series]]:
    """Each series of a panel by its legend, as Grafana would write it."""
    begin, end = BEGINS + timedelta(days=1), BEGINS + LENGTH - STEP
    for legend, query in panel.queries.items():
        for series in server.query_range(query.replace(CHOSEN, ".*"), begin, end, STEP):
            yield _legend(legend, series), series


def _legend(template: str, series: Series) -> str:
    for label, value in series.labels.items():
        template = template.replace(f"{{{{{label}}}}}", value)
    return template


def _draw(axes: Axes, panel: Panel, server: PrometheusServer) -> None:
    found = list(answers(server, panel))
    axes.set_title(panel.title, loc="left", fontsize=10, fontweight="bold")
    if panel.kind == "state-timeline":
        _states(axes, panel, found)
    elif panel.options.get("drawStyle") == "bars":
        _bars(axes, found)
    else:
        _lines(axes, panel, found)
    axes.set_xlim(_number(BEGINS), _number(BEGINS + LENGTH))
    months = 2 if len(range(*DRAWN[panel.title][1].indices(12))) > 4 else 4
    axes.xaxis.set_major_locator(dates.MonthLocator(interval=months))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(dates.DateFormatter("%b %Y"))  # type: ignore[no-untyped-call]


def _lines(axes: Axes, panel: Panel, found: Sequence[tuple[str, Series]]) -> None:
    """One colour for each token, or for each legend of other series; a gap in a series is a gap in its line."""
    tokens = list(dict.fromkeys(series.labels.get("token", legend) for legend, series in found))
    for legend, series in found:
        colour = LINES[tokens.index(series.labels.get("token", legend))]
        for part in _parts(series.samples):
            instants, values = zip(*part, strict=True)
            axes.plot([_number(_at(one)) for one in instants], values, color=colour, linewidth=1.6)
    for bound, colour in _bounds(panel):
        axes.axhline(bound, color=COLOURS[colour], linewidth=0.8, linestyle="--")
        axes.annotate(f"{bound:g} d", (1, bound), xycoords=("axes fraction", "data"), fontsize=8, va="center")
    axes.axhline(0, color="black", linewidth=0.6)
    _legend_of(axes, {token: LINES[order] for order, token in enumerate(tokens)})
    axes.set_ylabel(UNITS.get(panel.unit, ""))
    if panel.unit not in UNITS:
        axes.yaxis.set_major_locator(ticker.MaxNLocator(integer=True))


def _bounds(panel: Panel) -> list[tuple[float, str]]:
    """Each mark above zero, in the colour of what lies below it."""
    pairs = zip(panel.marks, panel.marks[1:], strict=False)
    return [(bound, below) for (_, below), (bound, _) in pairs if bound]


def _parts(samples: Sequence[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    part: list[tuple[float, float]] = []
    for sample in samples:
        if part and sample[0] - part[-1][0] > STEP.total_seconds():
            yield part
            part = []
        part.append(sample)
    if part:
        yield part


def _states(axes: Axes, panel: Panel, found: Sequence[tuple[str, Series]]) -> None:
    """A bar for each series, in the colours of the words that its numbers stand for."""
    seen: dict[str, str] = {}
    for row, (_, series) in enumerate(found):
        for instant, value in series.samples:
            word, colour = panel.words[int(value)]
            seen[word] = COLOURS[colour]
            axes.broken_barh(
                [(_number(_at(instant)), STEP / timedelta(days=1))], (row - 0.38, 0.76), color=COLOURS[colour], lw=0
            )
    axes.set_yticks(range(len(found)), [legend for legend, _ in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    order = [word for word, _ in panel.words.values() if word in seen]
    _legend_of(axes, {word: seen[word] for word in order})


def _bars(axes: Axes, found: Sequence[tuple[str, Series]]) -> None:
    """One value for each day: that of midnight, which looks back on it."""
    told = [(legend, [(_at(at), value) for at, value in series.samples]) for legend, series in found]
    told = [(legend, [(at, value) for at, value in days if at.hour == 0 and value > 0]) for legend, days in told]
    told = [(legend, days) for legend, days in told if days]
    for order, (legend, days) in enumerate(told):
        instants, values = zip(*days, strict=True)
        axes.bar([_number(at) for at in instants], values, width=2.5, color=LINES[order], label=legend)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    axes.set_ylim(0, axes.get_ylim()[1] * (1.35 if len(told) <= 3 else 1.6))
    _legend_of(axes, {legend: LINES[order] for order, (legend, _) in enumerate(told)}, at=("upper left", (0, 1)))


def _legend_of(
    axes: Axes, colours: dict[str, str], *, at: tuple[Corner, tuple[float, float]] = ("lower right", (1, 1))
) -> None:
    """Above the panel, unless its title needs the room."""
    handles: list[Any] = [patches.Patch(color=colour, label=name) for name, colour in colours.items()]
    columns = 4 if at[0] == "lower right" else 3
    drawn = axes.legend(handles=handles, loc=at[0], bbox_to_anchor=at[1], ncols=columns, frameon=False, fontsize=8)
    drawn.set_in_layout(False)


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _number(at: datetime) -> float:
    return float(dates.date2num(at))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    sys.exit(main())
