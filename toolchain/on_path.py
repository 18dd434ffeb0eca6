"""Finding a tool that the user has already: the first program of its name on PATH, asked for its version once.

The answer is kept beside the cache and believed as long as the file's size and modification time stay the same, so
a prepared machine is looked at without starting anything.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from toolchain.model import Tool, release_of

_ANSWER_SECONDS = 20.0


@dataclass(frozen=True)
class Candidate:
    """A program on PATH. `refusal` says why it is not used; empty when it is accepted."""

    path: Path
    version: str
    refusal: str


@dataclass(frozen=True)
class _Answer:
    """What a program said of its version, and which file that was."""

    path: str
    size: int
    modified_ns: int
    version: str


def candidate(tool: Tool, cache_root: Path, environ: Mapping[str, str] = os.environ) -> Candidate | None:
    """The tool as it stands on PATH, judged by the table; None where PATH has none or the table takes none from it."""
    if tool.on_path is None or (path := _first_on_path(tool.programs[0], cache_root, environ)) is None:
        return None
    version = _version(tool, path, cache_root, environ)
    if not tool.on_path.accepted.admits(version):
        said = f"is version {version}" if version else "does not tell its version"
        return Candidate(path, version, f"{path} {said}; accepted is {tool.on_path.accepted}")
    if missing := [name for name in tool.programs if not os.access(path.parent / name, os.X_OK)]:
        return Candidate(path, version, f"{path} has no {', '.join(missing)} beside it")
    return Candidate(path, version, "")


def _first_on_path(program: str, cache_root: Path, environ: Mapping[str, str]) -> Path | None:
    """The first hit, past the cache (that is no tool of the user's) and past this Python environment's wrappers."""
    for directory in environ.get("PATH", "").split(os.pathsep):
        path = Path(directory, program).absolute()
        ours = path.is_relative_to(cache_root) or path.parent == Path(sys.prefix, "bin")
        if directory and not ours and path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def _version(tool: Tool, path: Path, cache_root: Path, environ: Mapping[str, str]) -> str:
    memory = cache_root / "on-path" / f"{tool.name}.json"
    file = path.stat()
    known = _remembered(memory)
    if known and (known.path, known.size, known.modified_ns) == (str(path), file.st_size, file.st_mtime_ns):
        return known.version
    answer = _Answer(str(path), file.st_size, file.st_mtime_ns, _ask(tool, path, environ))
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, not the answer
        _remember(memory, answer)
    return answer.version


def _ask(tool: Tool, path: Path, environ: Mapping[str, str]) -> str:
    """The version that the program prints, as `1.2.3`; empty when it prints none in time."""
    assert tool.on_path is not None
    argv = [str(path), *tool.on_path.version_arguments]
    quiet = {**environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        said = subprocess.run(argv, env=quiet, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    release = release_of(said.stdout + said.stderr)
    return ".".join(map(str, release)) if release else ""


def _remembered(memory: Path) -> _Answer | None:
    try:
        return _Answer(**json.loads(memory.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _remember(memory: Path, answer: _Answer) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=memory.parent)
    with os.fdopen(descriptor, "w") as handle:
        json.dump(asdict(answer), handle)
    Path(name).replace(memory)
