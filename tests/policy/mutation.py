"""The mutation score of the policy core: how many small changes of its code the tests of the policy notice.

mutmut works in a copy of the tree's part that it needs, so that nothing of it is in the way of other tools. Decorated
functions and values outside of functions are not changed by it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".mutation"
CORE = (
    "checks",
    "holds",
    "renewals",
    "policy",
    "health",
    "windows",
    "margins",
    "forecast",
    "ledger",
    "durations",
    "model",
)
NEEDED = 90.0
"""Per cent of the mutants that the tests must notice."""

CONFIG = f"""
[tool.pytest.ini_options]
addopts = "-q -x -p no:cacheprovider"

[tool.mutmut]
source_paths = ["rotation"]
only_mutate = {[f"rotation/{name}.py" for name in CORE]}
pytest_add_cli_args_test_selection = ["tests/policy"]
use_git_change_detection = false
track_dependencies = false
timeout_multiplier = 4.0
timeout_constant = 2.0
"""
CONFTEST = """
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutation", max_examples=10, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("mutation")
"""
NOTICED = {"killed", "timeout", "caught by type check", "segfault"}


def main() -> int:
    """Change, test, and tell the score and what survived; 1 when the score is too low."""
    _prepare()
    mutmut = [str(Path(sys.executable).with_name("mutmut"))]
    subprocess.run([*mutmut, "run"], cwd=WORK, check=True)
    told = subprocess.run([*mutmut, "results", "--all", "true"], cwd=WORK, check=True, capture_output=True, text=True)
    results = dict(line.strip().rsplit(": ", 1) for line in told.stdout.splitlines() if ": " in line)
    survivors = [name for name, status in results.items() if status not in NOTICED]
    for name in survivors:
        print(f"\n{name} ({results[name]})")
        shown = subprocess.run([*mutmut, "show", name], cwd=WORK, check=True, capture_output=True, text=True)
        print("\n".join(line for line in shown.stdout.splitlines() if re.match(r"[+-](?![+-]{2})", line)))
    score = 100 * (len(results) - len(survivors)) / len(results)
    print(f"\nmutation score: {score:.1f} % ({len(results) - len(survivors)} of {len(results)} mutants were noticed)")
    return 0 if score >= NEEDED else 1


def _prepare() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    for part in ("rotation", "tests/policy", "tests/states"):
        shutil.copytree(ROOT / part, WORK / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests/__init__.py", WORK / "tests")
    (WORK / "pyproject.toml").write_text(CONFIG)
    (WORK / "tests/policy/conftest.py").write_text(CONFTEST)


if __name__ == "__main__":
    sys.exit(main())
