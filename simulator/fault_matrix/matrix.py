"""All cells played, and what can be told of them together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simulator.fault_matrix.cells import Cell, all_cells
from simulator.fault_matrix.on_the_cli import cells_on_the_cli
from simulator.fault_matrix.play import Verdict, play
from simulator.fault_matrix.stage import SETTINGS
from simulator.fault_matrix.tables import Counts, Table, counts_of, document, tables_of


@dataclass(frozen=True)
class Matrix:
    """`verdicts` holds the cells that can be."""

    cells: Sequence[Cell]
    verdicts: dict[Cell, Verdict]

    @staticmethod
    def played(cells: Iterable[Cell]) -> Matrix:
        """Play each cell that can be, in a world of its own."""
        found = list(cells)
        return Matrix(found, {cell: play(cell) for cell in found if not cell.impossible})

    @property
    def third(self) -> list[Cell]:
        """The cells that came to a third outcome."""
        return [cell for cell, verdict in self.verdicts.items() if verdict.wrong]

    @property
    def total(self) -> Counts:
        return counts_of(self.cells, self.verdicts, cells_on_the_cli())

    def counts(self) -> dict[str, Counts]:
        """By backend."""
        return {
            label: counts_of(cells, self.verdicts, cells_on_the_cli()) for label, cells in self._by_setting().items()
        }

    def tables(self) -> dict[str, list[Table]]:
        """By backend."""
        found = self._by_setting()
        shown = [setting for setting in SETTINGS if setting.label in found]
        return {item.label: tables_of(item, self.verdicts, found[item.label], cells_on_the_cli()) for item in shown}

    def document(self) -> str:
        """What docs/fault-matrix.md must hold."""
        return document(self.tables(), self.counts(), self.total)

    def _by_setting(self) -> dict[str, list[Cell]]:
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            found.setdefault(cell.setting.label, []).append(cell)
        return found


def cells_named(beginning: str = "") -> list[Cell]:
    """The cells whose name begins so; all of them by default."""
    return [cell for setting in SETTINGS for cell in all_cells(setting) if str(cell).startswith(beginning)]
