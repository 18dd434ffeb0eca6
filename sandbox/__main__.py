"""`python -m sandbox story | up | down`: a local world to watch, or to play with."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path

import typer
from rich.console import Console

from sandbox import story as stories
from sandbox import world as worlds
from sandbox.narration import StoryBrokenError
from sandbox.pulumi_cli import ROOT, PulumiFailedError, tool_path
from sandbox.servers.processes import ServerDidNotStartError

HOME = ROOT / ".sandbox"
app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="A local world: real servers, simulated Authentik and Coder."
)
_console = Console(soft_wrap=True, highlight=False)


@app.command()
def story() -> None:
    """Start a world of its own, play the life of four tokens with the real CLI, and end the world."""
    with tempfile.TemporaryDirectory(prefix="token-rotation-") as name:
        directory = Path(name)
        try:
            _console.print("starting etcd, kube-apiserver, OpenBao and the simulated Authentik and Coder ...")
            stories.play(worlds.start(directory))
        except (StoryBrokenError, PulumiFailedError, ServerDidNotStartError) as error:
            _console.print(f"error: {error}", style="red", markup=False)
            sys.exit(1)
        finally:
            worlds.stop(directory)


@app.command()
def up() -> None:
    """Start the world and leave it running; prints what to export and what to try."""
    world = worlds.start(HOME)
    lines = {**world.environment(), "PATH": tool_path()}
    environment = HOME / "environment"
    environment.touch(mode=0o600)
    environment.write_text("".join(f"export {name}={shlex.quote(text)}\n" for name, text in lines.items()))
    _console.print("The sandbox runs. Take its environment, and go to its copy of the stack:\n")
    _console.print(f"  source {environment}\n  cd {HOME / 'project'}\n")
    _console.print("Then try, as often as you like (tokens rotate every 30 s, and the old ones work for 12 s more):\n")
    for command, meaning in _COMMANDS:
        _console.print(f"  {command:<62} # {meaning}", markup=False)
    _console.print("\n`make sandbox-down` ends it and removes everything, tokens and all.")


@app.command()
def down() -> None:
    """End the world that `up` started, and remove its folder."""
    worlds.stop(HOME)
    _console.print("The sandbox is gone.")


_COMMANDS = (
    ("pulumi preview --diff", "the dry run: what is due, and why"),
    ("pulumi up --yes --skip-preview", "one run"),
    ("python -m operations run", "one unattended run, with log lines and an exit code"),
    ("pulumi stack output --json tokens", "every instant"),
    ("kubectl get secret -n vault vault-admin-token -o yaml", "what consumers see"),
    ("kubectl get configmap -n keycloak-system -o yaml", "the hashes by which an operator lets a team in"),
    ("kubectl get configmap -n token-rotation token-receipts -o yaml", "the receipts"),
    ('pulumi config set --path "tokens.vault-admin.force" now', "then `up`: a forced rotation"),
)


if __name__ == "__main__":
    app()
