"""The cache outside the tree: `<root>/<tool>/<version>/{stamp.json,bin/...}`, whole or not there at all.

A tool is made in `<root>/.partial`, on the same file system, and renamed into its place when it is complete, so an
interrupted set-up leaves nothing that `find` accepts. The stamp holds each program's size: a file that lost its end
in a power failure is not accepted either.
"""

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from toolchain.errors import UnobtainableError
from toolchain.progress import Progress

_READ = frozenset({".yaml"})  # what is read and not run


@dataclass(frozen=True)
class Stamp:
    """Written last, read first: how a cached tool came here. `programs` maps names to sizes in bytes.

    `version` is empty where it is the one that was asked for.
    """

    origin: str
    programs: dict[str, int]
    version: str = ""


@dataclass(frozen=True)
class Cache:
    """Built and downloaded tools by name and version. `root` need not exist yet."""

    root: Path

    @classmethod
    def of_user(cls, environ: Mapping[str, str] = os.environ) -> "Cache":
        """The cache at `$TOKEN_ROTATION_CACHE`, else in `token-rotation` under the user's cache directory."""
        if chosen := environ.get("TOKEN_ROTATION_CACHE"):
            return cls(Path(chosen).expanduser().absolute())
        base = environ.get("XDG_CACHE_HOME") or "~/.cache"
        return cls(Path(base).expanduser().absolute() / "token-rotation")

    def bin(self, tool: str, version: str) -> Path:
        """The directory that holds the tool's programs, once it is there."""
        return self.root / tool / version / "bin"

    def log(self, tool: str, version: str) -> Path:
        """The log of the attempts to get this tool."""
        return self.root / "logs" / f"{tool}-{version}.log"

    def find(self, tool: str, version: str) -> Stamp | None:
        """The stamp of a tool that is here and whole, else None. Reads files only; starts nothing."""
        home = self.root / tool / version
        try:
            stamp = Stamp(**json.loads((home / "stamp.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        whole = all(_is_program(home / "bin" / name, size) for name, size in stamp.programs.items())
        return stamp if whole else None

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A new directory on the cache's file system, removed with all that is left in it."""
        partial = self.root / ".partial"
        partial.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=partial))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def publish(
        self, tool: str, version: str, programs: tuple[str, ...], *, workspace: Path, origin: str, actual: str = ""
    ) -> Stamp:
        """Move `workspace/bin` into the tool's place. Raises UnobtainableError when a program is not in it.

        `actual` is the version that is there, where it is not the one that was asked for.
        """
        if missing := [name for name in programs if not _is_program(workspace / "bin" / name)]:
            raise UnobtainableError(f"what was {origin} lacks {', '.join(missing)}")
        stamp = Stamp(origin, {name: (workspace / "bin" / name).stat().st_size for name in programs}, actual)
        whole = workspace / "whole"
        whole.mkdir()
        (workspace / "bin").rename(whole / "bin")
        (whole / "stamp.json").write_text(json.dumps(asdict(stamp)))
        home = self.root / tool / version
        home.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(home, ignore_errors=True)  # only ever something that `find` refused
        whole.rename(home)
        return stamp

    @contextmanager
    def lock(self, progress: Progress) -> Iterator[None]:
        """Hold the one lock of this cache; wait, and say so, while another set-up holds it.

        What set-ups that were killed left behind is cleared away: whoever holds the lock owns `.partial`.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("a") as handle:
            _acquire(handle.fileno(), progress)
            shutil.rmtree(self.root / ".partial", ignore_errors=True)
            yield


def _is_program(path: Path, size: int | None = None) -> bool:
    if not (path.is_file() and (path.suffix in _READ or os.access(path, os.X_OK))):
        return False
    actual = path.stat().st_size
    return actual > 0 if size is None else actual == size


def _acquire(descriptor: int, progress: Progress) -> None:
    waiting = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not waiting:
                progress.say("another set-up is at work; waiting for it")
            waiting = True
            time.sleep(progress.beat_seconds)
            progress.beat("still waiting for the other set-up")
        else:
            return
