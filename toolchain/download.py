"""Getting a tool from its official place, checked against the checksum file that the place publishes."""

import hashlib
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import httpx

from toolchain.errors import UnobtainableError
from toolchain.model import Job
from toolchain.platforms import offered

# A place that cannot be reached must cost seconds: there is another way to the tool.
TIMEOUT = httpx.Timeout(20.0, connect=4.0)
AS_PUBLISHED = {"Accept-Encoding": "identity"}  # an archive that is unpacked on the way has another digest
_ALGORITHMS = {64: "sha256", 128: "sha512"}  # by the length of the digest in hexadecimal digits


@dataclass(frozen=True)
class Download:
    """A file at `url`, and the checksum file that vouches for it.

    `{version}` and `{platform}` are filled in, the latter from `platforms`. `members` maps programs to their
    place in the archive; without it the file is the one program itself.
    """

    url: str
    checksums: str
    platforms: Mapping[str, str]
    members: Mapping[str, str] = field(default_factory=dict)
    origin: ClassVar[str] = "downloaded"

    def obtain(self, job: Job) -> None:
        """See `Way`. Raises UnobtainableError: unreachable, not offered, or not what the checksum says."""
        names = {"version": job.version, "platform": offered(self.platforms)}
        url = self.url.format_map(names)
        job.progress.say(f"{job.tool} {job.version}: downloading {url}")
        file = job.scratch / url.rsplit("/", 1)[-1]
        with httpx.Client(timeout=TIMEOUT, headers=AS_PUBLISHED, follow_redirects=True) as client:
            wanted = _published_digest(client, self.checksums.format_map(names), file.name)
            actual = _fetch(client, url, file, _ALGORITHMS[len(wanted)], job)
        if actual != wanted:
            raise UnobtainableError(f"{url}: checksum is {actual}, published is {wanted}; refused")
        _place(file, {name: path.format_map(names) for name, path in self.members.items()}, job)


def check_reachable(url: str) -> None:
    """Raise UnobtainableError when nothing answers at `url` within a few seconds; any answer will do."""
    try:
        httpx.head(url, timeout=TIMEOUT)
    except httpx.HTTPError as error:
        raise UnobtainableError(f"{url} cannot be reached: {error}") from error


def _published_digest(client: httpx.Client, url: str, name: str) -> str:
    """The digest of `name` in a checksum file: lines of digest and name, or one digest alone."""
    try:
        lines = client.get(url).raise_for_status().text.split("\n")
    except httpx.HTTPError as error:
        raise UnobtainableError(f"{url}: {error}") from error
    for words in (line.split() for line in lines):
        if words and words[-1].lstrip("*") in {name, words[0]} and len(words[0]) in _ALGORITHMS:
            return words[0].lower()
    raise UnobtainableError(f"{url} holds no checksum of {name}")


def _fetch(client: httpx.Client, url: str, file: Path, algorithm: str, job: Job) -> str:
    """Write what `url` answers into `file` and return its digest."""
    digest = hashlib.new(algorithm)
    try:
        with client.stream("GET", url) as response, file.open("wb") as output:
            for block in response.raise_for_status().iter_raw():
                digest.update(block)
                output.write(block)
                job.progress.beat(f"{job.tool}: {response.num_bytes_downloaded / 1e6:.0f} MB downloaded")
    except httpx.HTTPError as error:
        raise UnobtainableError(f"{url}: {error}") from error
    return digest.hexdigest()


def _place(file: Path, members: Mapping[str, str], job: Job) -> None:
    if not members:
        file.rename(job.bin / job.programs[0])
    else:
        _extract(file, members, job.bin)
    for program in job.bin.iterdir():
        program.chmod(0o755)


def _extract(archive: Path, members: Mapping[str, str], into: Path) -> None:
    """Take only the named members, as plain files under our own names."""
    try:
        with tarfile.open(archive) as tar:
            for program, member in members.items():
                source = tar.extractfile(member)
                if source is None:
                    raise UnobtainableError(f"{archive.name}: {member} is not a file")
                with (into / program).open("wb") as output:
                    shutil.copyfileobj(source, output)
    except (tarfile.TarError, KeyError, OSError) as error:
        raise UnobtainableError(f"{archive.name}: {error}") from error
