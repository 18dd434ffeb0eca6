"""The laws of a backend, each a function of a fresh world. `LAWS` holds them all; those of a capability ask for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from rotation.backends.registry import KINDS
from rotation.errors import (
    BackendError,
    Conflict,
    NotFound,
    RateLimited,
    Refused,
    Unauthorised,
    Unavailable,
)
from rotation.model import Minted
from rotation.testing.secrecy import reveals, told_by
from rotation.testing.worlds import Law, World, mint, order_of

MORE_THAN_A_PAGE = 105
TOLD_TO = timedelta(seconds=2)
"""How far a granted end may be off: whole seconds, and the way of an answer."""


def raised(kinds: type[BackendError] | tuple[type[BackendError], ...], act: Callable[[], object]) -> BackendError:
    """The typed error that an act must end with."""
    try:
        answer = act()
    except kinds as error:
        return error
    raise AssertionError(f"expected {kinds}, got the answer of type {type(answer).__name__}")


def a_backend_is_what_the_registry_says(world: World) -> None:
    """Its capabilities are those of its kind, and its spec is one of its kind."""
    kind = KINDS[world.kind]
    assert world.backend.capabilities == kind.capabilities
    kind.spec.model_validate(dict(world.spec))


def a_minted_value_probes_well(world: World) -> None:
    """What was minted works, and is the generation that was ordered."""
    order = order_of(world)
    minted = world.backend.mint(order)
    world.backend.probe(minted.value)
    assert world.accepts(minted.value)
    assert (minted.id, minted.created) == (order.id, order.now)
    assert minted.handle in world.alive()
    assert not world.backend.is_dead(minted.handle)


def two_mints_differ(world: World) -> None:
    """Two orders give two generations with two values, both alive."""
    one, two = mint(world), mint(world)
    assert len({one.id, two.id}) == len({one.handle, two.handle}) == len({one.value, two.value}) == 2
    assert {one.handle, two.handle} <= world.alive()


def what_is_ours_is_listed_until_revoked(world: World) -> None:
    """An inventory holds what is alive of ours, by id and handle, and what was revoked no longer."""
    one, two = mint(world), mint(world)
    handles = [one.handle, two.handle]
    listed = {found.id: found.handle for found in world.backend.inventory(world.owner, handles)}
    assert listed.items() >= {one.id: one.handle, two.id: two.handle}.items()
    world.backend.revoke(one.handle)
    left = {found.handle for found in world.backend.inventory(world.owner, handles)}
    assert two.handle in left
    assert one.handle not in left


def an_inventory_is_complete(world: World) -> None:
    """More than a page of ours are all found, each once, whatever else is there."""
    count = MORE_THAN_A_PAGE if world.backend.capabilities.lists else 3
    minted = [mint(world) for _ in range(count)]
    known = [] if world.backend.capabilities.lists else [generation.handle for generation in minted]
    found = [generation.handle for generation in world.backend.inventory(world.owner, known)]
    assert len(found) == len(set(found))
    assert set(found) - {world.own_handle} == {generation.handle for generation in minted}


def what_is_foreign_is_left_alone(world: World) -> None:
    """What resembles ours is neither listed nor harmed by revoking all that is listed."""
    minted = mint(world)
    found = world.backend.inventory(world.owner, [minted.handle])
    assert not {generation.handle for generation in found} & world.foreign
    for generation in found:
        if generation.handle != world.own_handle:
            world.backend.revoke(generation.handle)
    assert world.foreign <= world.alive()


def revoking_is_idempotent(world: World) -> None:
    """Revoking again, or what never was, is a success and harms nothing."""
    gone, kept = mint(world), mint(world)
    for handle in (gone.handle, gone.handle, world.unknown):
        world.backend.revoke(handle)
        assert world.backend.is_dead(handle)
    assert world.accepts(kept.value)


def the_revoked_is_dead(world: World) -> None:
    """A revoked generation is dead to a probe, to a look-up, and to the server."""
    minted = mint(world)
    world.backend.revoke(minted.handle)
    raised(Unauthorised, lambda: world.backend.probe(minted.value))
    assert world.backend.is_dead(minted.handle)
    assert not world.accepts(minted.value)


def the_expired_is_dead(world: World) -> None:
    """From its end on a value is dead to a probe, where the server keeps that end."""
    if not world.ends_by_itself:
        return
    minted = mint(world, world.short_life)
    assert minted.expires is not None
    world.pass_time(minted.expires - world.now() + TOLD_TO)
    raised(Unauthorised, lambda: world.backend.probe(minted.value))
    assert not world.accepts(minted.value)


def a_granted_end_is_told_truthfully(world: World) -> None:
    """The end that a mint and an inventory tell is the server's; where it has none, ours is the life wished for."""
    minted = mint(world)
    assert minted.expires is not None
    assert minted.expires.microsecond == 0
    _same_end(world, minted)
    found = world.backend.inventory(world.owner, [minted.handle])
    listed = next(generation for generation in found if generation.handle == minted.handle)
    end = world.end_of(minted.handle)
    assert listed.expires is None if end is None else listed.expires is not None
    assert listed.expires is None or abs(listed.expires - minted.expires) <= TOLD_TO


