"""What only the Coder adapter does when it looks and ends: rows past their end, copied names, sessions, and 404s."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotation.backends.coder import Coder as Backend
from rotation.backends.coder_api import PREFIX
from rotation.backends.transport import Request, Response, json_response
from rotation.errors import Refused, Unavailable
from rotation.testing.builders import DAY, OWNER, START, a_generation
from rotation.testing.failure_laws import acts
from rotation.testing.secrecy import reveals, told_by
from rotation.testing.worlds import mint, order_of, raised
from tests.backends.coder_world import BOT, OTHER, ROOT, Between, CoderWorld, Handler

HOUR = timedelta(hours=1)
GONE = {"message": "Resource not found or you do not have access to this resource"}
ME = "/api/v2/users/me"


@pytest.fixture
def world() -> CoderWorld:
    return CoderWorld()


def test_a_use_moves_the_end_at_an_older_server() -> None:
    """With sliding expiry the end that an inventory tells is the moved one, and only a use has moved it."""
    world = CoderWorld(sliding_expiry=True)
    minted = mint(world)
    world.pass_time(2 * DAY)
    for look in (world.backend.find, world.backend.is_dead, world.backend.holds, lambda _h: ours(world)):
        look(minted.handle)
    assert ours(world)[minted.id] == START + 30 * DAY, "no look of ours is a use of the token"
    world.backend.probe(minted.value)
    assert ours(world)[minted.id] == START + 32 * DAY


@pytest.mark.parametrize("lists_expired", [True, False], ids=["older", "newer"])
def test_a_row_past_its_end_is_dead_and_keeps_its_name(lists_expired: bool) -> None:
    """Whether the server lists it or not; deleting it is what frees the name."""
    world = CoderWorld(lists_expired=lists_expired)
    minted = mint(world, 10 * timedelta(minutes=1))
    assert not world.backend.is_dead(minted.handle)
    world.clock.move(HOUR)
    assert minted.id not in ours(world)
    assert world.backend.find(minted.handle) is None
    assert world.backend.is_dead(minted.handle)
    assert PREFIX + minted.id in world.names()
    world.backend.revoke(minted.handle)
    assert PREFIX + minted.id not in world.names()


def test_null_is_an_empty_list_and_nothing_is_no_answer(world: CoderWorld) -> None:
    """The server writes `null` for no tokens; an empty body is a proxy's, and tells nothing."""

    def listing(body: bytes) -> Backend:
        return Between(world, lambda _request, _server: Response(200, {}, body)).backend()

    assert listing(b"null\n").inventory(OWNER, []) == []
    assert listing(b" null").is_dead(a_generation())
    error = raised(Unavailable, lambda: listing(b"").is_dead(a_generation()))
    assert "does not hold what it must" in error.cause


@pytest.mark.parametrize("body", [b"<html>404</html>", b'{"detail": "no route"}', b""])
@pytest.mark.parametrize("act", ["find", "is_dead", "revoke"])
def test_a_404_of_a_proxy_is_not_the_servers_word(world: CoderWorld, act: str, body: bytes) -> None:
    """A page in place of the API says nothing of a token: neither dead, nor revoked, nor unknown."""
    by_hand = world.server.issue(BOT, "another", lifetime=DAY).partition("-")[0]
    backend = Between(world, lambda _request, _server: Response(404, {}, body)).backend()
    raised(Unavailable, lambda: getattr(backend, act)(by_hand))


def test_a_404_may_mean_that_we_may_not(world: CoderWorld) -> None:
    """A deletion that is not ours to make is answered like one of a row that is gone; the listing tells them apart."""
    minted = mint(world)

    def forbidden(request: Request, server: Handler) -> Response:
        return json_response(404, GONE) if request.method == "DELETE" else server(request)

    backend = Between(world, forbidden).backend()
    backend.revoke(minted.handle)
    assert not backend.is_dead(minted.handle)
    assert world.accepts(minted.value)


def test_only_an_owner_sees_all(world: CoderWorld) -> None:
    """To another user's credential a token is not there: the limit that the module's docstring tells."""
    minted = mint(world)
    other = world.connect(world.server.issue(OTHER, "other-by-hand", lifetime=DAY))
    assert other.find(minted.handle) is None
    other.revoke(minted.handle)
    assert world.accepts(minted.value)
    assert world.connect(minted.value).find(minted.handle) is not None


def test_a_copied_name_ends_with_ours(world: CoderWorld) -> None:
    """Another user may take our name; a generation is dead when no row of that name lives."""
    minted = mint(world)
    copied = world.server.issue(OTHER, PREFIX + minted.id, lifetime=400 * DAY)
    world.backend.revoke(minted.handle)
    assert world.backend.is_dead(minted.handle)
    assert not world.accepts(copied)
    assert not world.accepts(minted.value)


def test_a_token_made_by_hand_is_known_by_its_key_id(world: CoderWorld) -> None:
    """It is recognised, found, told apart from ours, and ended by that."""
    world.clock.move(-DAY)
    value = world.server.issue(BOT, "template-automation", lifetime=20 * DAY)
    world.clock.move(DAY)
    key = value.partition("-")[0]
    found = world.backend.recognise(value, world.spec)
    assert (found.id, found.handle, found.created, found.expires) == (key, key, START - DAY, START + 19 * DAY)
    assert world.backend.find(key) == found
    assert world.connect(value).holds(key)
    assert not world.backend.holds(key)
    assert key not in ours(world)
    world.backend.revoke(key)
    assert world.backend.is_dead(key)
    assert not world.accepts(value)


