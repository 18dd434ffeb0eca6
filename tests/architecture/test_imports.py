"""Imports point one way, and judgement reads no world."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import PRODUCTION, ROOT, Source, sources

OPERATIONS = {
    *("operations/__main__.py", "operations/accept.py", "operations/exporter.py", "operations/operator_commands.py"),
    "operations/validate.py",
}
"""Each begins a process of its own."""
CORE = (
    *(
        "checks",
        "clock",
        "durations",
        "errors",
        "events",
        "evidence",
        "forecast",
        "health",
        "holds",
        "ledger",
        "lifecycle",
    ),
    *("margins", "model", "policy", "preferences", "reasons", "receipt", "renewals", "run_record", "turns"),
    *("bootstrap", "bootstrap_note", "validation_plan", "windows"),
)
WORLDLY = {"os", "socket", "time", "subprocess", "pathlib", "tempfile", "logging", "threading", "asyncio", "urllib"}
WORLDLY |= {"http", "httpx", "requests", "stamina", "random", "pulumi", "kubernetes", "sys", "io"}
READS = {"now", "utcnow", "today", "time", "monotonic", "getenv", "open", "read_text", "print", "input", "system_clock"}


def test_imports_point_one_way() -> None:
    """Every contract in `.importlinter` is kept; its output says which import breaks one."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Contracts: 13 kept, 0 broken" in ended.stdout


@pytest.mark.parametrize("name", CORE)
def test_the_core_reads_no_world(name: str) -> None:
    """A core module imports nothing that reaches a clock, an environment, a file or a socket, and calls no such."""
    (source,) = (source for source in sources("rotation") if source.name == f"rotation/{name}.py")
    assert not {module.split(".")[0] for module in source.imported()} & WORLDLY
    calls = _called(source)
    if name == "clock":
        assert calls & READS == {"now"}, "the one place that knows the wall clock"
        return
    assert not calls & READS


def test_the_core_is_all_of_rotation_but_backends_and_testing() -> None:
    """A new module of rotation is core until it stands elsewhere, so it cannot be forgotten here."""
    here = {source.path.stem for source in sources("rotation") if source.path.parent == ROOT / "rotation"}
    assert here - {"__init__"} == set(CORE)


def test_only_entry_points_read_the_wall_clock() -> None:
    """`system_clock` is named where a process begins, and nowhere else; nobody reads the time past it."""
    named = {source.name for source in _production() if "system_clock" in _names(source)}
    assert named == {"rotation/clock.py", "dynamic_providers/composition.py", *OPERATIONS}
    past_it = re.compile(r"\b(datetime\.(now|utcnow|today)|date\.today|time\.time)\(")
    assert {source.name for source in _production() if past_it.search(source.text)} == {"rotation/clock.py"}


def test_randomness_comes_from_the_system() -> None:
    """Production draws nothing from `random`: ids and values must not be foretold."""
    assert not [source.name for source in _production() if "random" in source.imported()]


def test_a_fake_knows_two_records_and_a_clock() -> None:
    """The sandbox imports of ours only the clock, Request and Response, and the toolchain."""
    allowed = ("rotation.clock", "rotation.backends.transport", "sandbox", "toolchain")
    for source in sources("sandbox"):
        ours = {
            name for name in source.imported() if name.split(".")[0] in ("rotation", "dynamic_providers", "components")
        }
        strange = {name for name in ours if name != "rotation" and not name.startswith(allowed)}
        assert not strange, source.name


def test_the_program_only_joins_settings_and_components() -> None:
    """`__main__` imports components, errors, clock and pulumi, holds no function and no loop, and fits on a screen."""
    program = sources()[0]
    roots = {".".join(name.split(".")[:2]) for name in program.imported()}
    assert {name for name in roots if name.startswith("rotation")} <= {"rotation.clock", "rotation.errors"}
    assert not [root for root in roots if root.startswith(("dynamic_providers", "operations", "sandbox", "toolchain"))]
    assert len(program.text.splitlines()) < 60
    assert not [node for node in ast.walk(program.tree) if isinstance(node, ast.FunctionDef | ast.For | ast.While)]


def _called(source: Source) -> set[str]:
    """The last names of all that is called."""
    called = [node.func for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    names = {node.attr for node in called if isinstance(node, ast.Attribute)}
    return names | {node.id for node in called if isinstance(node, ast.Name)}


def _names(source: Source) -> set[str]:
    """All names and attributes that the code mentions or defines."""
    names = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
    return names | {function.name for function in source.functions()}


def _production() -> list[Source]:
    return [source for source in sources(*PRODUCTION) if not source.name.startswith("rotation/testing/")]
