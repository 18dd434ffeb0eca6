"""The list of packages that the sandbox hands to Pulumi's Python host, held to pip's own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from sandbox.pulumi_cli import QUICK_PIP


def _pip(*arguments: str, quick: bool) -> str:
    environment = {**os.environ, **({"PYTHONPATH": str(QUICK_PIP)} if quick else {})}
    argv = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=True).stdout


def _listed(*, quick: bool) -> set[tuple[str, str, str]]:
    found = json.loads(_pip("list", "-v", "--format", "json", quick=quick))
    return {(re.sub(r"[-_.]+", "-", item["name"]).lower(), item["version"], item["location"]) for item in found}


def test_it_tells_what_pip_tells() -> None:
    """Every package with its version and place, and none besides."""
    assert _listed(quick=True) == _listed(quick=False)


def test_anything_else_is_pips() -> None:
    """Only the one question is answered here; the real pip does the rest."""
    assert _pip("--version", quick=True) == _pip("--version", quick=False)
