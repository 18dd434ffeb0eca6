"""A backend of leases that lists nothing: the simulated Vault in the model, a real OpenBao with the CLI.

OpenBao keeps real time, so policies are short, and a run comes before or long after what it must not meet.
"""

from __future__ import annotations

from tests.agreement.harness import ADMIN, ROLE, World

SHORT = {"lifetime": "3000s", "rotate_every": "1500s", "overlap": "5s", "tolerated_outage": "20s"}
ROOT = {"backend": "vault", "spec": {"role": ROLE}, "policy": SHORT}


def vault_rotated_and_retired(world: World) -> None:
    """A forced rotation is published as a lease that was confirmed, and the old one is revoked after its overlap."""
    world.declare(root=ROOT)
    world.up()
    world.declare(root={**ROOT, "force": "now"})
    world.up()
    world.seconds(6)
    world.up()


def vault_emergency(world: World) -> None:
    """Every earlier generation ends in the run of the emergency."""
    world.declare(root=ROOT)
    world.up()
    world.declare(root={**ROOT, "emergency": "leaked"})
    world.up()


def vault_lease_that_could_not_be_confirmed(world: World) -> None:
    """A lease that could be neither confirmed nor revoked is confirmed by the next run."""
    world.declare(root=ROOT)
    world.trouble("vault", "extend", "refuse", times=99, status=403)
    world.up()
    world.heal()
    world.up()


def vault_killed_after_the_confirmation(world: World) -> None:
    """A confirmed generation that no state knows is noted beside the receipts, and none is forgotten."""
    world.declare(root=ROOT)
    world.up()
    world.declare(root={**ROOT, "force": "now"})
    world.trouble("vault", "extend", "kill after")
    world.up()
    world.up()


def vault_down_while_forced(world: World) -> None:
    """A rotation that cannot reach its backend waits."""
    world.declare(root=ROOT)
    world.up()
    world.declare(root={**ROOT, "force": "now"})
    world.down("vault")
    world.up()
    world.heal()
    world.up()


def vault_mint_refused_beside_another_token(world: World) -> None:
    """A token that cannot be minted stops no other: that one is minted, published and retired as if it were alone."""
    world.declare(admin=ADMIN, root=ROOT)
    world.up()
    world.declare(admin={**ADMIN, "force": "now"}, root={**ROOT, "force": "now"})
    world.trouble("vault", "mint", "refuse", times=99, status=400)
    world.up()
    world.heal()
    world.up()


ALL = [vault_rotated_and_retired]

MORE = [
    vault_emergency,
    vault_mint_refused_beside_another_token,
    vault_killed_after_the_confirmation,
    vault_lease_that_could_not_be_confirmed,
    vault_down_while_forced,
]
