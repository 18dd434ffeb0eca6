"""The real Pulumi CLI on a project folder of the sandbox: its environment, its commands, and what they printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import toolchain

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ("__main__.py", "Pulumi.yaml", "components", "dynamic_providers", "rotation", "operations", ".venv")
STAND_INS = ROOT / "sandbox" / "plugins" / "bin"
CLOCK_SWAP = ROOT / "sandbox" / "clock_swap"
QUICK_PIP = ROOT / "sandbox" / "quick_pip"
_LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Finished:
    """A command that ended: its exit code and all that it printed."""

    arguments: tuple[str, ...]
    code: int
    output: str

    def __str__(self) -> str:
        return f"pulumi {' '.join(self.arguments)} ended with {self.code}:\n{self.output}"


class PulumiFailedError(RuntimeError):
    """A command that should have succeeded did not."""


def tool_path() -> str:
    """A PATH on which the environment's Python, the CLI, its language host and at last the stand-ins are found."""
    directories = [Path(sys.prefix) / "bin", *toolchain.bin_directories()]
    return os.pathsep.join([*map(str, directories), os.environ.get("PATH", os.defpath), str(STAND_INS)])


def make_project(directory: Path) -> Path:
    """A project folder whose program is this repository's, by links, and whose config is its own."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in PROGRAM:
        link = directory / name
        if not link.exists():
            link.symlink_to(ROOT / name)
    return directory


@dataclass
class Pulumi:
    """The CLI on one stack. `environment` is added to ours."""

    project: Path
    stack: str
    environment: Mapping[str, str] = field(repr=False)

    def variables(self) -> dict[str, str]:
        """The whole environment of a command."""
        given = {**os.environ, "PATH": tool_path(), **self.environment}
        modules = [given.get("PYTHONPATH", ""), str(QUICK_PIP)]
        return {**given, "PYTHONPATH": os.pathsep.join(filter(None, modules))}

    def run(self, *arguments: str, check: bool = True, extra: Mapping[str, str] | None = None) -> Finished:
        """Run a command to its end. Raises PulumiFailedError, with what it printed, when `check` and it failed."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.project,
            env={**self.variables(), **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
        finished = Finished(arguments, done.returncode, done.stdout)
        if check and finished.code:
            raise PulumiFailedError(str(finished))
        return finished

    def create_stack(self) -> None:
        """Make the stack, or select the one that exists."""
        self.run("stack", "select", "--create", self.stack)

    def preview(self, *options: str, check: bool = True) -> Finished:
        """The dry run."""
        return self.run("preview", "--stack", self.stack, "--diff", *options, check=check)

    def up(self, *options: str, check: bool = True) -> Finished:
        """One update, without a preview before it."""
        return self.run("up", "--stack", self.stack, "--yes", "--skip-preview", *options, check=check)

    def destroy(self, *options: str, check: bool = True) -> Finished:
        """Delete everything that the stack made."""
        return self.run("destroy", "--stack", self.stack, "--yes", "--skip-preview", *options, check=check)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; secret ones stay hidden."""
        return dict(json.loads(self.run("stack", "output", "--json", "--stack", self.stack).output))

    def export(self, *options: str) -> dict[str, Any]:
        """The stored state, with secrets as they are stored."""
        return dict(json.loads(self.run("stack", "export", "--stack", self.stack, *options).output))
