"""What the toolchain's tests are made of: a small machine, tools that are scripts, and ways that work or do not."""

import io
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from toolchain.cache import Cache
from toolchain.install import Outcome, set_up
from toolchain.model import Accepted, Job, OnPath, Tool, Way
from toolchain.progress import Progress
from toolchain.toolbox import Toolbox

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def write_script(path: Path, body: str) -> Path:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@dataclass
class Written:
    """A way that works: it writes each program as a script, and counts how often it was taken."""

    origin: str = "built"
    taken: int = 0

    def obtain(self, job: Job) -> None:
        self.taken += 1
        for program in job.programs:
            write_script(job.bin / program, f"echo {job.version}")


@dataclass
class Broken:
    """A way that begins, leaves half a program, and then ends with `error`."""

    error: BaseException
    origin: str = "built"
    taken: int = 0

    def obtain(self, job: Job) -> None:
        self.taken += 1
        write_script(job.bin / job.programs[0], "echo half")
        raise self.error


@dataclass
class Machine:
    """What a test needs of a machine: where PATH is, and one call that sets tools up and keeps what was said."""

    root: Path
    tools: dict[str, Tool] = field(default_factory=dict)
    said: io.StringIO = field(default_factory=io.StringIO)

    @property
    def path(self) -> Path:
        return self.root / "path"

    @property
    def cache(self) -> Cache:
        return Cache(self.root / "cache")

    @property
    def toolbox(self) -> Toolbox:
        return Toolbox(self.tools, self.cache, {"PATH": f"{self.path}{os.pathsep}/bin"})

    def tool(self, *ways: Way, programs: tuple[str, ...] = ("spade",), on_path: bool = True, **fields: object) -> Tool:
        """Add the tool `spade` 1.5.0, of which PATH may offer 1.4.0 or newer."""
        found = OnPath(("--version",), Accepted("1.4.0", 2)) if on_path else None
        made = Tool(programs[0], "1.5.0", programs, ways, found, **fields)  # type: ignore[arg-type]
        self.tools[made.name] = made
        return made

    def set_up(self, now: datetime = NOON, *, retry: bool = False) -> list[Outcome]:
        progress = Progress(self.said, line_seconds=0.01)
        return set_up(self.toolbox, list(self.tools.values()), progress, now, retry=retry)