def test_a_token_by_hand_past_its_end_is_dead(world: CoderWorld) -> None:
    """Its row may still be read by its key id; its end decides."""
    key = world.server.issue(BOT, "template-automation", lifetime=DAY).partition("-")[0]
    world.clock.move(2 * DAY)
    assert world.backend.is_dead(key)
    assert world.backend.find(key) is None


@pytest.mark.parametrize("user", [BOT, BOT.upper()])
def test_a_user_may_be_written_in_any_case(world: CoderWorld, user: str) -> None:
    """The server tells no case apart; so do we not."""
    minted = mint(world)
    assert world.backend.recognise(minted.value, {"user": user}).id == minted.id


def test_the_users_id_names_it_too(world: CoderWorld) -> None:
    """As in the server's own paths."""
    minted = mint(world)
    told = world.ask(minted.value, "GET", ME).json()
    assert world.backend.recognise(minted.value, {"user": told["id"]}).id == minted.id


@pytest.mark.parametrize("spec", [{"user": ROOT}, {}, {"user": "me"}], ids=repr)
def test_a_token_of_somebody_else_is_not_taken(world: CoderWorld, spec: dict[str, str]) -> None:
    """Neither where the spec names another user, nor where it means the credential's own."""
    minted = mint(world)
    error = raised(Refused, lambda: world.backend.recognise(minted.value, spec))
    assert f"it belongs to {BOT}, not to " in error.cause


def test_a_session_is_not_taken(world: CoderWorld) -> None:
    """It ends with its login, and nobody could rotate it; what to do is said."""
    account = {"email": "root@example.com", "password": "a Planted passw0rd"}
    session = world.ask("", "POST", "/api/v2/users/login", account).json()["session_token"]
    error = raised(Refused, lambda: world.backend.recognise(session, {"user": ROOT}))
    assert "it is a session of root" in error.cause
    assert "Account, Tokens" in error.remedy
    assert not reveals(told_by(error), session)


def test_a_session_mints(world: CoderWorld) -> None:
    """The automatic path works with one: mint, list, revoke."""
    account = {"email": "root@example.com", "password": "a Planted passw0rd"}
    session = world.ask("", "POST", "/api/v2/users/login", account).json()["session_token"]
    backend = world.connect(session)
    backend.preflight()
    minted = backend.mint(order_of(world))
    assert minted.id in {found.id for found in backend.inventory(OWNER, [])}
    assert not backend.holds(minted.handle)
    backend.revoke(minted.handle)
    assert backend.is_dead(minted.handle)


def test_a_value_whose_row_we_may_not_read_is_not_taken(world: CoderWorld) -> None:
    """It works, but could be neither told apart nor ended."""
    value = world.server.issue(BOT, "template-automation", lifetime=DAY)
    other = world.connect(world.server.issue(OTHER, "other-by-hand", lifetime=DAY))
    error = raised(Refused, lambda: other.recognise(value, {"user": BOT}))
    assert "no row that we may read" in error.cause


def test_a_value_without_a_key_id_goes_into_no_path(world: CoderWorld) -> None:
    """Even if a server takes it, as one that somebody put before it may."""
    value = "planted0value0without0a0dash"

    def lenient(request: Request, server: Handler) -> Response:
        return server(replace(request, headers={**request.headers, "coder-session-token": world.credential}))

    between = Between(world, lenient)
    raised(Refused, lambda: between.backend().recognise(value, {"user": ROOT}))
    assert not [request.path for request in between.seen if value in request.path]


def test_calls_of_each_act(world: CoderWorld) -> None:
    """A listing serves each look for one of ours; a row by hand is one call."""
    minted = mint(world)
    by_hand = world.server.issue(BOT, "template-automation", lifetime=DAY).partition("-")[0]
    calls = {}
    for handle, kind in ((minted.handle, "ours"), (by_hand, "by hand")):
        for act in ("find", "is_dead", "holds", "revoke"):
            between = Between(world)
            getattr(between.backend(), act)(handle)
            calls[kind, act] = len(between.seen)
    assert calls == {
        **{("ours", act): 1 for act in ("find", "is_dead", "holds")},
        ("ours", "revoke"): 2,
        **{("by hand", act): 1 for act in ("find", "is_dead")},
        ("by hand", "holds"): 0,
        ("by hand", "revoke"): 2,
    }


def test_nothing_is_changed_in_place(world: CoderWorld) -> None:
    """No act sends a PUT or PATCH: an expired row keeps its name, and only a deletion frees it."""
    minted, between = mint(world), Between(world)
    world.backend = between.backend()
    for act in acts(world, minted).values():
        act()
    assert {request.method for request in between.seen} == {"GET", "POST", "DELETE"}


def ours(world: CoderWorld) -> dict[str, object]:
    """Id to end, of what is listed as ours."""
    return {found.id: found.expires for found in world.backend.inventory(OWNER, [])}
