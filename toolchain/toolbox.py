"""Where each tool of the table stands on this machine: on PATH, in the cache, or nowhere yet."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from toolchain.cache import Cache
from toolchain.errors import ToolMissingError
from toolchain.model import Tool, tool_named
from toolchain.on_path import Candidate, candidate

PATH_ORIGIN = "PATH"


@dataclass(frozen=True)
class Place:
    """A tool that is here: `origin` is `PATH` or how it came into the cache, `directory` holds its programs."""

    tool: Tool
    version: str
    origin: str
    directory: Path


@dataclass(frozen=True)
class Toolbox:
    """The table, the cache and the environment that PATH is read from."""

    tools: Mapping[str, Tool]
    cache: Cache
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def find(self, tool: Tool) -> Place | None:
        """The tool's place: PATH at an accepted version first, then the cache; None when it is in neither."""
        offer = self.candidate(tool)
        if offer and not offer.refusal:
            return Place(tool, offer.version, PATH_ORIGIN, offer.path.parent)
        if stamp := self.cache.find(tool.name, tool.version):
            return Place(tool, stamp.version or tool.version, stamp.origin, self.cache.bin(tool.name, tool.version))
        return None

    def candidate(self, tool: Tool) -> Candidate | None:
        """What PATH offers for the tool, accepted or refused."""
        return candidate(tool, self.cache.root, self.environ)

    def locate(self, name: str) -> Path:
        """The path of the program `name` (or of the tool's main program). Raises ToolMissingError."""
        tool = tool_named(name, self.tools)
        if tool is None:
            raise ToolMissingError(f"{name} is no tool of this project; known are {', '.join(self.tools)}")
        place = self.find(tool)
        if place is None:
            raise ToolMissingError(self._missing(tool))
        return place.directory / (name if name in tool.programs else tool.programs[0])

    def bundle(self, name: str) -> list[Path]:
        """The files of the bundle `name`, in the order of the table. Raises ToolMissingError."""
        tool = self.tools.get(name)
        if tool is None or not tool.bundle:
            known = ", ".join(tool.name for tool in self.tools.values() if tool.bundle)
            raise ToolMissingError(f"{name} is no bundle of this project; known are {known}")
        return [self.locate(file) for file in tool.programs]

    def bin_directories(self) -> list[Path]:
        """Cached tools' directories, in the order of the table: the CLI with its language host first."""
        places = [place for tool in self.tools.values() if not tool.bundle and (place := self.find(tool))]
        return [place.directory for place in places if place.origin != PATH_ORIGIN]

    def _missing(self, tool: Tool) -> str:
        offer = self.candidate(tool)
        why = f" ({offer.refusal})" if offer else ""
        remedy = "make setup" if tool.by_default else f"python -m toolchain install --only {tool.name}"
        return f"{tool.name} {tool.version} is not set up on this machine{why}; run `{remedy}`"
