"""Every alert fires when it should, is silent when it should be, and is missed when it is taken away."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.alerts import promtool
from tests.alerts.case import Case
from tests.alerts.cases import cases
from tests.alerts.stack import DAY, GROUPS, alerts, alone, named, without
from tests.alerts.world import healthy

RULES = {named(rule): rule for rule in alerts()}


@cache
def _cases() -> tuple[Case, ...]:
    return tuple(cases())


def _of(rule: str, *, fires: bool) -> list[Case]:
    return [case for case in _cases() if case.rule == rule and bool(case.summary) is fires]


def test_each_rule_has_a_case_that_fires_it_and_one_that_does_not() -> None:
    """No rule is without both, and no case is of a rule that there is not."""
    assert {case.rule for case in _cases()} == set(RULES)
    assert [name for name in RULES if not _of(name, fires=True)] == []
    assert [name for name in RULES if not _of(name, fires=False)] == []


def test_nothing_fires_while_all_is_well(tmp_path: Path) -> None:
    """A healthy stack of each kind of token raises nothing at all, for days."""
    never = {"expr": 'count_over_time(ALERTS{alertstate="firing"}[3d])', "eval_time": "3d", "exp_samples": []}
    assert promtool.run(tmp_path, GROUPS, [promtool.given(healthy().series, 3 * DAY, promql_expr_test=[never])]) == ""


@pytest.mark.parametrize("name", RULES)
def test_an_alert_fires_when_it_should_and_only_then(name: str, tmp_path: Path) -> None:
    """Each world that should raises it, down to the text that people read, and each near miss does not."""
    rule = RULES[name]
    fires = [_asks_for_text(case, rule) for case in _of(name, fires=True)]
    silent = [_asks(case) for case in _of(name, fires=False)]
    assert promtool.run(tmp_path, alone(rule), [*fires, *silent]) == ""


@pytest.mark.parametrize("name", RULES)
def test_a_rule_that_is_taken_away_is_missed(name: str, tmp_path: Path) -> None:
    """No other rule does what it does: each of its firing cases fails without it."""
    firing = _of(name, fires=True)
    missed = promtool.run(tmp_path, without(RULES[name]), [_asks(case) for case in firing])
    assert missed.count("FAILED") == 1
    assert missed.count("expr:") == len(firing)


def test_where_nothing_tells_of_anything_all_that_watch_for_silence_fire(tmp_path: Path) -> None:
    """With no series at all, exactly the rules on absent series fire: an alert never ends because its source does."""
    absent = {
        name for name, rule in RULES.items() if rule["expr"].startswith("absent(") and " and " not in rule["expr"]
    }
    told = [
        {
            "expr": f"count({promtool.firing(rule)})",
            "eval_time": "51h",
            "exp_samples": [{"value": 1}] if name in absent else [],
        }
        for name, rule in RULES.items()
    ]
    assert len(absent) > 10
    assert (
        promtool.run(
            tmp_path,
            GROUPS,
            [promtool.given({"unrelated": f"0+0{promtool.FOREVER}"}, timedelta(hours=51), promql_expr_test=told)],
        )
        == ""
    )


def _asks(case: Case) -> dict[str, Any]:
    """Whether the rule fires in the case's world; how its alert reads is asked of the rule alone."""
    rule = RULES[case.rule]
    expected = [{"labels": promtool.firing(rule, case.labels), "value": 1}] if case.summary else []
    asked = {"expr": promtool.firing(rule), "eval_time": _seconds(case), "exp_samples": expected}
    return promtool.given(case.world.series, case.at, promql_expr_test=[asked])


def _asks_for_text(case: Case, rule: dict[str, Any]) -> dict[str, Any]:
    told = {
        "exp_labels": {**case.labels, **rule["labels"]},
        "exp_annotations": {**rule["annotations"], "summary": case.summary},
    }
    asked = {"eval_time": _seconds(case), "alertname": rule["alert"], "exp_alerts": [told]}
    return promtool.given(case.world.series, case.at, alert_rule_test=[asked])


def _seconds(case: Case) -> str:
    return f"{case.at.total_seconds():.0f}s"
