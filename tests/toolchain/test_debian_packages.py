"""A program is taken out of the system's own package, which is neither installed nor trusted to be of any version."""

import pytest

from tests.toolchain.machines import Machine, write_script
from toolchain.debian import DebianPackage
from toolchain.errors import SetUpError
from toolchain.model import Accepted
from toolchain.report import outcome_line

_WAY = DebianPackage("spade", Accepted("1.4.0", 2), members={"spade": "usr/bin/spade"})


def _debian(machine: Machine, version: str, *, member: str = "usr/bin/spade") -> None:
    """A system whose archive offers the package at this version."""
    write_script(machine.path / "apt-get", 'test "$1" = download && echo package > "$2_any.deb"')
    unpack = f'/bin/mkdir -p "$3/usr/bin" && echo "#!/bin/sh" > "$3/{member}" && /bin/chmod +x "$3/{member}"'
    write_script(machine.path / "dpkg-deb", f'if test "$1" = -f; then echo "{version}"; else {unpack}; fi')


@pytest.fixture(autouse=True)
def _only_this_machine(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(machine.path))


def test_the_program_of_the_package_is_taken(machine: Machine) -> None:
    """It comes out of the package, and the version that is told is the package's, not the one that was hoped for."""
    _debian(machine, "1:1.6.2+ds-5+deb12u1")
    machine.tool(_WAY, on_path=False)
    (outcome,) = machine.set_up()
    assert machine.toolbox.locate("spade").read_text() == "#!/bin/sh\n"
    assert outcome_line(outcome) == "spade 1.6.2: taken from a Debian package"
    assert outcome_line(machine.set_up()[0]) == "spade 1.6.2: cached (taken from a Debian package)"


@pytest.mark.parametrize("version", ["1.3.9-1", "2.0.0-1", "nothing"])
def test_a_package_of_another_version_is_refused(machine: Machine, version: str) -> None:
    """What the table does not accept is not used, and the error names both."""
    _debian(machine, version)
    machine.tool(_WAY, on_path=False)
    with pytest.raises(SetUpError, match=r"spade_any\.deb is version .*; accepted is >=1\.4\.0, <2"):
        machine.set_up()


def test_empty_lists_are_told_with_the_remedy(machine: Machine) -> None:
    """Where apt knows no such package the error carries its words, and says how to fetch the lists."""
    _debian(machine, "1.5.0")
    write_script(machine.path / "apt-get", "echo E: Unable to locate package spade; exit 100")
    machine.tool(_WAY, on_path=False)
    with pytest.raises(SetUpError, match=r"(?s)Unable to locate package spade.*Remedy: .*sudo apt-get update"):
        machine.set_up()


def test_empty_lists_are_fetched_into_a_folder_of_our_own(machine: Machine) -> None:
    """A new machine has none: they are fetched without root, and the system's own stay as they are."""
    _debian(machine, "1.5.0")
    fails = 'download*) exit 100;; *"Dir::State::Lists="*update) ;;'
    takes = '*"Dir::State::Lists="*) echo package > spade_any.deb;;'
    write_script(machine.path / "apt-get", f'case "$*" in {fails} {takes} esac')
    machine.tool(_WAY, on_path=False)
    assert outcome_line(machine.set_up()[0]) == "spade 1.5.0: taken from a Debian package"


def test_a_package_without_the_program_is_refused(machine: Machine) -> None:
    """A package that is laid out in another way is named, with what it lacks."""
    _debian(machine, "1.5.0", member="usr/bin/rake")
    machine.tool(_WAY, on_path=False)
    with pytest.raises(SetUpError, match=r"spade_any\.deb holds no spade"):
        machine.set_up()


def test_another_system_is_not_asked(machine: Machine) -> None:
    """Without apt the way gives up at once, and says what is not there."""
    machine.tool(_WAY, on_path=False)
    with pytest.raises(SetUpError, match="this system has no apt-get and no dpkg-deb"):
        machine.set_up()
