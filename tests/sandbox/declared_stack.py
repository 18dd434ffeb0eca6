"""A program of `tests/sandbox/programs` under the real CLI and the stand-ins, with a backend of its own."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.pulumi_cli import ROOT, STAND_INS
from toolchain import bin_directories

PROGRAMS = ROOT / "tests/sandbox/programs"


@dataclass
class Stack:
    """`wish` is what the program declares, `environment` what the plugins find besides."""

    directory: Path
    environment: dict[str, str]
    wish: dict[str, Any]
    printed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, program: str, directory: Path, environment: dict[str, str], **wish: Any) -> "Stack":
        """An empty stack of a copy of the program."""
        shutil.copytree(PROGRAMS / program, directory)
        (directory / "backend").mkdir()
        made = cls(directory, environment, wish)
        made.succeed("stack", "init", "test")
        return made

    def declare(self, kind: str, name: str, /, **arguments: Any) -> None:
        """Let the program `declared` declare (or change) a resource of this type."""
        declared = {each["name"]: each for each in self.wish.get("resources", [])}
        declared[name] = {"type": kind, "name": name, "arguments": arguments}
        self.wish["resources"] = list(declared.values())

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the CLI; what it prints is kept."""
        (self.directory / "wish.json").write_text(json.dumps(self.wish))
        argv = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
        done = subprocess.run(
            argv, cwd=self.directory, env=self._environment(), capture_output=True, text=True, timeout=120, check=False
        )
        self.printed.append(done.stdout + done.stderr)
        return done

    def succeed(self, *arguments: str) -> str:
        """What a run prints that must not fail."""
        done = self.run(*arguments)
        assert done.returncode == 0, self.printed[-1]
        return self.printed[-1]

    def fail(self, *arguments: str) -> str:
        """What a run prints that must fail."""
        done = self.run(*arguments)
        assert done.returncode != 0, self.printed[-1]
        return self.printed[-1]

    def up(self, *arguments: str) -> str:
        """Apply without a preview of its own."""
        return self.succeed("up", "--yes", "--skip-preview", *arguments)

    def refresh(self) -> str:
        """Read everything again."""
        return self.succeed("refresh", "--yes", "--skip-preview")

    def destroy(self) -> str:
        """Delete everything."""
        return self.succeed("destroy", "--yes", "--skip-preview")

    def resource(self, name: str) -> dict[str, Any]:
        """One resource of the state, with secrets as they are stored."""
        state = json.loads(self.succeed("stack", "export"))
        (found,) = [each for each in state["deployment"]["resources"] if each["urn"].endswith(f"::{name}")]
        return dict(found)

    def outputs(self, *options: str) -> dict[str, Any]:
        """The stack's outputs."""
        return dict(json.loads(self.succeed("stack", "output", "--json", *options)))

    def stored(self) -> str:
        """The backend as it lies on disk, and the state with every secret in clear."""
        clear = self.run("stack", "export", "--show-secrets").stdout
        self.printed.pop()
        files = (file for file in (self.directory / "backend").rglob("*") if file.is_file())
        return clear + "".join(file.read_text() for file in files)

    def _environment(self) -> dict[str, str]:
        path = [Path(sys.executable).parent, STAND_INS, *bin_directories(), os.environ["PATH"]]
        return {
            "PATH": os.pathsep.join(map(str, path)),
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.directory),
            "WISH": str(self.directory / "wish.json"),
            "PULUMI_HOME": str(self.directory / "pulumi"),
            "PULUMI_BACKEND_URL": f"file://{self.directory}/backend",
            "PULUMI_CONFIG_PASSPHRASE": "for this test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_STACK": "test",
            # Else every command looks for missing plugins on the network for seconds, and then takes ours.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            **self.environment,
        }
