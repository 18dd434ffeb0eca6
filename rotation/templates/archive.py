"""A template's files as one plain tar, the same bytes for the same content. Pure but for the reading of a folder.

Coder reads an uncompressed tar in the ustar form, or a zip. Seed 004 posts a gzip as a tar, which no server unpacks.
What its own command line leaves out of a folder is left out here: hidden files, Terraform's state, files of variables.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from rotation.errors import UnfitTemplate

CAP = 100 * 1024 * 1024
"""What a server takes, in bytes."""
FILE_CAP = 10 * 1024 * 1024
"""Where a server cuts a single file off, without a word, when it unpacks it."""
PROVIDERS_LOCK = ".terraform.lock.hcl"
"""The one hidden file that belongs to a template: which providers it is built with."""
_VARIABLES = (".tfvars", ".tfvars.json")
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
    """Every file below a folder but what is left out.

    Raises UnfitTemplate for what is not there or may not be read, and for a link: what it leads to may not be ours.
    """
    if not folder.is_dir():
        raise _refusal(f"there is no folder {folder}", "Name the folder of the template, relative to the project.")
    try:
        return [_read(path, folder) for path in _walk(folder)]
    except OSError as error:
        cause = f"{error.filename} cannot be read ({error.strerror})"
        raise _refusal(cause, "Let the account of the run read it.") from None


def of_entries(entries: Mapping[str, bytes]) -> list[File]:
    """The entries of a ConfigMap, all of them; `__` in a key stands for `/`, which no key can hold."""
    return [File(key.replace("__", "/"), content) for key, content in entries.items()]


def pack(files: list[File]) -> Archive:
    """One plain tar. Raises UnfitTemplate for nothing, for a name that a server does not unpack, and for too much."""
    if not files:
        raise _refusal("there are no files", "Put the template's Terraform files there.")
    names = Counter(file.name for file in files)
    twice = [name for name, times in names.items() if times > 1]
    if twice:
        raise _refusal(f"two files are called {twice[0]!r}", "Rename one of them.")
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
    if len(file.content) > FILE_CAP:
        raise _refusal(f"{file.name!r} is beyond {FILE_CAP} bytes, where a server cuts it off", "Make it smaller.")
    info = tarfile.TarInfo(file.name)
    info.size = len(file.content)
    info.mode = 0o755 if file.executable else 0o644
    if not _is_plain(file.name) or not _fits(info):
        remedy = "Use relative names in ASCII, of at most 100 characters, and without `..`."
        raise _refusal(f"the file {file.name!r} has a name that cannot be packed", remedy)
    return info


def _is_plain(name: str) -> bool:
    """Relative, and written in one way. A server passes over a name with two dots anywhere in it, without a word."""
    is_normal = name == str(PurePosixPath(name)) and name != "." and not name.startswith("/")
    return is_normal and ".." not in name and name.isascii() and name.isprintable()


def _fits(info: tarfile.TarInfo) -> bool:
    try:
        info.tobuf(tarfile.USTAR_FORMAT)
    except ValueError:
        return False
    return True


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if _is_left_out(path.name):
            continue
        if path.is_symlink():
            raise _refusal(f"{path} is a link", "Put the file itself there.")
        if path.is_dir():
            yield from _walk(path)
        elif path.is_file():
            yield path


def _is_left_out(name: str) -> bool:
    """What a working copy holds and no template is made of. A state may hold secrets, and an editor's copy is stale."""
    hidden = name.startswith(".") and name != PROVIDERS_LOCK
    return hidden or ".tfstate" in name or name.endswith((*_VARIABLES, "~"))


def _read(path: Path, folder: Path) -> File:
    executable = bool(path.stat().st_mode & _EXECUTABLE)
    return File(path.relative_to(folder).as_posix(), path.read_bytes(), executable)


def _refusal(cause: str, remedy: str) -> UnfitTemplate:
    return UnfitTemplate("pack", cause, remedy)
