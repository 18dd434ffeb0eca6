"""Laws of a life: what is minted works, is listed, ends when it is said to, and stays dead."""

from __future__ import annotations

from datetime import timedelta

from rotation.backends.registry import KINDS
from rotation.errors import NotFound, Refused, Unauthorised
from rotation.model import Minted
from rotation.testing.worlds import TOLD_TO, World, mint, order_of, raised

MORE_THAN_A_PAGE = 105


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


def a_handle_is_found_until_it_is_dead(world: World) -> None:
    """One look-up finds what lives, by its id, and says None of what was revoked or never was."""
    minted = mint(world)
    found = world.backend.find(minted.handle)
    assert found is not None
    assert (found.id, found.handle) == (minted.id, minted.handle)
    world.backend.revoke(minted.handle)
    assert world.backend.find(minted.handle) is None
    assert world.backend.find(world.unknown) is None


def a_value_is_recognised(world: World) -> None:
    """A value leads to its own generation, with or without a guess, and a dead one to Unauthorised."""
    one, two = mint(world), mint(world)
    for handle in ("", two.handle, one.handle):
        found = world.backend.recognise(one.value, world.spec, handle)
        assert (found.id, found.handle) == (one.id, one.handle)
    world.backend.revoke(one.handle)
    raised(Unauthorised, lambda: world.backend.recognise(one.value, world.spec))
    assert world.backend.recognise(two.value, world.spec).handle == two.handle
