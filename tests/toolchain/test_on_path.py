"""What the user has already is used when the table accepts it, and named when it does not."""

import sys
from dataclasses import replace

import pytest

from tests.toolchain.machines import Broken, Machine, Written, write_script
from toolchain.errors import SetUpError, ToolMissingError, UnobtainableError
from toolchain.model import Accepted


@pytest.mark.parametrize(
    ("version", "admitted"),
    [("3.259.0", True), ("3.300.1", True), ("3.258.9", False), ("4.0.0", False), ("", False)],
)
def test_the_range_holds_its_first_version_and_not_its_limit(version: str, admitted: bool) -> None:
    """`at_least` is in, `below` is out, and what tells no version is out."""
    assert Accepted("3.259.0", 4).admits(version) is admitted


def test_an_accepted_tool_is_used_where_it_is(machine: Machine) -> None:
    """A tool on PATH at an accepted version is used, nothing is built, and PATH needs no further directory."""
    way = Written()
    machine.tool(way)
    mine = write_script(machine.path / "spade", "echo Spade Version: v1.4.2")
    machine.set_up()
    assert machine.toolbox.locate("spade") == mine
    assert way.taken == 0
    assert machine.toolbox.bin_directories() == []


@pytest.mark.parametrize("said", ["v1.3.9", "2.0.0"])
def test_a_tool_of_the_wrong_version_is_refused(machine: Machine, said: str) -> None:
    """A tool on PATH that is too old or too new is not used; set-up takes the next way."""
    machine.tool(Written())
    write_script(machine.path / "spade", f"echo {said}")
    machine.set_up()
    assert machine.toolbox.locate("spade").is_relative_to(machine.cache.root)


def test_a_refusal_is_explained(machine: Machine) -> None:
    """When no other way works either, both errors name the version found, the accepted ones and the remedy."""
    machine.tool(Broken(UnobtainableError("no network")))
    write_script(machine.path / "spade", "echo 1.3.9")
    with pytest.raises(SetUpError, match=r"(?s)is version 1\.3\.9; accepted is >=1\.4\.0, <2.*put spade >=1\.4\.0"):
        machine.set_up()
    with pytest.raises(ToolMissingError, match=r"1\.3\.9.*make setup"):
        machine.toolbox.locate("spade")


def test_a_tool_that_tells_no_version_is_refused(machine: Machine) -> None:
    """A program that prints no version is not trusted."""
    machine.tool(Written())
    write_script(machine.path / "spade", "exit 1")
    with pytest.raises(ToolMissingError, match="does not tell its version"):
        machine.toolbox.locate("spade")


def test_a_cli_without_its_language_host_is_refused(machine: Machine) -> None:
    """Programs that belong together are taken from one place or not at all."""
    machine.tool(Written(), programs=("spade", "spade-host"))
    write_script(machine.path / "spade", "echo 1.5.0")
    with pytest.raises(ToolMissingError, match="has no spade-host beside it"):
        machine.toolbox.locate("spade")
    write_script(machine.path / "spade-host", "")
    assert machine.toolbox.locate("spade-host") == machine.path / "spade-host"


def test_a_tool_is_asked_its_version_once(machine: Machine) -> None:
    """The answer is remembered until the file changes, then asked for again."""
    machine.tool(Written())
    write_script(machine.path / "spade", f"echo asked >> {machine.root}/asked; echo 1.5.0")
    for _ in range(3):
        machine.toolbox.locate("spade")
    assert (machine.root / "asked").read_text() == "asked\n"
    write_script(machine.path / "spade", "echo 1.3.0, of another size")
    with pytest.raises(ToolMissingError, match=r"1\.3\.0"):
        machine.toolbox.locate("spade")


def test_our_own_directories_are_no_tools_of_the_user(machine: Machine) -> None:
    """With the cache and the Python environment on PATH, neither is taken for something that the user installed."""
    tool = machine.tool(Written())
    machine.set_up()
    cached = machine.toolbox.locate("spade").parent
    toolbox = replace(machine.toolbox, environ={"PATH": f"{cached}:{sys.prefix}/bin"})
    assert toolbox.candidate(tool) is None
    assert toolbox.candidate(replace(tool, programs=("python",))) is None
