"""More than a year of runs, as production decides them, through every rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.alerts import promtool
from tests.alerts.stack import BOOTSTRAPPED, DAY, FACTS, GROUPS, HOUR
from tests.alerts.world import EPOCH, HERE, healthy
from tests.monitoring.series import Sample, for_promtool, of_job, samples
from tests.monitoring.year import Runs, Years, always

STEP = 4 * HOUR
LENGTH = 380 * DAY
"""Long enough for the rotation of the token that lives a year, and the end of its overlap."""
FIRING = 'ALERTS{alertstate="firing"'
STOPS = EPOCH + 175 * DAY + 12 * HOUR
"""Ten hours after a rotation of the Vault token, in the middle of its overlap."""
_NOTHING: list[dict[str, Any]] = []


def test_a_year_of_healthy_runs_alerts_nobody(tmp_path: Path) -> None:
    """Every token is rotated as its policy says, and no alert above `info` ever fires; thresholds do inform."""
    years = _years()
    series = _series(years)
    assert {line.token.name: line.rotations for line in (*years.lines, *years.teams)} == {
        "admin": 1,
        "root": 15,
        "team": 4,
        "coder": 16,
        "owner": 94,
        "blue": 4,
        "green": 4,
    }
    asked = [
        _asks(f'count_over_time({FIRING},severity!="info"}}[{LENGTH.days}d])', _NOTHING),
        _asks(
            f"count by (alertname, threshold) (count_over_time({FIRING}}}[{LENGTH.days}d]))",
            [
                _told("AuthentikTokenExpiring", threshold="60d"),
                _told("TokenExpiring", threshold="20d"),
            ],
        ),
    ]
    assert _run(tmp_path, series, asked) == ""


def test_a_rotator_that_stops_is_told_of_in_time(tmp_path: Path) -> None:
    """The same year, but no job runs from day 175 on: who watches is told at once, and of each token in its turn."""
    series = _series(_years(lambda _job, now: now < STOPS))
    rotated = 175 * DAY + 2 * HOUR
    due, ends = rotated + 25 * DAY, rotated + 32 * DAY
    asked = [
        *_told_first("TokenRotatorSilent", rotated + 14 * HOUR, run_job="retire"),
        *_told_first("TokenRetirementOverdue", rotated + DAY + 3 * HOUR),
        *_told_first("AuthentikTokenRotationJobNotRun", rotated + 2 * DAY),
        *_told_first("TokenRotatorSilent", rotated + 50 * HOUR, run_job="rotate"),
        *_told_first("TokenRotationOverdue", due + 26 * HOUR, token="root"),
        *_told_first("VaultTokenExpiringSoon", ends - 3 * DAY, severity="critical"),
        *_told_first("VaultTokenRotationOverdue", rotated + 30 * DAY),
        *_told_first("TokenExpired", ends, token="root"),
        *_told_first("AuthentikTokenExpiring", 332 * DAY + 28 * HOUR, severity="warning"),
        *_told_first("CoderTokenExpiringSoon", 176 * DAY + 2 * HOUR + 26 * HOUR, severity="warning", threshold="7d"),
        *_told_first("OperatorTokenExpiringSoon", 240 * DAY + 28 * HOUR, severity="warning", kept_by=""),
        *_told_first("OperatorTokenExpiringSoon", 243 * DAY + 2 * HOUR, severity="critical", kept_by=""),
        *_told_first("OperatorTokenExpiringSoon", 240 * DAY + 2 * HOUR, severity="info", kept_by="admission"),
        *_told_first("OperatorTokenExpiringSoon", 240 * DAY + 28 * HOUR, severity="warning", kept_by="admission"),
        *_told_first("OperatorTokenExpiringSoon", 243 * DAY + 2 * HOUR, severity="critical", kept_by="admission"),
    ]
    assert _run(tmp_path, series, asked) == ""


def _years(runs: Runs = always) -> Years:
    return Years(FACTS, EPOCH, runs, bootstrapped=dict.fromkeys(BOOTSTRAPPED, timedelta(0)))


def _told_first(alert: str, at: timedelta, **labels: str) -> list[dict[str, Any]]:
    """It was silent until six hours before, and fires six hours later."""
    matched = "".join(f',{label}="{value}"' for label, value in labels.items())
    ever = f'sum(count_over_time({FIRING},alertname="{alert}"{matched}}}[400d])) > bool 0'
    before, after = at - 6 * HOUR, at + 6 * HOUR
    return [
        {"expr": ever, "eval_time": _hours(before), "exp_samples": _NOTHING},
        {"expr": ever, "eval_time": _hours(after), "exp_samples": [{"value": 1}]},
    ]


def _hours(at: timedelta) -> str:
    return f"{at // STEP * 4}h"


def _series(years: Years) -> dict[str, str]:
    """From midnight on, which is where promtool's clock begins, too; the objects of the cluster stand all the time."""
    objects = {
        name: values
        for name, values in healthy().series.items()
        if name.startswith(("kube_secret_info", "externalsecret_status_condition"))
    }
    return {**objects, **for_promtool(_instants(years))}


def _instants(years: Years) -> Iterator[Iterable[Sample]]:
    for now, facts in years.until(LENGTH, STEP):
        jobs = [of_job(HERE, FACTS.jobs[name].cronjob, record) for name, record in facts.runs.items()]
        yield [*samples(facts, now, namespace=HERE), *(sample for job in jobs for sample in job)]


def _asks(expr: str, expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {"expr": expr, "eval_time": f"{LENGTH.days - 1}d", "exp_samples": expected}


def _told(alert: str, **labels: str) -> dict[str, Any]:
    return {"labels": promtool.selector("", {"alertname": alert, **labels}), "value": 1}


def _run(folder: Path, series: dict[str, str], asked: list[dict[str, Any]]) -> str:
    step = int(STEP.total_seconds())
    return promtool.run(folder, GROUPS, [promtool.given(series, LENGTH, step=step, promql_expr_test=asked)], step=step)
