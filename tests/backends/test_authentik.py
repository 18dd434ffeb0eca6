"""What only the Authentik adapter does: its modes, its owner check, its retries, and what it never calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotation.backends.authentik import connect
from rotation.backends.transport import Request, Response
from rotation.errors import Conflict, ProbeFailed, RateLimited, Refused, Unauthorised, Unavailable
from rotation.lifecycle import find_orphans
from rotation.testing.builders import DAY, OWNER, START
from rotation.testing.failure_laws import acts
from rotation.testing.laws import LAWS
from rotation.testing.worlds import mint, order_of, raised
from sandbox.apis.authentik_records import TOKEN_EXPIRES
from tests.backends.authentik_world import BOT, ME, TOKENS, AuthentikWorld

CREATE = ("POST", "/core/tokens/")
LIST = ("GET", "/core/tokens/")
READ = ("GET", "/core/tokens/{identifier}/")
KEY = ("GET", "/core/tokens/{identifier}/view_key/")


@pytest.fixture
def world() -> AuthentikWorld:
    return AuthentikWorld()


def test_a_row_that_expires_is_refused_and_undone() -> None:
    """In mode `schedule` a service account without the attribute gets an expiring row: refused and taken back."""
    world = AuthentikWorld("schedule", "self")
    world.server._store.user_named(BOT).attributes[TOKEN_EXPIRES] = True  # type: ignore[union-attr]
    before = world.alive()
    error = raised(Refused, lambda: mint(world))
    assert "made the token expiring, which the mode `schedule` cannot hold" in error.cause
    assert "`goauthentik.io/user/token-expires: false`" in error.remedy
    assert world.alive() == before
    assert world.calls().get(KEY, 0) == 1, "the key of the refused row is not read: that would be an audit event"


def test_the_server_decides_the_end_in_mode_server() -> None:
    """The tenant's duration is told as the end, whatever was wished for."""
    world = AuthentikWorld("server", "admin")
    assert mint(world, 7 * DAY).expires == START + 400 * DAY


def test_our_own_end_in_mode_schedule(world: AuthentikWorld) -> None:
    """The row never expires; the end is the life that was wished for."""
    minted = mint(world, 7 * DAY)
    assert minted.expires == START + 7 * DAY
    world.pass_time(1000 * DAY)
    assert world.accepts(minted.value)


def test_an_admin_mints_for_another_user(world: AuthentikWorld) -> None:
    """A superuser's credential mints for the user that the spec names."""
    world.spec = {"mode": "schedule", "user": BOT}
    minted = mint(world)
    owner = {token.identifier: token.username for token in world.server.live_tokens()}[minted.handle]
    assert owner == BOT


def test_who_is_no_superuser_cannot_mint_for_another() -> None:
    """The server silently gives such a token to the caller: that is seen, refused and undone."""
    world = AuthentikWorld("schedule", "self")
    world.server._store.user_named(BOT).permissions.add("authentik_core.view_user")  # type: ignore[union-attr]
    world.spec = {"mode": "schedule", "user": "akadmin"}
    before = world.alive()
    error = raised(ProbeFailed, lambda: mint(world))
    assert "to the credential's own user instead of akadmin" in error.cause
    assert world.alive() == before


@pytest.mark.parametrize("username", ["nobody", "bo"])
def test_a_user_that_is_not_there_is_refused(world: AuthentikWorld, username: str) -> None:
    """A name that nobody has, also when it is part of another's, is refused before anything is made."""
    world.spec = {"user": username}
    error = raised(Refused, lambda: mint(world))
    assert f"0 users are named {username}" in error.cause
    assert CREATE not in world.calls()


def test_a_user_is_found_by_the_whole_name_even_if_the_server_filters_nothing(world: AuthentikWorld) -> None:
    """A server ignores filters that it does not know: of a whole list only the very name counts."""

    def unfiltered(request: Request) -> Response:
        return world.faults(replace(request, query={}) if request.path.endswith("/users/") else request)

    backend = connect("authentik", unfiltered, world.credential, world.clock, print)
    world.spec = {"user": BOT}
    minted = backend.mint(order_of(world))
    owner = {token.identifier: token.username for token in world.server.live_tokens()}[minted.handle]
    assert owner == BOT


