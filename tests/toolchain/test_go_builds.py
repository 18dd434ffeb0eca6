"""Building from pinned Go modules: which Go, with which settings, and what a person reads when it fails."""

import re
from pathlib import Path

import pytest

from tests.toolchain.machines import Machine, write_script
from toolchain.errors import SetUpError
from toolchain.gomodule import MODULES, Build, GoModule
from toolchain.model import Tool
from toolchain.table import TOOLS

_VERSION = 'test "$1" = env && { echo go1.26.1; exit; }'
_OUTPUT = 'while test "$1" != -o; do shift; done; out=$2'


@pytest.fixture
def spade(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """A tool that needs Go 1.26.0, on a machine whose `go` the test writes."""
    monkeypatch.setenv("PATH", f"{machine.path}:/bin:/usr/bin")
    module = machine.root / "modules" / "spade"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module example.com/spade\n\ngo 1.26.0\n")
    build = Build("spade", "example.com/spade/cmd", "spade", variables={"a.b": "v1.5.0"})
    return machine.tool(GoModule((build,), modules=module.parent), on_path=False)


def test_a_missing_go_is_named_with_the_remedy(machine: Machine, spade: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Go the error names the tool, the Go that is needed, where it is to be had, and `make setup`."""
    monkeypatch.setenv("PATH", str(machine.path))
    with pytest.raises(SetUpError) as raised:
        machine.set_up()
    said = str(raised.value)
    assert "spade 1.5.0 is missing" in said
    assert "needs Go 1.26.0 or newer, and no go is on PATH" in said
    assert "Remedy: install Go 1.26.0 or newer" in said
    assert "run `make setup` again" in said


def test_a_go_that_is_too_old_is_named(machine: Machine, spade: Tool) -> None:
    """An old Go is refused before it downloads anything, with its version and the one that is needed."""
    write_script(machine.path / "go", "echo go1.19.8")
    with pytest.raises(SetUpError, match=r"needs Go 1\.26\.0 or newer; \S+/go is go1\.19\.8"):
        machine.set_up()


def test_a_build_obeys_the_pins_and_needs_no_compiler(machine: Machine, spade: Tool) -> None:
    """Go may not change go.mod, fetch another Go, use a C compiler or a workspace; variables are set at link time."""
    note = machine.root / "note"
    record = f'echo "$@" > {note}; echo $GOTOOLCHAIN $CGO_ENABLED $GOWORK >> {note}'
    write_script(machine.path / "go", f"{_VERSION}\n{record}\n{_OUTPUT}\necho built > $out; chmod +x $out")
    machine.set_up()
    arguments, settings = note.read_text().splitlines()
    assert "-mod=readonly" in arguments
    assert "-X a.b=v1.5.0" in arguments
    assert settings == "local 0 off"
    assert machine.toolbox.locate("spade").read_text() == "built\n"


def test_a_failed_build_shows_the_end_of_its_log(machine: Machine, spade: Tool) -> None:
    """The error carries the log's last lines and its path, and the log is still there to be read."""
    write_script(machine.path / "go", f"{_VERSION}\n{_OUTPUT}\necho half > $out; seq 100; echo no space left; exit 3")
    with pytest.raises(SetUpError) as raised:
        machine.set_up()
    log = machine.cache.log("spade", "1.5.0")
    assert f"go ended with 3; the end of its log {log}" in str(raised.value)
    assert "no space left" in str(raised.value)
    assert "    42\n" not in str(raised.value)
    assert log.read_text().endswith("no space left\n")


def _builds() -> list[tuple[Tool, Build]]:
    ways = [(tool, way) for tool in TOOLS.values() for way in tool.ways]
    return [(tool, build) for tool, way in ways if isinstance(way, GoModule) for build in way.builds]


@pytest.mark.parametrize(("tool", "build"), _builds(), ids=lambda value: getattr(value, "program", ""))
def test_every_module_is_pinned_by_version_and_content(tool: Tool, build: Build) -> None:
    """For each build go.mod requires the module at one version, and go.sum vouches for it; the tool's own fits."""
    folder = MODULES / build.module
    required = dict(re.findall(r"^(?:require )?\s*(\S+) (v\S+)", (folder / "go.mod").read_text(), re.MULTILINE))
    module = max((name for name in required if build.package.startswith(name)), key=len)
    assert f"{module} {required[module]} h1:" in (folder / "go.sum").read_text()
    if build.program == tool.name:
        assert required[module] == f"v{tool.version}"


def test_each_program_of_a_built_tool_is_made_by_a_build() -> None:
    """The builds of a tool and the files that they copy are exactly its programs."""
    made: dict[str, set[str]] = {}
    for tool, build in _builds():
        made.setdefault(tool.name, set()).update({build.program, *build.files})
    assert made == {name: set(TOOLS[name].programs) for name in made}


def test_modules_hold_no_path_of_a_machine() -> None:
    """Replacements point at published modules, never at a folder."""
    for go_mod in Path(MODULES).glob("*/go.mod"):
        assert not re.search(r"=> [./]", go_mod.read_text())
