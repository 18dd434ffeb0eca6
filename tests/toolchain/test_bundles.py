"""Definitions of an operator come from its repository or its Go module, and are taken only as they are pinned."""

import hashlib
import json
import os

import pytest

from tests.toolchain.machines import Machine, write_script
from tests.toolchain.places import Place
from toolchain.bundles import FromModule, FromRepository, Pinned
from toolchain.errors import SetUpError, ToolMissingError
from toolchain.model import Tool
from toolchain.table import TOOLS

_CONTENT = b"kind: CustomResourceDefinition\n"
_FILES = {"spade.yaml": Pinned("deploy/spade.yaml", hashlib.sha256(_CONTENT).hexdigest())}


def _with_go(machine: Machine, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """A `go` that has downloaded the module at the right version, and knows no other."""
    folder = machine.root / "module"
    (folder / "deploy").mkdir(parents=True)
    (folder / "deploy" / "spade.yaml").write_bytes(content)
    answer = json.dumps({"Dir": str(folder)})
    asked = 'test "$*" = "mod download -json example.com/spade@v1.5.0"'
    write_script(machine.path / "go", f"{asked} && echo '{answer}' || {{ echo no such module; exit 1; }}")
    monkeypatch.setenv("PATH", f"{machine.path}{os.pathsep}/bin")


def _bundle(machine: Machine, *ways: FromRepository | FromModule) -> None:
    machine.tools["spade"] = Tool("spade", "1.5.0", tuple(_FILES), ways, bundle=True)


def test_a_file_of_the_repository_is_taken_as_it_is_pinned(machine: Machine, place: Place) -> None:
    """It is fetched at the version of the table, and the bundle lists it under our name for it."""
    place.files["/v1.5.0/deploy/spade.yaml"] = _CONTENT
    _bundle(machine, FromRepository(f"{place.url}/v{{version}}", _FILES))
    machine.set_up()
    (file,) = machine.toolbox.bundle("spade")
    assert (file.name, file.read_bytes()) == ("spade.yaml", _CONTENT)


def test_a_changed_file_is_refused(machine: Machine, place: Place) -> None:
    """Another content under the same version is not used, and both digests are told."""
    place.files["/v1.5.0/deploy/spade.yaml"] = _CONTENT + b"# changed on the way\n"
    _bundle(machine, FromRepository(f"{place.url}/v{{version}}", _FILES))
    with pytest.raises(SetUpError, match=r"deploy/spade\.yaml: checksum is \w+, pinned is \w+; refused"):
        machine.set_up()


def test_an_unreachable_repository_gives_way_to_the_module(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file comes out of the Go module, at the same version."""
    _with_go(machine, monkeypatch, _CONTENT)
    _bundle(machine, FromRepository("http://127.0.0.1:9", _FILES), FromModule("example.com/spade", _FILES))
    (outcome,) = machine.set_up()
    assert outcome.place is not None
    assert outcome.place.origin == "taken from a Go module"
    assert machine.toolbox.bundle("spade")[0].read_bytes() == _CONTENT


def test_a_module_with_another_file_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pin holds for this way as well."""
    _with_go(machine, monkeypatch, b"something else\n")
    _bundle(machine, FromModule("example.com/spade", _FILES))
    with pytest.raises(SetUpError, match="refused"):
        machine.set_up()


def test_a_module_that_is_not_there_is_told_in_the_words_of_go(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error carries what Go said, wherever it said it."""
    _with_go(machine, monkeypatch, _CONTENT)
    _bundle(machine, FromModule("example.com/rake", _FILES))
    with pytest.raises(SetUpError, match="no such module"):
        machine.set_up()


def test_without_go_the_remedy_is_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither place can be used, the error says what to install."""
    monkeypatch.setenv("PATH", str(machine.path))
    _bundle(machine, FromModule("example.com/spade", _FILES))
    with pytest.raises(SetUpError, match=r"(?s)no go on PATH.*Remedy: install Go"):
        machine.set_up()


def test_a_bundle_is_no_place_for_programs(machine: Machine, place: Place) -> None:
    """Its folder is not put on PATH, and a tool is no bundle."""
    place.files["/v1.5.0/deploy/spade.yaml"] = _CONTENT
    _bundle(machine, FromRepository(f"{place.url}/v{{version}}", _FILES))
    machine.set_up()
    assert machine.toolbox.bin_directories() == []
    with pytest.raises(ToolMissingError, match="rake is no bundle of this project; known are"):
        machine.toolbox.bundle("rake")


def test_a_missing_bundle_is_told_with_the_remedy(machine: Machine) -> None:
    """Nobody finds out by an empty list."""
    _bundle(machine, FromModule("example.com/spade", _FILES))
    with pytest.raises(ToolMissingError, match="run `make setup`"):
        machine.toolbox.bundle("spade")


def test_every_bundle_can_come_from_both_places() -> None:
    """In the table each bundle has a repository and a module, which hold the same files."""
    bundles = [tool for tool in TOOLS.values() if tool.bundle]
    assert {tool.name for tool in bundles} == {"prometheus-operator-crds", "external-secrets-crds"}
    for tool in bundles:
        assert [type(way) for way in tool.ways] == [FromRepository, FromModule]
        assert {tuple(way.files) for way in tool.ways if isinstance(way, FromRepository | FromModule)} == {
            tool.programs
        }
