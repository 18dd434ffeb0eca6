from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.clock import move, offset_clock, read_offset

ROOT = Path(__file__).resolve().parents[2]
SWAP = ROOT / "sandbox" / "clock_swap"
BASE = datetime(2026, 1, 1, tzinfo=UTC)

# As pulumi's provider process does: started elsewhere, the project's root joins sys.path later.
READ_CLOCK = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from rotation import clock
print(clock.system_clock().isoformat())
"""


def _run(code: str, cwd: Path, *before: Path, **env: str) -> str:
    path = os.pathsep.join(str(folder) for folder in (*before, SWAP))
    clean = {name: value for name, value in os.environ.items() if name != "SANDBOX_CLOCK_FILE"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**clean, "PYTHONPATH": path, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_a_clock_moves_with_its_file(tmp_path: Path) -> None:
    """Moves add up, and a clock that exists already follows them."""
    file = tmp_path / "deep" / "clock"
    clock = offset_clock(file, lambda: BASE)
    assert clock() == BASE
    assert move(file, 3600) == 3600
    assert move(file, -60.5) == 3539.5
    assert clock() == BASE + timedelta(seconds=3539.5)
    assert os.listdir(file.parent) == ["clock"]


def test_a_file_without_a_number_is_an_error(tmp_path: Path) -> None:
    """A broken clock file is told, not taken for 0."""
    file = tmp_path / "clock"
    file.write_text("tomorrow")
    with pytest.raises(ValueError, match="holds no number"):
        read_offset(file)


def test_the_swap_moves_the_projects_clock(tmp_path: Path) -> None:
    """A process under the launcher's environment reads the moved clock, from wherever it is started."""
    file = tmp_path / "clock"
    move(file, 400 * 86_400)
    told = datetime.fromisoformat(_run(READ_CLOCK, tmp_path, SANDBOX_CLOCK_FILE=str(file)))
    assert told > datetime.now(UTC) + timedelta(days=399)


def test_without_the_variable_nothing_is_swapped(tmp_path: Path) -> None:
    """The folder on the path alone changes nothing."""
    told = datetime.fromisoformat(_run(READ_CLOCK, tmp_path))
    assert abs(told - datetime.now(UTC)) < timedelta(hours=1)


def test_foreign_processes_are_left_alone(tmp_path: Path) -> None:
    """A process that has no `rotation`, or another one, starts as ever, even with a broken clock file."""
    file = tmp_path / "clock"
    file.write_text("broken")
    code = "import sys; print('rotation' in sys.modules, '_sandbox_clock' in sys.modules)"
    assert _run(code, tmp_path, SANDBOX_CLOCK_FILE=str(file)) == "False False"


@pytest.mark.parametrize("variable", [{}, {"SANDBOX_CLOCK_FILE": "/nowhere"}])
def test_a_hidden_sitecustomize_still_runs(tmp_path: Path, variable: dict[str, str]) -> None:
    """What another sitecustomize does at start-up is done, once."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.seen = [*getattr(sys, 'seen', []), 1]\n")
    path = os.pathsep.join([str(SWAP), str(tmp_path)])
    assert _run("import sys; print(sys.seen)", tmp_path, PYTHONPATH=path, **variable) == "[1]"
