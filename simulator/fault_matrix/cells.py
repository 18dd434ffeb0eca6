"""The cells of the matrix: a way to use a backend, a moment, an act and a fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from simulator.fault_matrix.acts import ACTS, MASKABLE, WORTH_RETRYING, Act, Fault, Moment, impossible
from simulator.fault_matrix.stage import SETTINGS, Setting


class Variant(StrEnum):
    """How often the fault strikes, and when the next run comes."""

    PLAIN = "each try is struck, and runs are daily"
    FIRST_TRY = "the first try alone is struck"
    AT_ONCE = "the next run comes a minute later"


@dataclass(frozen=True)
class Cell:
    """One cell; as text, the name by which the command knows it."""

    setting: Setting
    moment: Moment
    act: Act
    fault: Fault
    variant: Variant = Variant.PLAIN

    def __str__(self) -> str:
        return ", ".join((self.setting.label, self.moment, self.act, self.fault, self.variant))

    @property
    def impossible(self) -> str:
        """Why it cannot be; empty where it can."""
        return impossible(self.moment, self.act, self.fault, leases=self.setting.leases)

    @property
    def replay(self) -> str:
        """The command that plays this cell alone and shows its trace."""
        return f'python -m simulator.fault_matrix "{self}"'


def all_cells(setting: Setting) -> Iterator[Cell]:
    """Every cell of one backend, the impossible ones among them."""
    for moment, acts in ACTS.items():
        for act in acts:
            yield from (Cell(setting, moment, act, fault) for fault in Fault)
    for moment in (Moment.ROTATION, Moment.RETIREMENT):
        for act in ACTS[moment]:
            if act in WORTH_RETRYING:
                yield from (Cell(setting, moment, act, fault, Variant.FIRST_TRY) for fault in MASKABLE)
    for act in ACTS[Moment.ROTATION] if setting.leases else ():
        yield from (Cell(setting, Moment.ROTATION, act, fault, Variant.AT_ONCE) for fault in Fault)


def setting_named(label: str) -> Setting:
    """The way of use with this label; raises KeyError."""
    return {setting.label: setting for setting in SETTINGS}[label]
