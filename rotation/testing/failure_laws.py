"""Laws of failure: lost answers cost nothing, every failure is typed, and none tells a value."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from rotation.errors import BackendError, Conflict, NotFound, RateLimited, Refused, Unauthorised, Unavailable
from rotation.model import Minted
from rotation.testing.secrecy import reveals, told_by
from rotation.testing.worlds import TOLD_TO, World, mint, order_of, raised


def a_lost_answer_costs_nothing(world: World) -> None:
    """When the answer to a mint is lost, one working generation comes of it, or an error; never two that live on."""
    before, order = world.alive(), order_of(world)
    world.faults.lose_answer(method="POST", path=world.mint_path)
    minted = world.backend.mint(order)
    world.backend.probe(minted.value)
    if world.backend.capabilities.lists:
        assert world.alive() - before == {minted.handle}


def a_lost_mint_is_found_or_dies(world: World) -> None:
    """When no answer comes at all, the mint is Unavailable; what it left is listed by its id, or dies by itself."""
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
        "find": lambda: backend.find(minted.handle),
        "recognise": lambda: backend.recognise(minted.value, world.spec, minted.handle),
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
    if not world.backend.capabilities.own_credential:
        return
    minted = mint(world)
    other = world.connect(minted.value)
    other.preflight()
    world.backend.revoke(minted.handle)
    raised(Unauthorised, other.preflight)


def the_own_credential_is_known(world: World) -> None:
    """`holds` tells the credential in use from every other generation, and from what is not there."""
    minted = mint(world)
    assert not world.backend.holds(minted.handle)
    if not world.backend.capabilities.own_credential:
        return
    assert world.backend.holds(world.own_handle)
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
    dead = other.preflight if world.backend.capabilities.own_credential else lambda: other.probe(minted.value)
    told.append(told_by(raised(Unauthorised, dead)))
    assert not [text for text in told for value in (world.credential, minted.value) if reveals(text, value)]


def _outcome(act: Callable[[], object]) -> object:
    try:
        return act()
    except BackendError as error:
        return error
