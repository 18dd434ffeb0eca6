"""Getting single files of a published source tree, such as custom resource definitions, each pinned by its digest.

The digests stand in the table, so it does not matter from which of the two places a file comes.
"""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import httpx

from toolchain.download import AS_PUBLISHED, TIMEOUT
from toolchain.errors import UnobtainableError
from toolchain.gomodule import downloaded
from toolchain.model import Job


@dataclass(frozen=True)
class Pinned:
    """A file at `path` in the source tree, and the digest of the only content that is accepted."""

    path: str
    sha256: str


@dataclass(frozen=True)
class FromRepository:
    """Files below `url`, in which `{version}` is filled in; `files` maps our names to their places."""

    url: str
    files: Mapping[str, Pinned]
    origin: ClassVar[str] = "downloaded"

    def obtain(self, job: Job) -> None:
        """See `Way`. Raises UnobtainableError: unreachable, or not what is pinned."""
        base = self.url.format(version=job.version)
        job.progress.say(f"{job.tool} {job.version}: downloading from {base}")
        with httpx.Client(timeout=TIMEOUT, headers=AS_PUBLISHED, follow_redirects=True) as client:
            for name, pinned in self.files.items():
                _place(_content(client, f"{base}/{pinned.path}"), pinned, job.bin / name)


@dataclass(frozen=True)
class FromModule:
    """The same files in the Go module `module`, which Go downloads and checks against its checksum database."""

    module: str
    files: Mapping[str, Pinned]
    origin: ClassVar[str] = "taken from a Go module"

    def obtain(self, job: Job) -> None:
        """See `Way`. Raises UnobtainableError: no Go, no such module, or not what is pinned."""
        go = shutil.which("go")
        if go is None:
            raise UnobtainableError("there is no go on PATH", remedy="install Go (https://go.dev/dl/)")
        job.progress.say(f"{job.tool} {job.version}: taking it from the Go module {self.module}")
        folder = Path(downloaded(go, f"{self.module}@v{job.version}", job.scratch)["Dir"])
        for name, pinned in self.files.items():
            _place((folder / pinned.path).read_bytes(), pinned, job.bin / name)


def _content(client: httpx.Client, url: str) -> bytes:
    try:
        return client.get(url).raise_for_status().content
    except httpx.HTTPError as error:
        raise UnobtainableError(f"{url}: {error}") from error


def _place(content: bytes, pinned: Pinned, file: Path) -> None:
    actual = hashlib.sha256(content).hexdigest()
    if actual != pinned.sha256:
        raise UnobtainableError(f"{pinned.path}: checksum is {actual}, pinned is {pinned.sha256}; refused")
    file.write_bytes(content)
