"""A template's files as one plain tar, the same bytes for the same content. Pure but for the reading of a folder.

Coder reads an uncompressed tar in the ustar form, or a zip. Seed 004 posts a gzip as a tar, which no server unpacks.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from rotation.errors import InvalidSettings

CAP = 100 * 1024 * 1024
"""What a server takes, in bytes."""
IGNORED = frozenset({".terraform", ".git", ".terraform.lock.hcl.tmp", ".DS_Store"})
"""What a working copy holds and no template is made of; the lock file of the providers belongs to it."""
_LONGEST_NAME = 100
_EXECUTABLE = 0o100


@dataclass(frozen=True)
class File:
    """One file of a template; its name is relative, with `/`."""

    name: str
    content: bytes = field(repr=False)
    executable: bool = False


@dataclass(frozen=True)
class Archive:
    """What is uploaded. `digest` is the SHA-256 of its bytes, in hexadecimal."""

    content: bytes = field(repr=False)
    files: int
    digest: str

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.content)


def of_folder(folder: Path) -> list[File]:
    """Every file below a folder but what is ignored.

    Raises InvalidSettings for a folder that is not there, and for a link: what it leads to may not be ours to upload.
    """
    if not folder.is_dir():
        raise _refusal(f"there is no folder {folder}", "Name the folder of the template, relative to the project.")
    return [_read(path, folder) for path in _walk(folder)]


def of_entries(entries: Mapping[str, str]) -> list[File]:
    """The entries of a ConfigMap; `__` in a key stands for `/`, which no key can hold."""
    return [File(key.replace("__", "/"), text.encode()) for key, text in entries.items()]


def pack(files: list[File]) -> Archive:
    """One plain tar. Raises InvalidSettings for nothing, for a name that a tar cannot hold, and for too much."""
    if not files:
        raise _refusal("there are no files", "Put the template's Terraform files there.")
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for file in sorted(files, key=lambda one: one.name):
            tar.addfile(_header(file), io.BytesIO(file.content))
    content = target.getvalue()
    if len(content) > CAP:
        raise _refusal(f"they are {len(content)} bytes, and a server takes {CAP}", "Leave out what is no template.")
    return Archive(content, len(files), hashlib.sha256(content).hexdigest())


def _header(file: File) -> tarfile.TarInfo:
    """Nothing of this machine: no owner, no instant."""
    parts = PurePosixPath(file.name).parts
    outside = file.name.startswith("/") or ".." in parts
    if outside or not parts or len(file.name.encode()) > _LONGEST_NAME or not file.name.isascii():
        remedy = f"Use plain relative names of at most {_LONGEST_NAME} characters."
        raise _refusal(f"the file {file.name!r} has a name that cannot be packed", remedy)
    info = tarfile.TarInfo(str(PurePosixPath(file.name)))
    info.size = len(file.content)
    info.mode = 0o755 if file.executable else 0o644
    return info


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in IGNORED:
            continue
        if path.is_symlink():
            raise _refusal(f"{path} is a link", "Put the file itself there.")
        if path.is_dir():
            yield from _walk(path)
        elif path.is_file():
            yield path


def _read(path: Path, folder: Path) -> File:
    executable = bool(path.stat().st_mode & _EXECUTABLE)
    return File(path.relative_to(folder).as_posix(), path.read_bytes(), executable)


def _refusal(cause: str, remedy: str) -> InvalidSettings:
    return InvalidSettings("pack the template", cause, remedy)
