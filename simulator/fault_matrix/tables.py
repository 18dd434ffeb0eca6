"""The verdicts as tables: for a terminal, and for docs/fault-matrix.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import rich.table

from simulator.fault_matrix.acts import Act, Fault, Moment
from simulator.fault_matrix.cells import Cell, Variant
from simulator.fault_matrix.head import HEAD
from simulator.fault_matrix.play import Verdict
from simulator.fault_matrix.stage import SETTINGS, Setting

Verdicts = Mapping[Cell, Verdict]
_ON_THE_CLI = " [cli]"


@dataclass
class Table:
    """Rows are acts at a moment, columns are faults. `reasons`: why cells are impossible, by their marks."""

    title: str
    faults: list[Fault] = field(default_factory=list)
    rows: dict[tuple[Moment, Act], dict[Fault, str]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def add(self, cell: Cell, words: str) -> None:
        """Put one cell in its place; an impossible one refers to its reason."""
        if cell.impossible and cell.impossible not in self.reasons:
            self.reasons.append(cell.impossible)
        shown = f"({self.reasons.index(cell.impossible) + 1})" if cell.impossible else words
        if cell.fault not in self.faults:
            self.faults.append(cell.fault)
        self.rows.setdefault((cell.moment, cell.act), {})[cell.fault] = shown

    def lines(self) -> Iterator[tuple[Moment, list[str]]]:
        """Each row as texts, the first of which names the act."""
        for (moment, act), cells in self.rows.items():
            yield moment, [str(act), *(cells.get(fault, "") for fault in self.faults)]


@dataclass(frozen=True)
class Counts:
    """How many cells there are, and what became of them."""

    played: int
    impossible: int
    third: int
    on_the_cli: int

    def __str__(self) -> str:
        told = f"{self.played} cells played, {self.impossible} impossible, third outcomes: {self.third}"
        return f"{told}; {self.on_the_cli} of them on the real CLI as well" if self.on_the_cli else told


def counts_of(cells: Sequence[Cell], verdicts: Verdicts, on_the_cli: Sequence[Cell]) -> Counts:
    """Count cells, all or those of one backend."""
    possible = [cell for cell in cells if not cell.impossible]
    third = sum(bool(verdicts[cell].wrong) for cell in possible)
    return Counts(len(possible), len(cells) - len(possible), third, len(set(on_the_cli) & set(possible)))


def tables_of(setting: Setting, verdicts: Verdicts, cells: Sequence[Cell], on_the_cli: Sequence[Cell]) -> list[Table]:
    """The tables of one backend."""
    found = []
    for variant in Variant:
        table = Table(f"{setting.title}: {variant}")
        for cell in cells:
            if cell.variant is variant:
                mark = _ON_THE_CLI if cell in on_the_cli else ""
                table.add(cell, "" if cell.impossible else verdicts[cell].words + mark)
        if table.rows:
            found.append(table)
    return found


def for_a_terminal(table: Table) -> rich.table.Table:
    """With a line between moments."""
    shown = rich.table.Table("act", *table.faults, title=table.title, title_justify="left", title_style="bold")
    before = None
    for moment, texts in table.lines():
        if moment is not before:
            shown.add_section()
            shown.add_row(f"[bold]in {moment}[/bold]")
        before = moment
        shown.add_row(*(_coloured(text) for text in texts))
    return shown


def _coloured(text: str) -> str:
    shown = text.replace(_ON_THE_CLI, "\\" + _ON_THE_CLI.strip())
    return f"[red]{shown}[/red]" if text.startswith("THIRD") else shown


def as_markdown(table: Table) -> Iterator[str]:
    """The lines of a heading, the table and its reasons."""
    yield from (f"### {table.title}", "")
    yield "| in | act | " + " | ".join(table.faults) + " |"
    yield "| --- " * (len(table.faults) + 2) + "|"
    for moment, texts in table.lines():
        yield f"| {moment} | " + " | ".join(texts) + " |"
    yield ""
    yield from (f"({number}) {reason}.  " for number, reason in enumerate(table.reasons, 1))
    if table.reasons:
        yield ""


def document(tables: Mapping[str, Sequence[Table]], counts: Mapping[str, Counts], total: Counts) -> str:
    """The whole of docs/fault-matrix.md."""
    lines = [*HEAD.splitlines(), "", "| backend | played | impossible | third outcomes | on the real CLI |"]
    lines.append("| --- | --- | --- | --- | --- |")
    titles = {setting.label: setting.title for setting in SETTINGS}
    for label, found in [*counts.items(), ("all", total)]:
        row = (titles.get(label, label), found.played, found.impossible, found.third, found.on_the_cli)
        lines.append("| " + " | ".join(map(str, row)) + " |")
    lines.append("")
    for found_tables in tables.values():
        for table in found_tables:
            lines += as_markdown(table)
    return "\n".join(lines).rstrip() + "\n"
