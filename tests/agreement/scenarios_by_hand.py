"""What people do: pause, roll back, adopt, put values by hand, write beside us, limit and forbid rotations."""

from __future__ import annotations

from tests.agreement.harness import ADMIN, POLICY, World

PLACE = {"adopt": True}


def paused_while_due(world: World) -> None:
    """Nothing is minted while a token is paused; retirement goes on."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.declare(admin={**ADMIN, "paused": True})
    world.preview()
    world.up()


def paused_inside_an_overlap(world: World) -> None:
    """The superseded generation ends all the same."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.up()
    world.declare(admin={**ADMIN, "paused": True})
    world.up()
    world.days(31)
    world.up()


def paused_before_its_first_generation(world: World) -> None:
    """A token that begins paused is refused."""
    world.declare(admin={**ADMIN, "paused": True})
    world.up()


def rolled_back_by_hand(world: World) -> None:
    """The previous generation is current again, the newer one is superseded, and nothing is minted."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.up()
    world.declare(admin={**ADMIN, "rollback": "it lacks a right"})
    world.preview()
    world.up()


def nothing_to_roll_back_to(world: World) -> None:
    """Outside an overlap a rollback is deferred."""
    world.declare(admin=ADMIN)
    world.up()
    world.declare(admin={**ADMIN, "rollback": "it lacks a right"})
    world.up()


def rolled_back_by_a_failed_probe(world: World) -> None:
    """A published generation that its server does not take any more gives way to the one before it."""
    probed = {**ADMIN, "probe": "always"}
    world.declare(admin=probed)
    world.up()
    world.days(61)
    world.up()
    world.spoil("admin", 2)
    world.up()


def adopted(world: World) -> None:
    """A token made by hand is refused unless its place is marked, then taken as it is."""
    world.put("admin", world.issue("made-by-hand"))
    world.declare(admin=ADMIN)
    world.up()
    world.declare(admin={**ADMIN, **PLACE})
    world.preview()
    world.up()


def managed_by_somebody_else(world: World) -> None:
    """What somebody else manages is adopted only when the take-over is asked for."""
    world.put("admin", world.issue("made-by-hand"), manager="kyverno")
    world.declare(admin={**ADMIN, **PLACE})
    world.up()
    world.declare(admin={**ADMIN, **PLACE, "takeOver": True})
    world.up()


def recovered_by_hand(world: World) -> None:
    """A working value that was put in while the recorded one is dead is adopted."""
    world.declare(admin=ADMIN)
    world.up()
    world.end("admin", 1)
    world.put("admin", world.issue("rescue"))
    world.preview()
    world.up()


def dead_at_the_backend(world: World) -> None:
    """A generation that an administrator ended is replaced."""
    world.declare(admin=ADMIN)
    world.up()
    world.end("admin", 1)
    world.up()


def drift_repaired(world: World) -> None:
    """A slip of the hand is written over by the next run."""
    world.declare(admin=ADMIN)
    world.up()
    world.put("admin", "a-slip")
    world.preview()
    world.up()


def second_writer(world: World) -> None:
    """Somebody who says to manage the place, too, is told of."""
    world.declare(admin=ADMIN)
    world.up()
    world.put("admin", world.names.value("admin", 1), manager="kyverno")
    world.up()


def rotation_limit(world: World) -> None:
    """Of two that are due only one begins in a run."""
    world.set("rotation_limit", 1)
    world.declare(admin=ADMIN, other=ADMIN)
    world.up()
    world.days(61)
    world.declare(admin=ADMIN, other={**ADMIN, "force": "now"})
    world.up()
    world.up()


def outside_the_window(world: World) -> None:
    """A due token waits for its window."""
    closed = [{"first": "2020-01-01", "last": "2090-01-01"}]
    world.declare(admin={**ADMIN, "policy": {**POLICY, "blackouts": closed}})
    world.up()
    world.days(61)
    world.up()


def secret_deleted_and_refreshed(world: World) -> None:
    """A deleted Secret is told of, and made anew by a refresh."""
    world.declare(admin=ADMIN)
    world.up()
    world.delete_secret("admin")
    world.up()
    world.up(refresh=True)


def refresh_of_a_vanished_token(world: World) -> None:
    """A refresh that finds the generation gone mints another."""
    world.declare(admin=ADMIN)
    world.up()
    world.end("admin", 1)
    world.up(refresh=True)


def refresh_with_nothing_gone(world: World) -> None:
    """A refresh of what stands changes nothing."""
    world.declare(admin=ADMIN)
    world.up()
    world.up(refresh=True)


ALL = [adopted, second_writer]

MORE = [
    rolled_back_by_a_failed_probe,
    refresh_of_a_vanished_token,
    paused_while_due,
    paused_before_its_first_generation,
    rotation_limit,
    outside_the_window,
    recovered_by_hand,
    managed_by_somebody_else,
    drift_repaired,
    rolled_back_by_hand,
    secret_deleted_and_refreshed,
    paused_inside_an_overlap,
    nothing_to_roll_back_to,
    dead_at_the_backend,
    refresh_with_nothing_gone,
]
