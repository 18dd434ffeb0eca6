"""Building a tool from pinned Go modules.

Each folder under `modules/` is a module of ours that requires the tool's module: its go.mod fixes every version, its
go.sum every content. A wrapper is needed because the tools' own go.mod files hold replacements, which Go obeys in the
main module only. Programs are built without cgo, so that no C compiler is needed.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from toolchain.errors import UnobtainableError
from toolchain.model import Job, release_of
from toolchain.programs import run

MODULES = Path(__file__).parent / "modules"


@dataclass(frozen=True)
class Build:
    """One `go build`: `program` from `package`, in the wrapper module `modules/<module>`.

    `variables` are set at link time. `optimised=False` compiles faster and runs slower. `files` maps further
    programs, which are scripts, to (module, path inside that module).
    """

    module: str
    package: str
    program: str
    variables: Mapping[str, str] = field(default_factory=dict)
    optimised: bool = True
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class GoModule:
    """Every program of a tool, by one or more builds. `modules` is the folder of the wrapper modules."""

    builds: tuple[Build, ...]
    modules: Path = MODULES
    origin: ClassVar[str] = "built"

    def obtain(self, job: Job) -> None:
        """See `Way`. Raises UnobtainableError: no Go, a Go that is too old, or a build that fails."""
        for build in self.builds:
            go = go_for(self.modules / build.module / "go.mod", job.tool)
            work = job.scratch / build.module
            shutil.copytree(self.modules / build.module, work)  # Go may want to write beside go.mod
            _compile(go, build, work, job)
            _copy_files(go, build, work, job)


def go_for(go_mod: Path, tool: str) -> str:
    """The path of a Go that is new enough for `go_mod`. Raises UnobtainableError naming the version needed."""
    needed = re.search(r"^go (\S+)$", go_mod.read_text(), re.MULTILINE)
    assert needed, f"{go_mod} has no go line"
    remedy = f"install Go {needed[1]} or newer (https://go.dev/dl/) and put its bin directory on PATH"
    go = shutil.which("go")
    if go is None:
        raise UnobtainableError(f"building {tool} needs Go {needed[1]} or newer, and no go is on PATH", remedy=remedy)
    has = _output([go, "env", "GOVERSION"], Path.cwd())
    if (release_of(has) or (0, 0, 0)) < (release_of(needed[1]) or (0, 0, 0)):
        raise UnobtainableError(f"building {tool} needs Go {needed[1]} or newer; {go} is {has}", remedy=remedy)
    return go


def _compile(go: str, build: Build, work: Path, job: Job) -> None:
    link = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in build.variables.items())])
    hasty = [] if build.optimised else ["-gcflags=all=-N -l"]
    out = str(job.bin / build.program)
    argv = [go, "build", "-v", "-mod=readonly", "-trimpath", *hasty, f"-ldflags={link}", "-o", out, build.package]
    job.progress.say(f"{job.tool} {job.version}: building {build.program} (log: {job.log})")
    job.log.parent.mkdir(parents=True, exist_ok=True)
    start = job.log.stat().st_size if job.log.exists() else 0

    def doing() -> str:
        return f"building {build.program}: {_packages(job.log, start)} packages compiled"

    run(argv, cwd=work, environ=_environ(), log=job.log, progress=job.progress, doing=doing)


def _packages(log: Path, start: int) -> int:
    """How many packages `go build -v` has named since `start`; lines of module downloads do not count."""
    with log.open("rb") as lines:
        lines.seek(start)
        return sum(not line.startswith(b"go: ") for line in lines)


def _copy_files(go: str, build: Build, work: Path, job: Job) -> None:
    for program, (module, path) in build.files.items():
        shutil.copyfile(Path(downloaded(go, module, work)["Dir"], path), job.bin / program)
        (job.bin / program).chmod(0o755)


def downloaded(go: str, module: str, cwd: Path) -> dict[str, str]:
    """What Go tells of a module that it has downloaded: `Dir` is where its files are, to be read only.

    `module` is a path, or path@version outside a module of ours. Raises UnobtainableError.
    """
    return dict(json.loads(_output([go, "mod", "download", "-json", module], cwd)))


def _output(argv: list[str], cwd: Path) -> str:
    done = subprocess.run(argv, cwd=cwd, env=_environ(), capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr or done.stdout  # with -json the error is in the answer
        raise UnobtainableError(f"{' '.join(argv)} ended with {done.returncode}: {said.strip()[-500:]}")
    return done.stdout.strip()


def _environ() -> dict[str, str]:
    """The user's Go settings, but this very Go, no C compiler and no workspace around us."""
    return {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOWORK": "off"}