def test_a_mint_whose_key_cannot_be_read_is_undone(world: AuthentikWorld) -> None:
    """When the key stays unreadable no row is left behind."""
    before = world.alive()
    order = order_of(world)
    world.faults.refuse(403, path=f"{TOKENS}{order.id}/view_key/")
    raised(Unauthorised, lambda: world.backend.mint(order))
    assert world.alive() == before


def test_nothing_is_ever_changed_in_place(world: AuthentikWorld) -> None:
    """No act of the protocol sends a PATCH or PUT: those re-arm the expiry and may change owner and intent."""
    minted = mint(world)
    for act in acts(world, minted).values():
        act()
    raised(Refused, lambda: world.backend.renew(minted.handle, DAY))
    raised(Refused, lambda: world.backend.confirm(minted.handle, DAY))
    assert {method for method, _path in world.calls()} <= {"GET", "POST", "DELETE"}


@pytest.mark.parametrize("ours", [0, 99, 250])
def test_a_listing_costs_its_pages(world: AuthentikWorld, ours: int) -> None:
    """An inventory is one call for each hundred rows that resemble ours; unrelated ones cost nothing."""
    for _ in range(ours):
        mint(world)
    for number in range(300):
        world.server.issue(BOT, f"unrelated-{number}")
    before = world.calls().get(LIST, 0)
    found = world.backend.inventory(OWNER, [])
    assert len(found) == ours
    similar = len(world.foreign) - 1  # `by-hand` does not hold our mark
    assert world.calls()[LIST] - before == -(-(ours + similar) // 100)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_read_is_repeated(world: AuthentikWorld, status: int) -> None:
    """A listing survives three bad answers and gives up at the fourth."""
    world.faults.refuse(status, times=3)
    world.backend.inventory(OWNER, [])
    assert world.faults.met["refuse"] == 3
    world.faults.refuse(status, times=9)
    raised((Unavailable, RateLimited), lambda: world.backend.inventory(OWNER, []))
    assert world.faults.met["refuse"] == 7


@pytest.mark.parametrize("status", [400, 401, 403, 409])
def test_a_refusal_is_not_repeated(world: AuthentikWorld, status: int) -> None:
    """What asking again does not change is asked once."""
    world.faults.refuse(status, times=9)
    raised((Refused, Unauthorised, Conflict), lambda: world.backend.inventory(OWNER, []))
    assert world.faults.met["refuse"] == 1


def test_a_rate_limited_mint_is_repeated(world: AuthentikWorld) -> None:
    """A 429 says that nothing was done: the mint is sent again, and one row comes of it."""
    world.faults.refuse(429, method="POST", times=3, retry_after=7)
    minted = mint(world)
    assert world.rows() == [minted.handle]
    assert world.calls()[CREATE] == 1


def test_the_wish_of_a_rate_limit_is_told(world: AuthentikWorld) -> None:
    """When it goes on, the error knows when to come back, and nothing was made."""
    world.faults.refuse(429, method="POST", times=9, retry_after=7)
    error = raised(RateLimited, lambda: mint(world))
    assert isinstance(error, RateLimited)
    assert error.retry_after == timedelta(seconds=7)
    assert world.rows() == []


def test_a_mint_with_a_lost_answer_makes_one_row(world: AuthentikWorld) -> None:
    """After a broken connection our own id is looked up instead of posting again."""
    world.faults.lose_answer(method="POST")
    minted = mint(world)
    assert world.rows() == [minted.handle]
    assert (world.calls()[CREATE], world.calls()[READ]) == (1, 1)


@pytest.mark.parametrize("status", [500, 503])
def test_a_mint_that_failed_is_posted_once_more(world: AuthentikWorld, status: int) -> None:
    """After a 5xx the id is looked up; only when it is not there a second POST follows, and no third."""
    world.faults.refuse(status, method="POST")
    minted = mint(world)
    assert world.rows() == [minted.handle]
    assert (world.calls()[CREATE], world.calls()[READ]) == (1, 1)
    world.faults.refuse(status, method="POST", times=9)
    raised(Unavailable, lambda: mint(world))
    assert world.faults.met["refuse"] == 3


def test_a_lost_second_post_is_an_orphan_that_is_found(world: AuthentikWorld) -> None:
    """When the second POST acts and its answer is lost as well, the mint fails, and the sweep finds the row."""
    world.faults.refuse(500, method="POST")
    world.faults.lose_answer(method="POST")
    order = order_of(world)
    raised(Unavailable, lambda: world.backend.mint(order))
    orphans = find_orphans(world.backend.inventory(OWNER, []), known=[])
    assert [generation.id for generation in orphans.unknown] == [order.id]


def test_an_expired_row_is_not_dead() -> None:
    """The server gives an expired row a new key, so its value is dead and its row is not: it must be revoked."""
    world = AuthentikWorld("server", "admin")
    minted = mint(world)
    world.pass_time(401 * DAY)
    raised(Unauthorised, lambda: world.backend.probe(minted.value))
    assert not world.backend.is_dead(minted.handle)
    world.backend.revoke(minted.handle)
    assert world.backend.is_dead(minted.handle)


def test_a_probe_asks_as_the_token(world: AuthentikWorld) -> None:
    """A probe is one call with the value itself, and leaves the backend's own credential in place."""
    minted = mint(world)
    world.backend.revoke(minted.handle)
    raised(Unauthorised, lambda: world.backend.probe(minted.value))
    world.backend.preflight()
    assert world.calls()[("GET", ME.removeprefix("/api/v3"))] == 2


def test_the_older_server_keeps_the_laws() -> None:
    """A server that deletes an expired key on use, as before November 2025, is kept to the same laws."""
    for law in LAWS:
        law(AuthentikWorld("server", "admin", delete_expired_on_use=True))


def test_a_token_made_by_hand_is_recognised(world: AuthentikWorld) -> None:
    """By its key, among its user's rows: its own name is the handle, and it began when we first saw it."""
    world.server.add_user("robot")
    value = world.server.issue("robot", "made-by-hand", expiring=False)
    world.server.issue("robot", "another", expiring=False)
    found = world.backend.recognise(value, {"user": "robot"})
    assert (found.id, found.handle, found.created, found.expires) == ("made-by-hand", "made-by-hand", START, None)
    assert world.backend.find("made-by-hand") == found


def test_a_token_of_another_user_is_not_recognised(world: AuthentikWorld) -> None:
    """It works, and is somebody else's: refused by both names, and no key is read."""
    world.server.add_user("robot")
    value = world.server.issue(BOT, "made-by-hand", expiring=False)
    error = raised(Refused, lambda: world.backend.recognise(value, {"user": "robot"}))
    assert error.cause == f"it belongs to {BOT}, not to robot"
    assert KEY not in world.calls()


def test_a_row_whose_key_may_not_be_read_is_not_recognised() -> None:
    """A service account may read the keys of what it made itself: of another row it cannot tell, and says so."""
    world = AuthentikWorld("schedule", "self")
    value = world.server.issue(BOT, "made-by-an-administrator", expiring=False)
    error = raised(Refused, lambda: world.backend.recognise(value, {}))
    assert error.cause == f"no row of {BOT} that we may read has this key"


def test_a_guess_saves_reading_keys(world: AuthentikWorld) -> None:
    """With the right guess one key is read; each reading is an audit event."""
    one, _two = mint(world), mint(world)
    before = world.calls().get(KEY, 0)
    world.backend.recognise(one.value, world.spec, one.handle)
    assert world.calls()[KEY] == before + 1
