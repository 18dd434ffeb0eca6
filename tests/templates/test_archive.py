"""A template's files as one plain tar: the same bytes for the same content, and nothing that is not ours."""

from __future__ import annotations

import errno
import io
import os
import tarfile
from pathlib import Path

import pytest

from rotation.errors import UnfitTemplate
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
    """Hidden files, states, files of variables and an editor's copies are left out; the lock of providers is not."""
    folder = _folder(tmp_path / "t")
    (folder / ".terraform" / "providers").mkdir(parents=True)
    (folder / ".terraform" / "providers" / "big").write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref")
    for name in ("terraform.tfstate", "terraform.tfstate.backup", "modules/x.auto.tfvars", "prod.tfvars.json"):
        (folder / name).write_text("s3cr3t")
    for name in ("main.tf~", ".main.tf.swp", ".env"):
        (folder / name).write_text("x")
    (folder / ".terraform.lock.hcl").write_text("lock")
    assert sorted(file.name for file in of_folder(folder)) == [".terraform.lock.hcl", "main.tf", "modules/startup.sh"]


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name and the cause; what the system says is no error of the program."""
    folder = _folder(tmp_path / "t")

    def refused(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)  # root may read whatever there is
    with pytest.raises(UnfitTemplate, match=r"main\.tf cannot be read \(Permission denied\)"):
        of_folder(folder)


def test_a_link_is_refused(tmp_path: Path) -> None:
    """What a link leads to may be a secret of this machine."""
    folder = _folder(tmp_path / "t")
    (folder / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(UnfitTemplate, match="is a link"):
        of_folder(folder)


OUTSIDE = ["/etc/passwd", "../up.tf", "a/../../b", "a..b.tf", ""]
ODD = ["./a.tf", "a//b.tf", "a/", ".", "ü.tf", "a\n.tf", "x" * 101]


@pytest.mark.parametrize("name", [*OUTSIDE, *ODD])
def test_a_name_that_leads_out_or_does_not_fit_is_refused(name: str) -> None:
    """An archive holds relative names alone, each written in one way; a server drops one with two dots in silence."""
    with pytest.raises(UnfitTemplate, match="cannot be packed"):
        pack([File(name, MAIN)])


def test_a_long_path_of_short_names_fits() -> None:
    """The ustar form splits it, so that no extended header is needed."""
    name = f"{'a' * 60}/{'b' * 60}.tf"
    packed = pack([File(name, MAIN)])
    with tarfile.open(fileobj=io.BytesIO(packed.content), mode="r:") as tar:
        assert tar.getnames() == [name]
    assert packed.content[156:157] == b"0", "no extended header comes first"


def test_two_files_of_one_name_are_refused() -> None:
    """Which of them a server would keep is nobody's guess."""
    with pytest.raises(UnfitTemplate, match="two files are called"):
        pack([File("main.tf", MAIN), File("main.tf", b"")])


def test_nothing_and_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """There must be files, and not more than a server takes."""
    with pytest.raises(UnfitTemplate, match="no files"):
        pack([])
    monkeypatch.setattr(archives, "CAP", 1000)
    with pytest.raises(UnfitTemplate, match="a server takes 1000"):
        pack([File("main.tf", MAIN)])
    monkeypatch.setattr(archives, "FILE_CAP", 10)
    with pytest.raises(UnfitTemplate, match="is beyond 10 bytes"):
        pack([File("main.tf", MAIN)])


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """By its name, and with what to do."""
    with pytest.raises(UnfitTemplate, match="there is no folder"):
        of_folder(tmp_path / "nowhere")


def test_entries_of_a_config_map_are_files() -> None:
    """Two underscores stand for the slash, which no key can hold; the archive is that of the same folder."""
    packed = pack(of_entries({"main.tf": MAIN, "modules__net.tf": b"x"}))
    assert packed == pack([File("modules/net.tf", b"x"), File("main.tf", MAIN)])
