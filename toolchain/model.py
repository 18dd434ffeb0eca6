"""The records that the tool table is made of. Data and two protocols; nothing here touches the machine."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from toolchain.progress import Progress

_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


def release_of(text: str) -> tuple[int, int, int] | None:
    """The first `1.2.3`, `v1.2.3` or `1.2` in `text` as three numbers, or None where there is none."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


@dataclass(frozen=True)
class Accepted:
    """Versions that may be taken from PATH: from `at_least` (such as `3.259.0`) on, below the major version `below`."""

    at_least: str
    below: int

    def admits(self, version: str) -> bool:
        """Whether `version` lies in the range; what is no version does not."""
        release, lowest = release_of(version), release_of(self.at_least)
        assert lowest is not None
        return release is not None and lowest <= release and release[0] < self.below

    def __str__(self) -> str:
        return f">={self.at_least}, <{self.below}"


@dataclass(frozen=True)
class OnPath:
    """How a tool that the user has already tells its version: the arguments, and what the table accepts."""

    version_arguments: tuple[str, ...]
    accepted: Accepted


@dataclass(frozen=True)
class Job:
    """One attempt to get one tool.

    The programs go into `bin`, whatever else is needed into `scratch`; both vanish when the attempt fails.
    `log` outlives it. `locate` finds a tool that was set up before this one.
    """

    tool: str
    version: str
    programs: tuple[str, ...]
    bin: Path
    scratch: Path
    log: Path
    progress: Progress
    locate: Callable[[str], Path]


class Way(Protocol):
    """A way of getting a tool: a download, a build, a wheel, a package of the system."""

    @property
    def origin(self) -> str:
        """The word that `status` shows for tools that came this way."""

    def obtain(self, job: Job) -> str | None:
        """Put every program of the job into `job.bin`. Raises UnobtainableError.

        Returns the version that it got where that is another one than the table's, else None.
        """


@dataclass(frozen=True)
class Tool:
    """One row of the table.

    `programs[0]` is the program that the tool is named after; the others come with it and are used by it.
    `on_path` is None for a tool that is never taken from PATH. A tool that is not `required` may stay away:
    `stand_in` then says what is used in its place. Only tools with `by_default` are set up unless named. A `bundle`
    holds files to read (YAML) and no program; nothing of it belongs on PATH.
    """

    name: str
    version: str
    programs: tuple[str, ...]
    ways: tuple[Way, ...]
    on_path: OnPath | None = None
    required: bool = True
    by_default: bool = True
    stand_in: str = ""
    bundle: bool = False


def tool_named(name: str, tools: Mapping[str, Tool]) -> Tool | None:
    """The tool of that name, or the one that brings a program of that name."""
    return tools.get(name) or next((tool for tool in tools.values() if name in tool.programs), None)
