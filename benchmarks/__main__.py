"""`python -m benchmarks verify | operator-fleet`: measures, and prints what it measured."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import operator_fleet as fleets
from benchmarks import verification
from sandbox.servers import kubernetes

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Figures that documents quote, measured anew.")


@app.callback()
def main() -> None:
    """Figures that documents quote, measured anew."""


@app.command()
def verify(
    namespaces: Annotated[int, typer.Option(min=1, help="How many teams have a record.")] = 1000,
    repeated: Annotated[int, typer.Option(min=1, help="How often each is asked in one round.")] = 100,
) -> None:
    """Checks of operator tokens per second, in one process and one thread, and the memory of their records."""
    measured = verification.measure(namespaces, repeated)
    baseline = measured.baseline.per_second
    typer.echo(
        f"{namespaces:,} namespaces, medians of {verification.ROUNDS} rounds of {namespaces * repeated:,} checks"
    )
    for rate in measured.rates:
        typer.echo(f"  {rate.name:<36}{rate.per_second:>12,.0f} /s{rate.per_second / baseline:>8.2f} of the baseline")
    held = measured.bytes_per_namespace
    typer.echo(f"  memory of the verifier: {held:,.0f} bytes for each namespace, {held * namespaces / 2**20:.1f} MiB")


@app.command()
def operator_fleet(
    namespaces: Annotated[int, typer.Option(min=1, help="How many teams.")] = 1000,
    writers: Annotated[int, typer.Option(min=1, help="How many share the work, each with its own connections.")] = 20,
) -> None:
    """Bootstrap and rotate many teams on a real kube-apiserver: time, requests and memory; fails if a hash is lost."""
    with tempfile.TemporaryDirectory(prefix="token-rotation-") as folder, kubernetes.running(Path(folder)) as server:
        fleet = fleets.Fleet(server.kubeconfig, namespaces, writers)
        fleet.play()
        fleet.played.traced_bytes = fleets.traced_look(fleet)
    for line in fleets.lines(fleet):
        typer.echo(line)
    raise typer.Exit(1 if fleet.played.lost else 0)


if __name__ == "__main__":
    app()
