"""Cells of the fault matrix on the real CLI, held to the model run by run. It takes minutes: only in the deep tests."""

from __future__ import annotations

from functools import partial

import pytest

from simulator.fault_matrix.matrix import cells_named
from simulator.fault_matrix.on_the_cli import cells_on_the_cli
from tests.agreement.conftest import Agree
from tests.agreement.fault_cells import AT_AUTHENTIK, AT_VAULT, Pair, at_authentik, at_vault

_HALF = len(AT_AUTHENTIK) // 2
CHAINS = [
    pytest.param(AT_AUTHENTIK[:_HALF], id="mints-and-revocations"),
    pytest.param(AT_AUTHENTIK[_HALF:], id="from-the-mint-to-the-receipt"),
]


@pytest.mark.deep
@pytest.mark.parametrize("pairs", CHAINS)
def test_cells_at_authentik(pairs: list[Pair], agree: Agree) -> None:
    """Whatever goes wrong, the next run installs, and what was superseded or lost is then revoked and verified."""
    agree(partial(at_authentik, pairs=pairs))


@pytest.mark.deep
def test_cells_at_vault(agree: Agree) -> None:
    """So it is with leases, whatever goes wrong between their mint and the record of their confirmation."""
    agree(partial(at_vault, cells=AT_VAULT), instants=False)


def test_at_least_twenty_cells_are_played_on_the_real_cli() -> None:
    """Every cell that the matrix marks stands in a chain, and there are twenty of them or more."""
    played = [cell for pair in AT_AUTHENTIK for cell in pair if cell] + AT_VAULT
    assert set(played) == set(cells_on_the_cli())
    assert len(played) >= 20
    assert set(played) <= {cell for cell in cells_named() if not cell.impossible}
