"""A copy of the program `onepassword_items` under the real CLI, against a simulated Connect on a socket."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from rotation.clock import system_clock
from sandbox.apis.connect import Connect
from sandbox.faults import Faults
from sandbox.pulumi_cli import Finished, Pulumi
from sandbox.serve import mounted

PROGRAM = Path(__file__).parent / "programs/onepassword_items"
VALUE = "a-value-nobody-may-see"


@dataclass
class ItemStack:
    """A stack with a backend of its own, and a Connect whose readers see a write at once unless a test says so."""

    directory: Path
    connect: Connect
    faults: Faults
    vault: str
    url: str
    token: str = field(repr=False)
    provider: dict[str, Any] = field(default_factory=dict)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)

    def declare(self, name: str, *, value: str = VALUE, **changes: Any) -> None:
        """Let the program declare (or change) a secure note of this name with one concealed field."""
        fields = [{"label": "token", "type": "CONCEALED", "value": value}]
        sections = [{"label": "rotation", "fields": fields}]
        given = {"vault": self.vault, "title": name, "category": "secure_note", "sections": sections, **changes}
        self.items[name] = {key: argument for key, argument in given.items() if argument is not None}

    def run(self, *arguments: str, fails: bool = False) -> str:
        """What a command prints that must not fail, or must."""
        wish = {"provider": {"url": self.url, **self.provider}, "items": self.items}
        (self.directory / "wish.json").write_text(json.dumps(wish))
        finished: Finished = self.pulumi.run(*arguments, check=False)
        self.printed.append(finished.output)
        assert bool(finished.code) is fails, finished
        return finished.output

    def up(self, *options: str, fails: bool = False) -> str:
        """Apply without a preview of its own."""
        return self.run("up", "--yes", "--skip-preview", *options, fails=fails)

    def values(self, title: str) -> dict[str, str]:
        """Label to value of the one item of this title."""
        return self.connect.values(self.vault, title)

    def item(self, title: str) -> dict[str, Any]:
        """The one item of this title, in full."""
        (found,) = [item for item in self.connect.items(self.vault) if item["title"] == title]
        return found

    def stored(self) -> str:
        """The backend as it lies on disk: state, backups and history."""
        return "".join(file.read_text() for file in (self.directory / "backend").rglob("*") if file.is_file())

    @property
    def pulumi(self) -> Pulumi:
        return Pulumi(self.directory, "test", self._environment())

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.directory),
            "WISH": str(self.directory / "wish.json"),
            "PULUMI_HOME": str(self.directory / "pulumi"),
            "PULUMI_BACKEND_URL": f"file://{self.directory}/backend",
            "PULUMI_CONFIG_PASSPHRASE": "for this test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_STACK": "test",
            "OP_CONNECT_TOKEN": self.token,
        }


@contextmanager
def new_item_stack(directory: Path) -> Iterator[ItemStack]:
    """An empty stack. At the end no value may stand in what was printed or in the state."""
    shutil.copytree(PROGRAM, directory)
    (directory / "backend").mkdir()
    connect = Connect(system_clock, lag=timedelta(0))
    vault = connect.add_vault("homelab")
    faults = Faults(connect.handle)
    with mounted(faults, connect) as url:
        stack = ItemStack(directory, connect, faults, vault, url, connect.grant("rotator", vault))
        stack.pulumi.create_stack()
        yield stack
        told = "".join(stack.printed) + stack.stored()
        assert VALUE not in told
        assert stack.token not in told
