"""Taking programs out of a Debian package without installing it: that needs no root, and leaves the system as it is."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from toolchain.errors import UnobtainableError
from toolchain.model import Accepted, Job, release_of
from toolchain.programs import run

_REMEDY = "fetch the lists of packages on a Debian system (`sudo apt-get update`)"


@dataclass(frozen=True)
class DebianPackage:
    """`package` as this system's lists offer it, when its version is `accepted`; apt checks the archive's signature.

    `members` maps programs to their paths in the package.
    """

    package: str
    accepted: Accepted
    members: Mapping[str, str]
    origin: ClassVar[str] = "taken from a Debian package"

    def obtain(self, job: Job) -> str | None:
        """See `Way`. Raises UnobtainableError: no Debian, empty lists, no network, or a version that does not do."""
        if missing := [program for program in ("apt-get", "dpkg-deb") if shutil.which(program) is None]:
            raise UnobtainableError(f"this system has no {' and no '.join(missing)}")
        job.progress.say(f"{job.tool} {job.version}: taking it from the Debian package {self.package}")
        package = _download(self.package, job)
        version = _version(package)
        if not self.accepted.admits(version):
            raise UnobtainableError(f"{package.name} is version {version}; accepted is {self.accepted}")
        unpacked = job.scratch / "unpacked"
        _output(["dpkg-deb", "-x", str(package), str(unpacked)])
        for program, member in self.members.items():
            _take(unpacked / member, job.bin / program, package)
        return version if version != job.version else None


def _download(package: str, job: Job) -> Path:
    """By the system's lists of packages; where they are empty or old, by lists of our own, which need no root."""
    try:
        _apt(job, "download", package)
    except UnobtainableError as error:
        try:
            own = _own_lists(job.scratch)
            _apt(job, *own, "update")
            _apt(job, *own, "download", package)
        except UnobtainableError:
            raise UnobtainableError(error.cause, remedy=_REMEDY) from error
    return next(job.scratch.glob("*.deb"))


def _own_lists(scratch: Path) -> list[str]:
    """Options by which apt keeps its lists in our folder."""
    lists, cache = scratch / "apt-lists", scratch / "apt-cache"
    for folder in (lists / "partial", cache / "archives" / "partial"):
        folder.mkdir(parents=True)
    return ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]


def _apt(job: Job, *arguments: str) -> None:
    doing = f"apt-get {arguments[-1]}"
    run(
        ["apt-get", *arguments],
        cwd=job.scratch,
        environ=os.environ,
        log=job.log,
        progress=job.progress,
        doing=lambda: doing,
    )


def _version(package: Path) -> str:
    """The upstream version, as `1.2.3`: without the epoch before it and Debian's own part after it."""
    told = _output(["dpkg-deb", "-f", str(package), "Version"])
    release = release_of(told.rpartition(":")[2])
    return ".".join(map(str, release)) if release else ""


def _take(source: Path, program: Path, package: Path) -> None:
    if not source.is_file():
        raise UnobtainableError(f"{package.name} holds no {program.name}")
    shutil.copy(source, program)


def _output(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnobtainableError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()
