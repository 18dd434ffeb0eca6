"""Downloads are checked against the published checksums, and give way quickly where there is no network."""

import hashlib
import io
import tarfile

import pytest

from tests.toolchain.machines import Machine, Written
from tests.toolchain.places import Place
from toolchain.download import Download
from toolchain.errors import SetUpError
from toolchain.platforms import machine as this_machine

_PROGRAM = b"#!/bin/sh\necho 1.5.0\n"


def _archive(member: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        entry = tarfile.TarInfo(member)
        entry.size = len(_PROGRAM)
        tar.addfile(entry, io.BytesIO(_PROGRAM))
    return made.getvalue()


def _download(url: str, *, archive: bool) -> Download:
    suffix = ".tar.gz" if archive else ""
    members = {"spade": "spade-{version}/bin/spade"} if archive else {}
    return Download(
        f"{url}/v{{version}}/spade-{{platform}}{suffix}", f"{url}/v{{version}}/SUMS", {this_machine(): "here"}, members
    )


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_archive_with_the_published_checksum_is_unpacked(machine: Machine, place: Place, algorithm: str) -> None:
    """The named member becomes the program, whichever of the two algorithms the place publishes."""
    body = _archive("spade-1.5.0/bin/spade")
    place.files["/v1.5.0/spade-here.tar.gz"] = body
    sums = f"{'0' * 64}  other.tar.gz\n{hashlib.new(algorithm, body).hexdigest()}  spade-here.tar.gz\n"
    place.files["/v1.5.0/SUMS"] = sums.encode()
    machine.tool(_download(place.url, archive=True))
    machine.set_up()
    assert machine.toolbox.locate("spade").read_bytes() == _PROGRAM


def test_a_single_program_with_a_lone_digest_is_taken(machine: Machine, place: Place) -> None:
    """A checksum file that is one digest and nothing else vouches for the one file."""
    place.files["/v1.5.0/spade-here"] = _PROGRAM
    place.files["/v1.5.0/SUMS"] = hashlib.sha256(_PROGRAM).hexdigest().encode()
    machine.tool(_download(place.url, archive=False))
    machine.set_up()
    assert machine.toolbox.locate("spade").read_bytes() == _PROGRAM


def test_a_wrong_checksum_is_refused(machine: Machine, place: Place) -> None:
    """A file that is not what was published is not used; the error says so, and the cache stays empty."""
    place.files["/v1.5.0/spade-here"] = _PROGRAM + b"changed on the way"
    place.files["/v1.5.0/SUMS"] = hashlib.sha256(_PROGRAM).hexdigest().encode()
    machine.tool(_download(place.url, archive=False))
    with pytest.raises(SetUpError, match=r"checksum is \w+, published is \w+; refused"):
        machine.set_up()
    assert machine.cache.find("spade", "1.5.0") is None


def test_a_file_that_no_checksum_vouches_for_is_refused(machine: Machine, place: Place) -> None:
    """A checksum file without our file in it is as good as none."""
    place.files["/v1.5.0/spade-here"] = _PROGRAM
    place.files["/v1.5.0/SUMS"] = f"{'0' * 64}  another\n".encode()
    machine.tool(_download(place.url, archive=False))
    with pytest.raises(SetUpError, match="holds no checksum of spade-here"):
        machine.set_up()


def test_an_archive_without_the_program_is_refused(machine: Machine, place: Place) -> None:
    """An archive that is laid out in another way than expected gives way to the next way."""
    body = _archive("elsewhere/spade")
    place.files["/v1.5.0/spade-here.tar.gz"] = body
    place.files["/v1.5.0/SUMS"] = hashlib.sha256(body).hexdigest().encode()
    build = Written()
    machine.tool(_download(place.url, archive=True), build)
    machine.set_up()
    assert build.taken == 1


def test_an_unreachable_place_gives_way_to_building(machine: Machine, place: Place) -> None:
    """Where nothing answers the tool is built, and the reason is said."""
    build = Written()
    machine.tool(_download("http://127.0.0.1:9", archive=False), build)
    (outcome,) = machine.set_up()
    assert build.taken == 1
    assert outcome.place is not None
    assert outcome.place.origin == "built"
    assert "not downloaded: http://127.0.0.1:9" in machine.said.getvalue()


def test_a_platform_without_downloads_gives_way_to_building(machine: Machine) -> None:
    """Where the place offers nothing for this machine it is not asked at all."""
    build = Written()
    machine.tool(Download("http://127.0.0.1:9/x", "http://127.0.0.1:9/y", {}), build)
    machine.set_up()
    assert build.taken == 1
    assert f"not offered for {this_machine()}" in machine.said.getvalue()
