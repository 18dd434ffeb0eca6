"""A machine that is set up is looked at quickly; set-ups take turns; a refused tool is not asked for each time."""

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.toolchain.machines import NOON, Broken, Machine, Written, write_script
from toolchain import refusals
from toolchain.errors import UnobtainableError
from toolchain.progress import Progress, spoken


def test_nothing_is_started_on_a_prepared_machine(machine: Machine, started: Callable[[], list[str]]) -> None:
    """With one tool cached, one on PATH and one refused lately, set-up and `locate` start no process at all."""
    machine.tool(Written())
    machine.tool(Written(), programs=("rake",))
    machine.tool(Broken(UnobtainableError("no network")), programs=("hose",), required=False, stand_in="a can")
    write_script(machine.path / "rake", "echo 1.5.0")
    machine.set_up()
    assert started() == ["subprocess.Popen"]  # the rake was asked its version
    outcomes = machine.set_up()
    machine.toolbox.locate("spade")
    machine.toolbox.bin_directories()
    assert started() == ["subprocess.Popen"]
    assert [outcome.fresh for outcome in outcomes] == [False, False, False]


def test_a_refusal_is_remembered_for_some_hours(machine: Machine) -> None:
    """A tool that we can do without is not asked for again until the memory is old or a person wants it."""
    way = Broken(UnobtainableError("no network"))
    machine.tool(way, required=False, stand_in="a can")
    (outcome,) = machine.set_up(NOON)
    assert outcome.place is None
    machine.set_up(NOON + refusals.REMEMBERED - timedelta(seconds=1))
    assert way.taken == 1
    machine.set_up(NOON + refusals.REMEMBERED)
    assert way.taken == 2
    machine.set_up(NOON + refusals.REMEMBERED, retry=True)
    assert way.taken == 3


def test_two_set_ups_do_not_build_at_once(machine: Machine) -> None:
    """The second one says that it waits, and then finds the tool made."""
    way = Written()
    tool = machine.tool(way)
    waiting = threading.Event()

    class Heard(io.StringIO):
        def write(self, text: str) -> int:
            if "another set-up is at work" in text:
                waiting.set()
            return super().write(text)

    machine.said = Heard()
    second = threading.Thread(target=machine.set_up)
    with machine.cache.lock(Progress(io.StringIO())):
        second.start()
        assert waiting.wait(30)
        with machine.cache.workspace() as workspace:
            write_script(workspace / "bin" / "spade", "echo first")
            machine.cache.publish("spade", "1.5.0", tool.programs, workspace=workspace, origin="built")
    second.join()
    assert way.taken == 0


def test_a_prepared_machine_waits_for_nobody(machine: Machine) -> None:
    """While another set-up builds, one that has all its tools already is done at once."""
    machine.tool(Written())
    machine.set_up()
    with machine.cache.lock(Progress(io.StringIO())):
        again = threading.Thread(target=machine.set_up, daemon=True)
        again.start()
        again.join(30)
        assert not again.is_alive()


@pytest.mark.parametrize(("terminal", "written"), [(False, [20.0, 40.0]), (True, [5.0, 14.9, 20.0, 30.0, 40.0])])
def test_a_long_build_shows_signs_of_life(terminal: bool, written: list[float]) -> None:
    """In a log a plain line when 15 seconds have passed since the last; on a terminal one line, rewritten each time."""

    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    stream, clock = Stream(), _Clock()
    progress = Progress(stream, clock)
    for clock.seconds in (5.0, 14.9, 20.0, 30.0, 40.0):
        progress.beat("building")
    said = [line for line in stream.getvalue().replace("\r\x1b[K", "\n").splitlines() if line]
    assert said == [f"[{spoken(seconds):>6}] building" for seconds in written]
    assert stream.getvalue().endswith("building" if terminal else "building\n")


@dataclass
class _Clock:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds
