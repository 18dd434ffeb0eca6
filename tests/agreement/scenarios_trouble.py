"""Servers that fail, answers that are lost, runs that are killed: what is left, and how the next runs heal it."""

from __future__ import annotations

from tests.agreement.harness import ADMIN, World

EARLY = {"lifetime": "100d", "rotate_every": "20d", "overlap": "10d", "tolerated_outage": "3d"}
"""Due at day 20, 80 days before the end."""


def target_refuses_then_heals(world: World) -> None:
    """A refused publication retires nothing and mints nothing more; the overlap begins when it succeeds."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.trouble("cluster", "publish", "refuse", times=99, status=403)
    world.up()
    world.days(1)
    world.heal()
    world.up()


def unpublished_at_the_next_due_date(world: World) -> None:
    """A target that stays broken does not cost a mint at each due date."""
    world.declare(admin={**ADMIN, "policy": EARLY})
    world.up()
    world.trouble("cluster", "publish", "refuse", times=99, status=403)
    world.days(21)
    world.up()
    world.days(21)
    world.up()
    world.heal()
    world.up()


def cluster_away_at_a_rotation(world: World) -> None:
    """Without the cluster the state alone counts; the next run publishes what was minted."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.down("cluster")
    world.up()
    world.heal()
    world.up()


def cluster_away_with_nothing_due(world: World) -> None:
    """Nothing changes."""
    world.declare(admin=ADMIN)
    world.up()
    world.down("cluster")
    world.up()


def receipt_cannot_be_written(world: World) -> None:
    """What was published without a receipt is told by the next run."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.trouble("cluster", "write receipt", "refuse", status=403)
    world.up()
    world.days(1)
    world.up()


def backend_down_while_due(world: World) -> None:
    """The rotation waits, and happens when the backend is back."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.down("authentik")
    world.up()
    world.heal()
    world.up()


def mint_refused(world: World) -> None:
    """A server that refuses to mint leaves everything as it was."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.trouble("authentik", "mint", "refuse", times=99, status=400)
    world.up()


def mint_whose_answer_is_lost(world: World) -> None:
    """A lost answer is found by asking, within the call or by the sweep."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.trouble("authentik", "mint", "lose")
    world.up()


def mint_that_is_carried_out_late(world: World) -> None:
    """What the server does after its caller gave up is an orphan, and the sweep's to end."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.trouble("authentik", "mint", "late", times=99)
    world.up()
    world.heal()
    world.up()


def probe_fails(world: World) -> None:
    """What does not work is revoked at once, and nothing is published."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.trouble("authentik", "probe", "refuse", times=99, status=403)
    world.up()


def revocation_refused_then_healed(world: World) -> None:
    """A failed revocation fails no run; the ledger keeps it, counts it and tries again."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.up()
    world.days(31)
    world.trouble("authentik", "revoke", "refuse", times=99, status=403)
    world.up()
    world.heal()
    world.up()


def credential_expired(world: World) -> None:
    """A credential that is refused mints nothing, ends nothing and loses nothing."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    for act in ("greet", "list", "find", "mint", "revoke", "look up user", "read key"):
        world.trouble("authentik", act, "refuse", times=99, status=403)
    world.up()
    world.heal()
    world.up()


def killed_before_the_mint(world: World) -> None:
    """Nothing happened."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.trouble("authentik", "mint", "kill before")
    world.up()
    world.up()


def killed_after_the_mint(world: World) -> None:
    """The generation that no state knows is an orphan with a deadline, and another one is published."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.trouble("authentik", "mint", "kill after")
    world.up()
    world.up()


def killed_at_the_first_mint(world: World) -> None:
    """The first generation is lost, and a second one begins the life of the token."""
    world.declare(admin=ADMIN)
    world.trouble("authentik", "mint", "kill after")
    world.up()
    world.up()


def killed_before_the_publication(world: World) -> None:
    """The pair knows the new generation; the next run publishes it and mints nothing."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.trouble("cluster", "publish", "kill before")
    world.up()
    world.days(1)
    world.up()


def killed_after_the_publication(world: World) -> None:
    """What was published and never recorded is published again, and nothing is minted."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.trouble("cluster", "publish", "kill after")
    world.up()
    world.days(1)
    world.up()


def killed_while_it_revokes(world: World) -> None:
    """A revocation that was not recorded is verified by the next run."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.up()
    world.days(31)
    world.trouble("authentik", "revoke", "kill after")
    world.up()
    world.up()


def killed_after_the_receipt(world: World) -> None:
    """The receipt tells of a publication that the state does not know."""
    world.declare(admin=ADMIN)
    world.up()
    world.days(61)
    world.trouble("cluster", "write receipt", "kill after")
    world.up()
    world.days(1)
    world.up()


def orphan_found_and_retired(world: World) -> None:
    """An unknown generation of ours gets a deadline, and its end after that."""
    world.declare(admin=ADMIN)
    world.up()
    world.orphan("admin")
    world.up()
    world.days(31)
    world.up()


def older_state_restored(world: World) -> None:
    """An older state changes nothing and is accepted by a replacement only."""
    world.declare(admin=ADMIN)
    world.up()
    world.keep_state()
    world.days(61)
    world.up()
    world.restore_state()
    world.up()
    world.up(replace="admin")


ALL = [target_refuses_then_heals, older_state_restored]

MORE = [
    orphan_found_and_retired,
    cluster_away_at_a_rotation,
    backend_down_while_due,
    revocation_refused_then_healed,
    killed_after_the_publication,
    killed_before_the_publication,
    killed_after_the_mint,
    probe_fails,
    mint_whose_answer_is_lost,
    mint_refused,
    killed_while_it_revokes,
    unpublished_at_the_next_due_date,
    cluster_away_with_nothing_due,
    receipt_cannot_be_written,
    mint_that_is_carried_out_late,
    credential_expired,
    killed_before_the_mint,
    killed_at_the_first_mint,
    killed_after_the_receipt,
]
