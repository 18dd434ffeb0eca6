"""The command: play all cells, or some; print them; write the document."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import stamina.instrumentation
import typer
from rich.console import Console

from simulator.fault_matrix.cells import Cell
from simulator.fault_matrix.matrix import Matrix, cells_named
from simulator.fault_matrix.tables import for_a_terminal

DOCUMENT = Path(__file__).parents[2] / "docs/fault-matrix.md"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_WIDTH = 200


@app.command()
def main(
    name: Annotated[
        str, typer.Argument(help="Only cells of this name or of this beginning of one; one alone is traced.")
    ] = "",
    *,
    write: Annotated[bool, typer.Option("--write", help="Write docs/fault-matrix.md.")] = False,
) -> None:
    """Play the fault matrix; a third outcome ends it with 1."""
    stamina.instrumentation.set_on_retry_hooks([])
    console = Console(width=_WIDTH if not Console().is_terminal else None, highlight=False)
    began = time.perf_counter()
    matrix = Matrix.played(cells_named(name))
    for tables in matrix.tables().values():
        for table in tables:
            console.print(for_a_terminal(table))
            for number, reason in enumerate(table.reasons, 1):
                console.print(f"  ({number}) {reason}")
    if len(matrix.verdicts) == 1:
        console.print(*next(iter(matrix.verdicts.values())).trace, sep="\n", markup=False, soft_wrap=True)
    _tell_third_outcomes(console, matrix.third)
    for label, counts in matrix.counts().items():
        console.print(f"{label}: {counts}")
    console.print(f"all: {matrix.total}; {time.perf_counter() - began:.0f} s")
    if write and not name:
        DOCUMENT.write_text(matrix.document())
    if matrix.third:
        raise typer.Exit(1)


def _tell_third_outcomes(console: Console, third: Sequence[Cell]) -> None:
    for cell in third:
        console.print(f"third outcome: {cell}\n  replay: {cell.replay}", style="red", markup=False)


if __name__ == "__main__":
    app()
