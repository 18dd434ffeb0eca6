"""The life of a token: minted, rotated, retired, changed, renamed, removed."""

from __future__ import annotations

from tests.agreement.harness import ADMIN, POLICY, World


def first_run_and_nothing_due(world: World) -> None:
    """The first run makes everything, and the second changes nothing."""
    world.declare(admin=ADMIN)
    world.preview()
    world.up()
    world.up()


def rotation_and_its_dry_run(world: World) -> None:
    """A due token is replaced, the dry run shows it and does nothing."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.preview()
    world.up()


def whole_overlap(world: World) -> None:
    """The superseded generation is ended after its overlap, and the pair lets go of it in the run after that."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.up()
    world.days(31)
    world.up()
    world.up()


def forced_inside_an_overlap(world: World) -> None:
    """A new nonce rotates once, and leaves the deadline of what is superseded already."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.up()
    world.days(10)
    world.declare(admin={**ADMIN, "force": "now"})
    world.up()


def emergency_inside_an_overlap(world: World) -> None:
    """Every earlier generation ends in the run of the emergency, after its successor was published."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.up()
    world.days(1)
    world.declare(admin={**ADMIN, "emergency": "leaked"})
    world.up()
    world.up()


def spec_change(world: World) -> None:
    """Another user of the token is another token: it is replaced."""
    world.declare(admin=ADMIN)
    world.up()
    world.declare(admin={**ADMIN, "spec": {"user": "robot-two"}})
    world.up()


def policy_change(world: World) -> None:
    """A policy by which nothing is due moves the instants alone."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(21)
    world.declare(admin={**ADMIN, "policy": {**POLICY, "lifetime": "90d"}})
    world.preview()
    world.up()


def renamed_inside_an_overlap(world: World) -> None:
    """A new name for a token mints nothing, keeps the published values, and holds what the former name superseded."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.up()
    world.declare(root={**ADMIN, "was": ["admin"], "places": ["admin"]})
    world.preview()
    world.up()


def two_tokens_of_which_one_is_due(world: World) -> None:
    """Each has its own time."""
    quick = {**ADMIN, "policy": {"lifetime": "40d", "rotate_before": "20d", "overlap": "10d", "tolerated_outage": "3d"}}
    world.declare(admin=ADMIN, quick=quick)
    world.up()
    world.days(21)
    world.up()


def one_token_at_two_places(world: World) -> None:
    """Both places get the same generation before anything is retired."""
    world.declare(admin={**ADMIN, "places": ["admin", "mirror"]})
    world.up()
    world.days(61)
    world.up()


def destroyed_without_a_decommission(world: World) -> None:
    """A stack that was not decommissioned loses its sweep at most, and nothing that is alive."""
    world.declare(admin=ADMIN)
    world.up()
    world.destroy()


def destroyed_inside_an_overlap(world: World) -> None:
    """A decommissioned stack is deleted, and every generation ends."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.set("decommission", ["admin"])
    world.up()
    world.destroy()


def missing_by_mistake_and_decommissioned(world: World) -> None:
    """A token that vanishes from the config is refused until it is decommissioned; its neighbour lives on."""
    world.declare(admin=ADMIN, other=ADMIN)
    world.up()
    world.declare(other=ADMIN)
    world.up()
    world.declare(admin=ADMIN, other=ADMIN)
    world.set("decommission", ["admin"])
    world.up()
    world.declare(other=ADMIN)
    world.up()


ALL = [whole_overlap, emergency_inside_an_overlap]

MORE = [
    rotation_and_its_dry_run,
    renamed_inside_an_overlap,
    destroyed_inside_an_overlap,
    first_run_and_nothing_due,
    forced_inside_an_overlap,
    policy_change,
    one_token_at_two_places,
    destroyed_without_a_decommission,
    two_tokens_of_which_one_is_due,
    spec_change,
    missing_by_mistake_and_decommissioned,
]
