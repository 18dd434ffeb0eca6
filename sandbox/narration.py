"""How the story is told: chapters, what the CLI said that matters, and the closing table."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

import toolchain
from sandbox.pulumi_cli import Finished

_TELLING = re.compile(
    r"token-rotation: |^\s+(\+-|[-+~=])\s*\d+ |^\s+\d+ unchanged|^\s+~ (generation|reason) *:|\(replace\[retain\]\)"
)
_SHOWN_WIDTH = 180


class StoryBrokenError(RuntimeError):
    """The story did not go as it must; the message says where."""


@dataclass
class Narrator:
    """Tells to a terminal or a file; lines are never wrapped in the middle of a name."""

    console: Console = field(default_factory=lambda: Console(soft_wrap=True, highlight=False))
    began: float = field(default_factory=time.monotonic)
    chapter_number: int = 0

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self.chapter_number += 1
        seconds = time.monotonic() - self.began
        self.console.print(f"\n[bold cyan]{self.chapter_number}. {title}[/]  [dim]({seconds:.0f} s)[/]")

    def say(self, text: str) -> None:
        """A sentence."""
        self.console.print(f"   {text}")

    def shown(self, finished: Finished) -> None:
        """The command, and those of its lines that carry the story."""
        arguments = " ".join(part for part in finished.arguments if part not in ("--yes", "--skip-preview"))
        self.console.print(f"   [green]$ pulumi {arguments}[/]")
        told: set[str] = set()
        for line in finished.output.splitlines():
            text = " ".join(line.split())
            if _TELLING.search(line) and text not in told and "pulumi:pulumi:Stack" not in line:
                told.add(text)
                self.console.print(f"     {text[:_SHOWN_WIDTH]}", markup=False)

    def proved(self, fact: str, truth: bool) -> None:
        """A fact that the story shows. Raises StoryBrokenError when it does not hold."""
        if not truth:
            raise StoryBrokenError(f"this should hold and does not: {fact}")
        self.console.print(f"   [green]✓[/] {fact}")

    def closing_table(self) -> None:
        """What was real and what was simulated."""
        table = Table(title="What was real", title_justify="left")
        for column in ("part", "real or not", "which"):
            table.add_column(column)
        for row in real_parts():
            table.add_row(*row)
        self.console.print()
        self.console.print(table)


def real_parts() -> list[tuple[str, str, str]]:
    """Each part of the sandbox: its name, whether it is the real one, and which it is."""
    return [
        ("Pulumi CLI and Python host", "real", str(toolchain.locate("pulumi").parent.parent.name)),
        (
            "Kubernetes API, controllers, etcd, RBAC",
            "real, no node",
            str(toolchain.locate("kube-apiserver").parent.parent.name),
        ),
        ("Vault", "real (OpenBao)", str(toolchain.locate("bao").parent.parent.name)),
        ("Authentik", "simulated", "sandbox/apis, as 2026.5 behaves"),
        ("Coder", "simulated", "sandbox/apis, with the caps of a default server"),
        ("operator's records", "real", "ConfigMaps of the API server; the consumer compares hashes"),
        _plugin("kubernetes", "on the real API"),
        ("clock", "real", "rotations came due by themselves"),
    ]


def _plugin(name: str, whereon: str) -> tuple[str, str, str]:
    real = toolchain.real_plugin(name)
    told = ("real", "installed") if real else ("stand-in", f"sandbox/plugins, {whereon}")
    return (f"{name} provider plugin", *told)
