"""The panels of the dashboard, as data: what each asks of Prometheus, and how Grafana shows the answer.

The queries ask for what the exporter tells, and for nothing that a rule records: the dashboard works without the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from components.monitoring.alert import series
from components.monitoring.kind_panels import of_coder, of_teams
from components.monitoring.panel import BARS, CHOSEN, Panel

ACTIVE, OVERLAP, PAUSED, FAILED = 1, 2, 3, 4
STATUS = {
    ACTIVE: ("active", "green"),
    OVERLAP: ("overlap", "blue"),
    PAUSED: ("paused", "yellow"),
    FAILED: ("failed", "red"),
}
"""The states of a token, by the numbers that the status panel's query gives: the graver, the greater."""
ENDINGS = {
    0: ("fine", "green"),
    1: ("failed", "orange"),
    2: ("refused", "orange"),
    3: ("person", "red"),
    4: ("locked", "blue"),
    5: ("bootstrap", "yellow"),
}
"""The exit codes of a run."""


def panels(exporter: Mapping[str, str]) -> Iterator[Panel]:
    """All of them, from left to right and from top to bottom. `exporter`: the labels of this stack's exporter."""
    yield from _at_a_glance(exporter)
    yield _timeline(exporter)
    yield _status(exporter)
    yield _plan(exporter)
    yield _overlaps(exporter)
    yield _rotations(exporter)
    yield _failures(exporter)
    yield from _runs(exporter)
    yield from of_coder(exporter)
    yield from of_teams(exporter)


def _of(metric: str, exporter: Mapping[str, str], **labels: str) -> str:
    """What the exporter tells of the chosen tokens."""
    return series(f"token_rotation_{metric}", exporter, labels, token=CHOSEN)


def _by_token(metric: str, exporter: Mapping[str, str]) -> str:
    return f"max by (token) ({_of(metric, exporter)})"


def _at_a_glance(exporter: Mapping[str, str]) -> Iterator[Panel]:
    expires = _of("expires_timestamp_seconds", exporter)
    code = series("token_rotation_run_exit_code", exporter)
    orphans = series("token_rotation_orphans", exporter)
    red_from_one = ((None, "green"), (1.0, "red"))
    stat = partial(Panel, kind="stat", width=4, height=4, instant=True)
    yield stat("Tokens", queries={"tokens": f"count({_by_token('expires_timestamp_seconds', exporter)})"})
    yield stat(
        "Next end",
        queries={"next end": f"min({expires}) * 1000"},
        unit="dateTimeFromNow",
        description="When the first of them ends, if nothing rotates it.",
    )
    yield stat(
        "Conditions",
        queries={"conditions": f"sum({_of('condition', exporter)}) or vector(0)"},
        marks=red_from_one,
        description="Reason codes that stand in receipts until they are gone.",
    )
    yield stat(
        "Not valid",
        queries={"tokens": f"sum(1 - min by (token) ({_of('valid', exporter)})) or vector(0)"},
        marks=red_from_one,
        description="Tokens of which the last validation found a copy that does not work.",
    )
    yield stat("Orphans", queries={"orphans": f"sum(max by (backend) ({orphans})) or vector(0)"}, marks=red_from_one)
    yield stat("Last runs", queries={"{{run_job}}": f"max by (run_job) ({code})"}, words=ENDINGS)


def _timeline(exporter: Mapping[str, str]) -> Panel:
    left = f"({_by_token('expires_timestamp_seconds', exporter)} - time()) / 86400"
    return Panel(
        "Days until the end",
        "timeseries",
        {"{{token}}": left},
        width=16,
        height=9,
        unit="d",
        description="Each step up is a rotation. A line that comes near zero is a token that nobody rotated.",
        marks=((None, "red"), (3.0, "orange"), (30.0, "green")),
    )


def _status(exporter: Mapping[str, str]) -> Panel:
    """The gravest comes first: `or` keeps what stands on its left."""
    valid = _of("valid", exporter)
    other = series("token_rotation_condition", exporter, unlike={"condition": "Paused"}, token=CHOSEN)
    failed = f"max by (token) ({other}) > 0"
    paused = f"max by (token) ({_of('condition', exporter, condition='Paused')})"
    overlap = f"max by (token) ({_of('retires_timestamp_seconds', exporter)})"
    active = _by_token("created_timestamp_seconds", exporter)
    query = (
        f"0 * (min by (token) ({valid}) == 0) + {FAILED} or 0 * ({failed}) + {FAILED}"
        f" or 0 * {paused} + {PAUSED} or 0 * {overlap} + {OVERLAP} or 0 * {active} + {ACTIVE}"
    )
    return Panel("Status", "state-timeline", {"{{token}}": query}, width=8, height=9, words=STATUS)


def _plan(exporter: Mapping[str, str]) -> Panel:
    instants = ("created", "published", "rotates", "expires")
    queries = {name: f"{_by_token(f'{name}_timestamp_seconds', exporter)} * 1000" for name in instants}
    retires = f"min by (token) ({_of('retires_timestamp_seconds', exporter)}) * 1000"
    return Panel(
        "Instants",
        "table",
        {**queries, "retires": retires},
        width=12,
        height=7,
        unit="dateTimeAsIso",
        description="`retires` is when the next superseded generation ends; empty outside an overlap.",
        instant=True,
    )


def _overlaps(exporter: Mapping[str, str]) -> Panel:
    retires = _of("retires_timestamp_seconds", exporter)
    return Panel(
        "Overlaps: days until a superseded generation ends",
        "timeseries",
        {"{{token}} {{generation}}": f"(max by (token, generation) ({retires}) - time()) / 86400"},
        width=12,
        height=7,
        unit="d",
        description="Below zero: it lives longer than it should.",
        marks=((None, "red"), (0.0, "green")),
    )


def _rotations(exporter: Mapping[str, str]) -> Panel:
    counts = {"rotated": "rotations_total", "renewed": "renewals_total"}
    queries = {
        f"{{{{token}}}} {act}": f"round(sum by (token) (increase({_of(metric, exporter)}[1d])))"
        for act, metric in counts.items()
    }
    return Panel("Rotations and renewals in a day", "timeseries", queries, width=12, height=7, options=BARS)


def _failures(exporter: Mapping[str, str]) -> Panel:
    acts = ("mint", "renewal", "publication", "revocation", "validation")
    queries = {act: f"round(sum(increase({_of(f'{act}_failures_total', exporter)}[1d])))" for act in acts}
    return Panel("Failures in a day, by act", "timeseries", queries, width=12, height=7, options=BARS)


def _runs(exporter: Mapping[str, str]) -> Iterator[Panel]:
    ended = series("token_rotation_run_ended_timestamp_seconds", exporter)
    code = series("token_rotation_run_exit_code", exporter)
    yield Panel(
        "Runs",
        "state-timeline",
        {"{{run_job}}": f"max by (run_job) ({code})"},
        width=12,
        height=6,
        words=ENDINGS,
        description="What the last run of each job ended with.",
    )
    yield Panel(
        "Since the last run",
        "timeseries",
        {"{{run_job}}": f"time() - max by (run_job) ({ended})"},
        width=12,
        height=6,
        unit="s",
    )
