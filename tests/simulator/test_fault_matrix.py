"""Every act of the line under every fault: no generation comes to a third outcome, and the judge would see one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import stamina.instrumentation
from typer.testing import CliRunner

from dynamic_providers import judging
from rotation import lifecycle
from rotation.backends.authentik import Authentik
from rotation.backends.vault import Vault
from rotation.checks import History
from rotation.ledger import Ledger
from simulator.fault_matrix.__main__ import DOCUMENT, app
from simulator.fault_matrix.acts import Act, Fault, Moment
from simulator.fault_matrix.cells import Cell, all_cells, setting_named
from simulator.fault_matrix.matrix import Matrix, cells_named
from simulator.fault_matrix.play import play
from simulator.fault_matrix.stage import SETTINGS, Setting


@pytest.fixture(autouse=True)
def _retries_are_not_told() -> None:
    stamina.instrumentation.set_on_retry_hooks([])


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    """All of it, played once."""
    stamina.instrumentation.set_on_retry_hooks([])
    return Matrix.played(cells_named())


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.label)
def test_no_cell_comes_to_a_third_outcome(matrix: Matrix, setting: Setting) -> None:
    """After healing, every generation is installed, or revoked and verified, whatever went wrong at whichever act."""
    wrong = {cell.replay: matrix.verdicts[cell].words for cell in matrix.third if cell.setting is setting}
    assert not wrong


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.label)
def test_every_act_meets_every_fault(setting: Setting) -> None:
    """Each act has a cell for each fault; where no run does an act at all, the cell is called impossible."""
    cells = list(all_cells(setting))
    assert {(cell.act, cell.fault) for cell in cells} == {(act, fault) for act in Act for fault in Fault}
    never_done = [cell for cell in cells if cell.impossible and cell.fault is Fault.KILLED_BEFORE]
    assert never_done
    for cell in never_done:
        assert "the act did not happen, so nothing was struck" in play(cell).wrong, cell


def test_the_document_is_what_the_command_would_write(matrix: Matrix) -> None:
    """docs/fault-matrix.md tells of this code; `make fault-matrix` writes it."""
    assert DOCUMENT.read_text() == matrix.document()


def test_a_cell_replays_exactly() -> None:
    """The name that is printed plays that cell alone, to the very same trace."""
    cell = Cell(setting_named("vault"), Moment.ROTATION, Act.CONFIRM, Fault.KILLED_AFTER)
    assert cells_named(str(cell)) == [cell]
    assert str(cell) in cell.replay
    assert play(cell).trace == play(cell).trace


# --- the judge bites: production code, broken in one place ------------------------------------------------------------

Break = Callable[[pytest.MonkeyPatch], None]


def _nothing_is_verified(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Authentik, "is_dead", lambda _self, _handle: True)


def _a_lease_is_not_verified(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Vault, "is_dead", lambda _self, _handle: True)


def _no_orphan_is_found(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lifecycle, "find_orphans", lambda _inventory, _known: lifecycle.Orphans(()))


def _a_failure_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "forget", lambda self, _named: Ledger(tuple(e for e in self.entries if not e.attempts)))


def _no_overlap_is_given(patch: pytest.MonkeyPatch) -> None:
    real = Ledger.admit

    def admit(ledger: Ledger, superseded: Any, published_at: datetime, _overlap: timedelta) -> Ledger:
        return real(ledger, superseded, published_at, timedelta(0))

    patch.setattr(Ledger, "admit", admit)


def _what_is_unpublished_counts_as_missing(patch: pytest.MonkeyPatch) -> None:
    real = judging.history_of

    def history_of(*given: Any) -> History:
        history = real(*given)
        published = history.published is not None and history.published.generation == history.generation
        return history if published else replace(history, missing=True)

    patch.setattr(judging, "history_of", history_of)
    patch.setattr("dynamic_providers.token.history_of", history_of)


BROKEN: list[tuple[Break, str, str]] = [
    (
        _nothing_is_verified,
        "authentik, the end of an overlap, retire, lost after",
        "neither installed nor verified dead",
    ),
    (
        _a_lease_is_not_verified,
        "vault, the end of an overlap, retire, lost after",
        "neither installed nor verified dead",
    ),
    (_no_orphan_is_found, "authentik, a rotation, mint, killed after", "is alive"),
    (_a_failure_is_forgotten, "authentik, the end of an overlap, retire, refused before", "is alive"),
    (_no_overlap_is_given, "authentik, a rotation, probe, killed after", "a consumer is never without a valid token"),
    (_what_is_unpublished_counts_as_missing, "authentik, a rotation, publication 2, lost after", "mints"),
]


@pytest.mark.parametrize(("broken", "name", "seen"), BROKEN, ids=[case[0].__name__.strip("_") for case in BROKEN])
def test_the_judge_sees_broken_code(monkeypatch: pytest.MonkeyPatch, broken: Break, name: str, seen: str) -> None:
    """A broken variant comes to a third outcome; the command prints how to replay it and exits with 1."""
    (cell, *_) = cells_named(name)
    assert not play(cell).wrong
    broken(monkeypatch)
    assert any(seen in text for text in play(cell).wrong), play(cell).words
    told = CliRunner().invoke(app, [str(cell)])
    assert told.exit_code == 1
    assert cell.replay in told.output
