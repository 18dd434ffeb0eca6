"""Runs `promtool test rules` on rule groups and cases that are data."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from toolchain import locate

STEP = 15 * 60
"""Seconds between two samples and between two evaluations."""
FOREVER = "x1000000"
"""The end of a series that goes on, in promtool's form."""
Series = Mapping[str, str]
"""A series as promtool writes it, `metric{label="value"}`, to its values: `1+0x10`."""


def selector(metric: str, labels: Mapping[str, str]) -> str:
    """A series by its labels, in their order by name: `metric{a="1", b="2"}`."""
    inner = ", ".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{metric}{{{inner}}}"


def firing(rule: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> str:
    """The series of a rule's alerts that fire; with all their `labels` it is the name of one."""
    told = {"alertname": rule["alert"], "alertstate": "firing", **rule["labels"]}
    return selector("ALERTS", {**(labels or {}), **told})


def given(series: Series, at: timedelta, *, step: int = STEP, **expected: Any) -> dict[str, Any]:
    """One test: these series up to an instant, and what is expected of them in promtool's own form.

    A series that goes on for ever is written to the sample after `at`: loading the rest takes most of promtool's time.
    """
    samples = int(at.total_seconds()) // step + 2
    told = [{"series": name, "values": values.replace(FOREVER, f"x{samples}")} for name, values in series.items()]
    return {"interval": f"{step}s", "input_series": told, **expected}


def run(folder: Path, groups: Iterable[Any], tests: Iterable[Any], *, step: int = STEP) -> str:
    """What promtool finds wrong; empty when every test holds. Raises ToolMissingError without promtool."""
    rules, cases = folder / "rules.yaml", folder / "tests.yaml"
    rules.write_text(yaml.dump({"groups": list(groups)}, Dumper=_Dumper, sort_keys=False))
    asked = {"rule_files": [rules.name], "evaluation_interval": f"{step}s", "tests": list(tests)}
    cases.write_text(yaml.dump(asked, Dumper=_Dumper, sort_keys=False))
    argv: list[str | Path] = [locate("promtool"), "test", "rules", cases.name]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 0:
        return ""
    return done.stderr + done.stdout or f"promtool ended with {done.returncode}"


class _Dumper(yaml.CSafeDumper):
    """Writes out what is used twice: promtool is not asked to know of anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        """Always."""
        return True
