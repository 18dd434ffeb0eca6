"""The cells that tests/agreement plays on the real CLI as well, with real servers where there are any.

A fault of the simulated world is one of the network there, or the death of the CLI and of all that it started.
"""

from __future__ import annotations

from simulator.fault_matrix.acts import Act, Fault, Moment
from simulator.fault_matrix.cells import Cell, Variant, setting_named

_ROTATION = (
    *((Act.MINT, fault) for fault in Fault),
    (Act.READ_BACK, Fault.KILLED_AFTER),
    (Act.PROBE, Fault.REFUSED),
    (Act.PUBLISH_FIRST, Fault.REFUSED),
    (Act.PUBLISH_FIRST, Fault.KILLED_AFTER),
    (Act.RECEIPT, Fault.KILLED_AFTER),
)
_RETIREMENT = (
    (Act.RETIRE, Fault.REFUSED),
    (Act.RETIRE, Fault.LOST),
    (Act.RETIRE, Fault.LATE),
    (Act.RETIRE, Fault.KILLED_AFTER),
    (Act.VERIFY, Fault.REFUSED),
    (Act.VERIFY, Fault.KILLED_BEFORE),
)
_LEASES = (
    (Act.PROBE, Fault.REFUSED),
    (Act.CONFIRM, Fault.REFUSED),
    (Act.CONFIRM, Fault.LOST),
    (Act.CONFIRM, Fault.LATE),
    (Act.CONFIRM, Fault.KILLED_BEFORE),
    (Act.CONFIRM, Fault.KILLED_AFTER),
)


def cells_on_the_cli() -> list[Cell]:
    """All of them: Authentik's rotations and ends of overlaps, Vault's leases."""
    authentik, vault = setting_named("authentik"), setting_named("vault")
    return [
        *(Cell(authentik, Moment.ROTATION, act, fault) for act, fault in _ROTATION),
        *(Cell(authentik, Moment.RETIREMENT, act, fault) for act, fault in _RETIREMENT),
        *(Cell(vault, Moment.ROTATION, act, fault, Variant.AT_ONCE) for act, fault in _LEASES),
    ]