def _same_end(world: World, minted: Minted) -> None:
    end = world.end_of(minted.handle)
    expected = minted.created + world.lifetime if end is None else end
    assert minted.expires is not None
    assert abs(minted.expires - expected) <= TOLD_TO


def a_lease_becomes_a_full_life(world: World) -> None:
    """A lease ends early, is given its full life by `confirm`, and `renew` moves that end; both tell it truthfully."""
    capabilities = world.backend.capabilities
    minted = mint(world)
    if capabilities.leases:
        assert minted.expires is not None
        assert minted.expires <= world.now() + world.lifetime / 4 + TOLD_TO
        _extended(world, minted, world.backend.confirm(minted.handle, world.lifetime), world.lifetime)
    else:
        raised(Refused, lambda: world.backend.confirm(minted.handle, world.lifetime))
    if capabilities.renews:
        _extended(world, minted, world.backend.renew(minted.handle, 2 * world.lifetime), 2 * world.lifetime)
    else:
        raised(Refused, lambda: world.backend.renew(minted.handle, world.lifetime))
    world.backend.probe(minted.value)


def _extended(world: World, minted: Minted, told: object, life: timedelta) -> None:
    end = world.end_of(minted.handle)
    assert told is not None
    assert end is not None
    assert told == end.replace(microsecond=0) or abs(end - world.now() - life) <= TOLD_TO
    assert abs(end - world.now() - life) <= TOLD_TO


def a_lease_that_died_cannot_be_confirmed(world: World) -> None:
    """An unconfirmed lease dies by itself, and confirming it says NotFound."""
    if not world.backend.capabilities.leases:
        return
    minted = mint(world, world.short_life)
    world.pass_time(world.short_life / 4 + TOLD_TO)
    assert world.backend.is_dead(minted.handle)
    raised(NotFound, lambda: world.backend.confirm(minted.handle, world.lifetime))
    assert world.backend.inventory(world.owner, [minted.handle]) == []


def a_lost_answer_costs_nothing(world: World) -> None:
    """When the answer to a mint is lost, one working generation comes of it, or an error; never two that live on."""
    before, order = world.alive(), order_of(world)
    world.faults.lose_answer(method="POST", path=world.mint_path)
    minted = world.backend.mint(order)
    world.backend.probe(minted.value)
    if world.backend.capabilities.lists:
        assert world.alive() - before == {minted.handle}


def a_lost_mint_is_found_or_dies(world: World) -> None:
    """When no answer comes at all, the mint is Unavailable; what it left is listed by its id, or dies with its lease."""
    before, order = world.alive(), order_of(world, world.short_life)
    world.faults.lose_answer(times=100)
    raised(Unavailable, lambda: world.backend.mint(order))
    world.faults.clear()
    left = world.alive() - before
    assert left, "the fault acts before it breaks the connection"
    if world.backend.capabilities.lists:
        assert order.id in {generation.id for generation in world.backend.inventory(world.owner, [])}
    else:
        world.pass_time(world.short_life / 4 + TOLD_TO)
        assert not left & world.alive()


def a_lost_revocation_can_be_repeated(world: World) -> None:
    """A revocation whose answers are all lost is Unavailable, and repeating it ends well."""
    minted = mint(world)
    world.faults.lose_answer(times=100)
    raised(Unavailable, lambda: world.backend.revoke(minted.handle))
    world.faults.clear()
    world.backend.revoke(minted.handle)
    assert world.backend.is_dead(minted.handle)


STATUSES: dict[int, type[BackendError]] = {
    400: Refused,
    401: Unauthorised,
    403: Unauthorised,
    409: Conflict,
    429: RateLimited,
    500: Unavailable,
    502: Unavailable,
    503: Unavailable,
}


