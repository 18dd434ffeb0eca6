"""What a person reads: the table of tools and the command line."""

import re
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.toolchain.machines import NOON, Broken, Machine, Written, write_script
from toolchain import bin_directories, locate, real_plugin
from toolchain.__main__ import app
from toolchain.errors import ToolMissingError, UnobtainableError
from toolchain.report import outcome_line, status_table
from toolchain.table import TOOLS


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real table on a machine that has nothing."""
    monkeypatch.setenv("TOKEN_ROTATION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))


def _rendered(machine: Machine) -> str:
    console = Console(width=400, record=True, file=machine.said)
    console.print(status_table(machine.toolbox, NOON))
    return console.export_text()


def test_the_table_tells_where_each_tool_came_from(machine: Machine) -> None:
    """One row each: found on PATH, built, missing with its remedy, and replaced by a stand-in with the cause."""
    machine.tool(Written())
    machine.tool(Written(), programs=("rake",))
    machine.tool(Broken(UnobtainableError("no network")), programs=("hose",), required=False, stand_in="a can")
    write_script(machine.path / "rake", "echo 1.4.7")
    machine.set_up()
    machine.tool(Written(), programs=("barrow",), by_default=False)
    table = _rendered(machine)
    assert re.search(r"spade +1\.5\.0 +>=1\.4\.0, <2 +built", table)
    assert re.search(r"rake +1\.4\.7 +>=1\.4\.0, <2 +PATH", table)
    assert re.search(r"hose .*stand-in: a can +not built: no network", table)
    assert re.search(r"barrow .*missing \(not needed by default\) +python -m toolchain install --only barrow", table)


def test_the_outcome_of_a_set_up_is_one_line_each(machine: Machine) -> None:
    """A fresh tool says how it came, a cached one that it was there, a missing one what stands in and why."""
    machine.tool(Written())
    machine.tool(Broken(UnobtainableError("no network")), programs=("hose",), required=False, stand_in="a can")
    assert [outcome_line(outcome) for outcome in machine.set_up()] == [
        "spade 1.5.0: built",
        "hose 1.5.0: not to be had, so a can stands in (not built: no network)",
    ]
    assert outcome_line(machine.set_up()[0]) == "spade 1.5.0: cached (built)"


@pytest.mark.usefixtures("bare")
def test_every_tool_of_the_table_is_shown() -> None:
    """`status` works on a machine that has nothing, and names every tool."""
    shown = CliRunner().invoke(app, ["status"])
    assert shown.exit_code == 0
    assert [name for name in TOOLS if name not in shown.stdout] == []


@pytest.mark.usefixtures("bare")
def test_env_is_a_line_for_the_shell() -> None:
    """`env` prints one export line that keeps the PATH there was."""
    shown = CliRunner().invoke(app, ["env"])
    assert re.fullmatch(r'export PATH=.*"\$PATH"\n', shown.stdout)


@pytest.mark.usefixtures("bare")
def test_an_unknown_tool_is_refused_with_the_known_ones() -> None:
    """A slip in `--only` names the tools there are."""
    shown = CliRunner().invoke(app, ["install", "--only", "kubernetes"])
    assert shown.exit_code == 2
    assert "kube-apiserver" in shown.output


@pytest.mark.usefixtures("bare")
def test_the_sandbox_is_told_the_remedy() -> None:
    """`locate` names the tool and `make setup`; without a real plugin the answer is None; no directory is invented."""
    with pytest.raises(ToolMissingError, match=r"pulumi 3.* is not set up on this machine; run `make setup`"):
        locate("pulumi-language-python")
    assert real_plugin("kubernetes") is None
    assert bin_directories() == []
