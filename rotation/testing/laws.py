"""All laws of a backend. Each is a function of a fresh world; those of a capability ask for it."""

from __future__ import annotations

from collections.abc import Callable

from rotation.testing import failure_laws, life_laws
from rotation.testing.worlds import Law, World

LAWS: tuple[Law, ...] = (
    life_laws.a_backend_is_what_the_registry_says,
    life_laws.a_minted_value_probes_well,
    life_laws.two_mints_differ,
    life_laws.what_is_ours_is_listed_until_revoked,
    life_laws.an_inventory_is_complete,
    life_laws.what_is_foreign_is_left_alone,
    life_laws.revoking_is_idempotent,
    life_laws.the_revoked_is_dead,
    life_laws.the_expired_is_dead,
    life_laws.a_granted_end_is_told_truthfully,
    life_laws.a_lease_becomes_a_full_life,
    life_laws.a_lease_that_died_cannot_be_confirmed,
    life_laws.a_handle_is_found_until_it_is_dead,
    life_laws.a_value_is_recognised,
    failure_laws.a_lost_answer_costs_nothing,
    failure_laws.a_lost_mint_is_found_or_dies,
    failure_laws.a_lost_revocation_can_be_repeated,
    failure_laws.every_failure_is_typed,
    failure_laws.a_404_is_typed,
    failure_laws.a_dead_credential_is_unauthorised,
    failure_laws.the_own_credential_is_known,
    failure_laws.no_value_is_told,
)


def run_conformance(make_world: Callable[[], World]) -> None:
    """Hold a backend to every law, each in a world of its own."""
    for law in LAWS:
        law(make_world())
