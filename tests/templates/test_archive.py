"""A template's files as one plain tar: the same bytes for the same content, and nothing that is not ours."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from rotation.errors import InvalidSettings
from rotation.templates import archive as archives
from rotation.templates.archive import File, of_entries, of_folder, pack

MAIN = b'resource "null_resource" "x" {}\n'


def _folder(root: Path) -> Path:
    (root / "modules").mkdir(parents=True)
    (root / "main.tf").write_bytes(MAIN)
    (root / "modules" / "startup.sh").write_text("#!/bin/sh\n")
    (root / "modules" / "startup.sh").chmod(0o755)
    return root


def test_the_same_content_is_the_same_archive(tmp_path: Path) -> None:
    """Neither order nor instants nor owners of the files change a byte of it."""
    one, two = _folder(tmp_path / "one"), _folder(tmp_path / "two")
    os.utime(two / "main.tf", (1, 1))
    first, second = pack(of_folder(one)), pack(list(reversed(of_folder(two))))
    assert first == second
    (two / "main.tf").write_bytes(MAIN + b"\n")
    assert pack(of_folder(two)).digest != first.digest


def test_it_is_a_plain_tar_in_the_ustar_form(tmp_path: Path) -> None:
    """Uncompressed, with relative names, no owner, no instant, and an executable file stays one."""
    packed = pack(of_folder(_folder(tmp_path / "t")))
    with tarfile.open(fileobj=io.BytesIO(packed.content), mode="r:") as tar:
        told = {member.name: (member.mode, member.mtime, member.uid, member.uname) for member in tar.getmembers()}
    assert told == {"main.tf": (0o644, 0, 0, ""), "modules/startup.sh": (0o755, 0, 0, "")}
    assert packed.content[257:263] == b"ustar\x00"
    assert (packed.files, packed.size) == (2, len(packed.content))


def test_what_a_working_copy_holds_is_left_out(tmp_path: Path) -> None:
    """Terraform's cache and the repository are no part of a template; the lock of its providers is."""
    folder = _folder(tmp_path / "t")
    (folder / ".terraform" / "providers").mkdir(parents=True)
    (folder / ".terraform" / "providers" / "big").write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref")
    (folder / ".terraform.lock.hcl").write_text("lock")
    assert sorted(file.name for file in of_folder(folder)) == [".terraform.lock.hcl", "main.tf", "modules/startup.sh"]


def test_a_link_is_refused(tmp_path: Path) -> None:
    """What a link leads to may be a secret of this machine."""
    folder = _folder(tmp_path / "t")
    (folder / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(InvalidSettings, match="is a link"):
        of_folder(folder)


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.tf", "a/../../b", "ü.tf", "x" * 101, ""])
def test_a_name_that_leads_out_or_does_not_fit_is_refused(name: str) -> None:
    """An archive holds plain relative names alone."""
    with pytest.raises(InvalidSettings, match="cannot be packed"):
        pack([File(name, MAIN)])


def test_nothing_and_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """There must be files, and not more than a server takes."""
    with pytest.raises(InvalidSettings, match="no files"):
        pack([])
    monkeypatch.setattr(archives, "CAP", 1000)
    with pytest.raises(InvalidSettings, match="a server takes 1000"):
        pack([File("main.tf", MAIN)])


def test_entries_of_a_config_map_are_files() -> None:
    """Two underscores stand for the slash, which no key can hold; the archive is that of the same folder."""
    packed = pack(of_entries({"main.tf": MAIN.decode(), "modules__net.tf": "x"}))
    assert packed == pack([File("modules/net.tf", b"x"), File("main.tf", MAIN)])
