"""Uploads to the simulated Coder: what is taken as a file, and when it is found out that it is none."""

from __future__ import annotations

import io
import uuid
import zipfile
from datetime import timedelta

import pytest

from sandbox.apis import coder_files
from tests.sandbox.coder_world import MAIN, CoderWorld, a_tar, told

TAR = a_tar({"main.tf": MAIN})
CREATE = "/organizations/default/templateversions"


@pytest.fixture
def coder() -> CoderWorld:
    return CoderWorld()


def a_zip(files: dict[str, str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target.getvalue()


def test_the_same_content_is_the_same_file(coder: CoderWorld) -> None:
    """201 the first time, then 200 with the same id; other content and another user's are files of their own."""
    first = coder.upload(TAR)
    again = coder.upload(TAR)
    assert (first.status, again.status, again.json()) == (201, 200, first.json())
    assert uuid.UUID(first.json()["hash"])
    others = [coder.upload(a_tar({"main.tf": "# other"})), coder.upload(TAR, by="root"), coder.upload(TAR, by="ann")]
    assert [other.status for other in others] == [201, 201, 201]
    assert len({other.json()["hash"] for other in (first, *others)}) == 4


@pytest.mark.parametrize("kind", ["", "application/gzip", "application/x-tar; charset=utf-8", "application/json"])
def test_the_content_type_is_one_of_two(coder: CoderWorld, kind: str) -> None:
    """To the letter; another is 400 before anything is kept."""
    assert told(coder.upload(TAR, kind=kind)) == (400, f'Unsupported content type header "{kind}".')


def test_too_much_is_refused(coder: CoderWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may hold 100 MB."""
    assert coder_files.LARGEST == 100 * 1024 * 1024
    monkeypatch.setattr(coder_files, "LARGEST", len(TAR) - 1)
    refused = coder.upload(TAR)
    assert told(refused) == (400, "Failed to read file from request.")
    assert refused.json()["detail"] == "http: request body too large"


def test_a_zip_is_taken_as_one(coder: CoderWorld) -> None:
    """It is made a tar at once, and what is no zip is 400."""
    file = coder.upload(a_zip({"main.tf": MAIN}), kind="application/zip").json()["hash"]
    fields = {"storage_method": "file", "file_id": file, "provisioner": "terraform"}
    version = coder.call("POST", CREATE, fields, by="maker").json()["id"]
    assert [coder.job(version)["status"] for _ in range(2)][-1] == "succeeded"
    assert told(coder.upload(TAR, kind="application/zip")) == (400, "Incomplete .zip archive file.")


@pytest.mark.parametrize("content", [a_tar({"main.tf": MAIN}, "w:gz"), b"no archive at all", a_zip({"main.tf": MAIN})])
def test_what_is_no_plain_tar_is_found_out_late(coder: CoderWorld, content: bytes) -> None:
    """The upload takes any bytes as a tar, a compressed one too; no version can be made of it."""
    assert coder.upload(content).status == 201
    refused = coder.ask_version(content)
    assert told(refused) == (500, "Internal error checking workspace tags")
    assert "archive/tar: invalid tar header" in refused.json()["detail"]
    assert coder.server.loose_versions() == []


def test_uploads_are_limited_by_the_minute(coder: CoderWorld) -> None:
    """Twelve, and no more until the first of them is a minute ago; who is refused is not counted."""
    assert {coder.upload(TAR).status for _ in range(12)} == {201, 200}
    for _ in range(3):
        assert told(coder.upload(TAR)) == (429, "You've been rate limited for sending more than 12 requests in 1m0s.")
    coder.clock.move(timedelta(minutes=1))
    assert coder.upload(TAR).status == 200