def acts(world: World, minted: Minted) -> dict[str, Callable[[], object]]:
    """Everything that can be asked of this backend."""
    backend, capabilities = world.backend, world.backend.capabilities
    named: dict[str, Callable[[], object]] = {
        "preflight": backend.preflight,
        "mint": lambda: mint(world),
        "probe": lambda: backend.probe(minted.value),
        "inventory": lambda: backend.inventory(world.owner, [minted.handle]),
        "revoke": lambda: backend.revoke(minted.handle),
        "is_dead": lambda: backend.is_dead(minted.handle),
    }
    if capabilities.leases:
        named["confirm"] = lambda: backend.confirm(minted.handle, world.lifetime)
    if capabilities.renews:
        named["renew"] = lambda: backend.renew(minted.handle, world.lifetime)
    return named


def every_failure_is_typed(world: World) -> None:
    """Each status and a broken connection give each act its typed error, never the answer that something is gone."""
    minted = mint(world)
    for name, act in acts(world, minted).items():
        for status, kind in STATUSES.items():
            world.faults.refuse(status, times=100)
            error = raised(kind, act)
            assert type(error) is kind, f"{name} on {status}: {error!r}"
            assert error.backend == world.backend.name
            world.faults.clear()
        world.faults.drop(times=100)
        raised(Unavailable, act)
        world.faults.clear()
    assert world.accepts(minted.value), "no act that failed may have harmed it"


def a_404_is_typed(world: World) -> None:
    """A 404 is NotFound, or Unavailable where the server never says it of a token; nothing else comes of it."""
    minted = mint(world)
    for act in acts(world, minted).values():
        world.faults.refuse(404, times=100)
        with suppress(NotFound, Unavailable):
            act()
        world.faults.clear()
    assert world.accepts(minted.value)


def a_dead_credential_is_unauthorised(world: World) -> None:
    """A live credential passes the preflight, a dead one is told before anything is begun."""
    world.backend.preflight()
    minted = mint(world)
    other = world.connect(minted.value)
    other.preflight()
    world.backend.revoke(minted.handle)
    raised(Unauthorised, other.preflight)


def the_own_credential_is_known(world: World) -> None:
    """`holds` tells the credential in use from every other generation, and from what is not there."""
    minted = mint(world)
    assert world.backend.holds(world.own_handle)
    assert not world.backend.holds(minted.handle)
    assert world.connect(minted.value).holds(minted.handle)
    assert not world.backend.holds(world.unknown)


def no_value_is_told(world: World) -> None:
    """No repr and no error, with all that it came of, holds the credential or a value, in whole or in a part."""
    minted = mint(world)
    other = world.connect(minted.value)
    told = [told_by(world.backend), told_by(other), told_by(minted)]
    told += [told_by(found) for found in world.backend.inventory(world.owner, [minted.handle])]
    for act in acts(world, minted).values():
        for status in (*STATUSES, 404, 0):
            if status:
                world.faults.refuse(status, times=100)
            else:
                world.faults.lose_answer(times=100)
            told.append(told_by(_outcome(act)))
            world.faults.clear()
    world.backend.revoke(minted.handle)
    told.append(told_by(raised(Unauthorised, other.preflight)))
    assert not [text for text in told for value in (world.credential, minted.value) if reveals(text, value)]


def _outcome(act: Callable[[], object]) -> object:
    try:
        return act()
    except BackendError as error:
        return error


LAWS: tuple[Law, ...] = (
    a_backend_is_what_the_registry_says,
    a_minted_value_probes_well,
    two_mints_differ,
    what_is_ours_is_listed_until_revoked,
    an_inventory_is_complete,
    what_is_foreign_is_left_alone,
    revoking_is_idempotent,
    the_revoked_is_dead,
    the_expired_is_dead,
    a_granted_end_is_told_truthfully,
    a_lease_becomes_a_full_life,
    a_lease_that_died_cannot_be_confirmed,
    a_lost_answer_costs_nothing,
    a_lost_mint_is_found_or_dies,
    a_lost_revocation_can_be_repeated,
    every_failure_is_typed,
    a_404_is_typed,
    a_dead_credential_is_unauthorised,
    the_own_credential_is_known,
    no_value_is_told,
)


def run_conformance(make_world: Callable[[], World]) -> None:
    """Hold a backend to every law, each in a world of its own."""
    for law in LAWS:
        law(make_world())
