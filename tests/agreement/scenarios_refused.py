"""Input that is refused before anything is minted."""

from __future__ import annotations

from tests.agreement.harness import ADMIN, POLICY, World


def renamed_without_was(world: World) -> None:
    """A new name at the place of an old one is refused, and nothing is minted."""
    world.declare(admin=ADMIN)
    world.up()
    world.declare(root={**ADMIN, "places": ["admin"]})
    world.up()


def place_of_somebody_else(world: World) -> None:
    """A Secret that is not ours is not overwritten."""
    world.put("admin", "somebody-elses")
    world.declare(admin=ADMIN)
    world.up()


def policy_that_cannot_hold(world: World) -> None:
    """A policy without the margin that it needs is refused before anything runs."""
    world.declare(admin={**ADMIN, "policy": {**POLICY, "overlap": "50d"}})
    world.up()


def another_backend(world: World) -> None:
    """A token does not move to another backend under its name."""
    world.declare(admin=ADMIN)
    world.up()
    world.declare(admin={**ADMIN, "backend": "vault", "spec": {"role": "homelab-admin"}})
    world.up()


ALL = [place_of_somebody_else, policy_that_cannot_hold]

MORE = [renamed_without_was, another_backend]
