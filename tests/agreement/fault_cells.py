"""Cells of the fault matrix in both worlds: one after another on one stack, each from a settled state to the next.

At Authentik time is moved by hand, so each cell is followed past its overlap. OpenBao keeps real time: rotations are
forced there, and an emergency at the end pulls every deadline to now.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from simulator.fault_matrix.acts import Act, Fault, Moment
from simulator.fault_matrix.cells import Cell
from simulator.fault_matrix.on_the_cli import cells_on_the_cli
from tests.agreement.harness import ADMIN, World
from tests.agreement.troubles import How

LEASED: dict[str, Any] = {
    "backend": "vault",
    "spec": {"role": "homelab-admin"},
    "policy": {"lifetime": "6h", "rotate_every": "3h", "overlap": "1h", "tolerated_outage": "20s"},
}
Pair = tuple[Cell, Cell | None]
"""A rotation, and the end of the overlap that follows it; None: an end without a fault."""
_HOW: dict[Fault, How] = {
    Fault.REFUSED: "refuse",
    Fault.LOST: "lose",
    Fault.LATE: "late",
    Fault.KILLED_BEFORE: "kill before",
    Fault.KILLED_AFTER: "kill after",
}
_KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)
_AT_BACKEND = {Act.MINT: "mint", Act.READ_BACK: "read key", Act.PROBE: "probe", Act.CONFIRM: "extend"}
_AT_BACKEND |= {Act.RETIRE: "revoke", Act.VERIFY: "find"}
_AT_CLUSTER = {Act.PUBLISH_FIRST: "publish", Act.RECEIPT: "write receipt"}
_OF_A_CREDENTIAL = ("greet", "list", "find", "mint", "revoke", "look up user", "read key")


def rotations_and_retirements(cells: Sequence[Cell]) -> list[Pair]:
    """Each rotation with the end of the overlap that follows it, which has a fault of its own while there are any."""
    rotations = [cell for cell in cells if cell.moment is Moment.ROTATION]
    retirements = [cell for cell in cells if cell.moment is Moment.RETIREMENT]
    return [(rotation, end) for rotation, end in zip_longest(rotations, retirements) if rotation is not None]


def at_authentik(world: World, pairs: Sequence[Pair]) -> None:
    """Each cell is healed by the next run, and after its overlap only the current generation is alive."""
    world.declare(admin=ADMIN)
    world.up()
    assert_settled(world, "authentik")
    for rotation, end in pairs:
        world.days(61)
        play(world, rotation)
        assert_installed(world)
        world.days(31)
        if end is None:
            world.up()
        else:
            play(world, end)
        assert_settled(world, "authentik")


def at_vault(world: World, cells: Sequence[Cell]) -> None:
    """Each cell is healed by the run after it, within the lease; what it left is ended with everything else."""
    world.declare(admin=LEASED)
    world.up()
    for number, cell in enumerate(cells):
        world.declare(admin={**LEASED, "force": f"cell {number}"})
        play(world, cell)
        assert_installed(world)
    world.declare(admin={**LEASED, "force": f"cell {len(cells) - 1}", "emergency": "now"})
    world.up()
    assert_settled(world, "vault")


def play(world: World, cell: Cell) -> None:
    """The struck run, and the one that heals it."""
    if cell.fault is Fault.EXPIRED:
        _expire(world, cell)
    else:
        site, act = _where(cell)
        world.trouble(site, act, _HOW[cell.fault], times=1 if cell.fault in _KILLS else 99)
        world.up()
    world.heal()
    world.up()


def _expire(world: World, cell: Cell) -> None:
    """From this act on in this run, and in all of the next one, the credential is refused."""
    site, act = _where(cell)
    for refused in (act, "find", "revoke"):
        world.trouble(site, refused, "refuse", times=99, status=403)
    world.up()
    for refused in _OF_A_CREDENTIAL:
        world.trouble(site, refused, "refuse", times=99, status=403)
    world.up()


def _where(cell: Cell) -> tuple[str, str]:
    if cell.act in _AT_CLUSTER:
        return "cluster", _AT_CLUSTER[cell.act]
    return cell.setting.backend, _AT_BACKEND[cell.act]


def assert_installed(world: World) -> None:
    """The last run succeeded, and the generation that the state calls current is the one that is published."""
    lines = world.pictures[-1].lines
    assert "it succeeded" in lines, world.pictures[-1]
    current = _told(lines, "state of token admin: ").partition(" because")[0]
    assert _told(lines, "published at admin: ").startswith(f"token {current}, ")
    assert current in _live(world)


def assert_settled(world: World, site: str) -> None:
    """Installed, and nothing but the current generation is alive or held for alive."""
    assert_installed(world)
    lines = world.pictures[-1].lines
    current = _told(lines, "state of token admin: ").partition(" because")[0]
    assert _told(lines, f"live at {site}: ") == current, world.pictures[-1]
    waiting = [line for line in lines if " waits for " in line or (" holds " in line and ", dead" not in line)]
    assert not waiting


def _live(world: World) -> list[str]:
    lines = world.pictures[-1].lines
    return [name for line in lines if line.startswith("live at ") for name in line.partition(": ")[2].split(", ")]


def _told(lines: Sequence[str], beginning: str) -> str:
    return next(line.removeprefix(beginning) for line in lines if line.startswith(beginning))


AT_AUTHENTIK = rotations_and_retirements([cell for cell in cells_on_the_cli() if cell.setting.label == "authentik"])
AT_VAULT = [cell for cell in cells_on_the_cli() if cell.setting.label == "vault"]
