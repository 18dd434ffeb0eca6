"""The command line: `python -m toolchain install | status | env`."""

import os
import shlex
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from toolchain.cache import Cache
from toolchain.errors import ToolchainError
from toolchain.install import set_up
from toolchain.model import Tool, tool_named
from toolchain.progress import Progress, spoken
from toolchain.report import outcome_line, status_table
from toolchain.table import TOOLS
from toolchain.toolbox import Toolbox

app = typer.Typer(no_args_is_help=True, add_completion=False, help="How the CLI and the servers come to a machine.")


@app.command()
def install(
    only: Annotated[list[str] | None, typer.Option(help="Set up this tool alone; may be repeated.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Ask again for what was refused lately.")] = False,
) -> None:
    """Make the tools ready: found on PATH, else downloaded, else built; cached by version."""
    progress = Progress()
    tools = _chosen(only)
    for outcome in set_up(_toolbox(), tools, progress, datetime.now(UTC), retry=retry):
        typer.echo(outcome_line(outcome))
    typer.echo(f"set-up took {spoken(progress.elapsed())}")


@app.command()
def status() -> None:
    """Show each tool, its version and where it came from."""
    width = None if sys.stdout.isatty() else 200  # a file or a pipe has no edge to wrap at
    Console(width=width).print(status_table(_toolbox(), datetime.now(UTC)))


@app.command()
def env() -> None:
    """Print the line that puts the tools on PATH, for `eval`, after the Python environment's own programs."""
    directories = _toolbox().bin_directories()
    own = [sys.prefix + "/bin"] if sys.prefix != sys.base_prefix else []
    first = os.pathsep.join([*own, *map(str, directories)])
    typer.echo(f'export PATH={shlex.quote(first)}:"$PATH"' if first else 'export PATH="$PATH"')


def _chosen(only: Sequence[str] | None) -> list[Tool]:
    if not only:
        return [tool for tool in TOOLS.values() if tool.by_default]
    chosen = [(name, tool_named(name, TOOLS)) for name in only]
    if unknown := [name for name, tool in chosen if tool is None]:
        raise typer.BadParameter(f"{', '.join(unknown)}: no such tool; known are {', '.join(TOOLS)}")
    return [tool for _, tool in chosen if tool]


def _toolbox() -> Toolbox:
    return Toolbox(TOOLS, Cache.of_user())


def main() -> None:
    """Run the command line; a ToolchainError ends it with 1 and its message alone, a termination signal cleanly."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        app()
    except ToolchainError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
