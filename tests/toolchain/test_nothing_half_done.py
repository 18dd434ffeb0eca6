"""Whatever ends a set-up early, the cache holds a tool whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toolchain.machines import Broken, Machine, Written, write_script
from toolchain.errors import SetUpError, ToolMissingError, UnobtainableError
from toolchain.model import Job
from toolchain.programs import run
from toolchain.progress import Progress


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(143), UnobtainableError("no")], ids=repr)
def test_an_attempt_that_ends_early_leaves_nothing(machine: Machine, end: BaseException) -> None:
    """After an interrupt, a termination or a failure `locate` finds nothing, and no scrap is left in the cache."""
    machine.tool(Broken(end))
    with pytest.raises((type(end), SetUpError)):
        machine.set_up()
    with pytest.raises(ToolMissingError, match="make setup"):
        machine.toolbox.locate("spade")
    assert list((machine.cache.root / ".partial").iterdir()) == []


def test_a_set_up_killed_outright_leaves_nothing_that_counts(machine: Machine) -> None:
    """After `kill -9` in the middle of a build `locate` finds nothing; the next set-up works and clears up."""
    script = """
import os, sys
from pathlib import Path
from tests.toolchain.machines import Broken, Machine
machine = Machine(Path(sys.argv[1]))
class Killed(Broken):
    def obtain(self, job):
        (job.bin / "spade").write_text("half")
        (job.bin / "spade").chmod(0o755)
        os.kill(os.getpid(), 9)
machine.tool(Killed(SystemExit()))
machine.set_up()
"""
    killed = subprocess.run(
        [sys.executable, "-c", script, str(machine.root)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    way = Written()
    machine.tool(way)
    with pytest.raises(ToolMissingError):
        machine.toolbox.locate("spade")
    assert any((machine.cache.root / ".partial").iterdir())
    machine.set_up()
    assert way.taken == 1
    assert list((machine.cache.root / ".partial").iterdir()) == []


def test_a_tool_without_one_of_its_programs_is_not_published(machine: Machine) -> None:
    """A way that brings the CLI without its language host counts as failed, and the missing program is named."""

    class Half(Written):
        def obtain(self, job: Job) -> None:
            write_script(job.bin / job.programs[0], "echo only me")

    machine.tool(Half(), programs=("spade", "spade-host"))
    with pytest.raises(SetUpError, match="lacks spade-host"):
        machine.set_up()


def test_a_program_that_lost_its_end_is_made_anew(machine: Machine) -> None:
    """A cached program whose size is not the recorded one is not accepted; set-up replaces it."""
    way = Written()
    machine.tool(way)
    machine.set_up()
    program = machine.toolbox.locate("spade")
    program.write_text("#!")
    with pytest.raises(ToolMissingError):
        machine.toolbox.locate("spade")
    machine.set_up()
    assert way.taken == 2
    assert machine.toolbox.locate("spade").read_text() != "#!"


def test_tools_finished_before_a_failure_are_kept(machine: Machine) -> None:
    """When the second tool fails the first stays, so that the next set-up does not build it again."""
    first = Written()
    machine.tool(first, programs=("rake",))
    machine.tool(Broken(UnobtainableError("no")))
    for _ in range(2):
        with pytest.raises(SetUpError, match="spade"):
            machine.set_up()
    assert first.taken == 1


def test_children_end_with_the_set_up(tmp_path: Path) -> None:
    """A program that takes too long is ended with every process that it started."""
    note = tmp_path / "pid"
    progress = Progress(line_seconds=0.01, clock=lambda: 1000.0 * note.exists())
    with pytest.raises(UnobtainableError, match="no answer within 1m40s"):
        run(
            ["sh", "-c", f"sleep 600 & echo $! > {note}.new; mv {note}.new {note}; exec sleep 5"],
            cwd=tmp_path,
            environ=os.environ,
            log=tmp_path / "log",
            progress=progress,
            doing=lambda: "waiting",
            limit_seconds=100,
        )
    assert not _alive(int(note.read_text()))


def _alive(pid: int) -> bool:
    """Whether the process still runs; one that is dead and only not yet collected does not."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()[:1] not in {"", "Z"}
