"""What only the Coder adapter does when it mints: the caps, the end that is granted, lost values, undoing, scopes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rotation.backends.coder_api import PREFIX
from rotation.backends.transport import Request, Response, json_response
from rotation.errors import Conflict, Refused, Unauthorised, Unavailable
from rotation.lifecycle import find_orphans
from rotation.testing.builders import DAY, OWNER, START
from rotation.testing.secrecy import reveals, told_by
from rotation.testing.worlds import mint, order_of, raised
from tests.backends.coder_world import BOT, OTHER, Between, CoderWorld, Handler, tokens_of


@pytest.fixture
def world() -> CoderWorld:
    return CoderWorld()


def is_key(request: Request) -> bool:
    """Whether one key is read by its id."""
    return request.method == "GET" and "/keys/" in request.path and "/keys/tokens" not in request.path


def test_a_mint_is_three_calls(world: CoderWorld) -> None:
    """The cap is read, a token created by name and nanoseconds, and its row read back by key id."""
    between = Between(world)
    order = order_of(world)
    minted = between.backend().mint(order)
    key, bot = minted.value.partition("-")[0], f"/api/v2/users/{BOT}/keys"
    assert [(request.method, request.path) for request in between.seen] == [
        ("GET", f"{bot}/tokens/tokenconfig"),
        ("POST", f"{bot}/tokens"),
        ("GET", f"{bot}/{key}"),
    ]
    assert between.posted() == [
        {"token_name": f"template-automation-{order.id}", "lifetime": 30 * 24 * 3600 * 1_000_000_000}
    ]
    assert (minted.expires, world.user_of(order.id)) == (START + 30 * DAY, BOT)


def test_an_owner_on_a_default_server_is_refused_a_month() -> None:
    """Beyond the cap nothing is created; the message has the cap in days and both ways out."""
    world = CoderWorld()
    world.spec = {}
    between, names = Between(world), world.names()
    error = raised(Refused, lambda: between.backend().mint(order_of(world)))
    assert "live 7 days at most, and the policy asks for 30 days" in error.cause
    assert "Template Admin" in error.remedy
    assert "CODER_MAX_ADMIN_TOKEN_LIFETIME" in error.remedy
    assert (between.posted(), world.names()) == ([], names)


def test_an_owner_on_a_default_server_is_granted_a_week() -> None:
    """The cap itself is no more than the cap."""
    world = CoderWorld()
    world.spec = {}
    assert mint(world, 7 * DAY).expires == START + 7 * DAY


def test_anybody_elses_cap_names_its_own_setting() -> None:
    """Who is no Owner is not told to become a Template Admin."""
    world = CoderWorld("self", max_lifetime=10 * DAY)
    error = raised(Refused, lambda: mint(world))
    assert "10 days at most" in error.cause
    assert "CODER_MAX_TOKEN_LIFETIME" in error.remedy
    assert "Template Admin" not in error.remedy


def test_the_end_is_what_the_server_says(world: CoderWorld) -> None:
    """A server that grants less than was asked is believed: the end is read, and never computed."""

    def shorter(request: Request, server: Handler) -> Response:
        answer = server(request)
        ends = {"expires_at": "2026-01-03T12:00:00.987654321Z"}
        return json_response(200, {**answer.json(), **ends}) if is_key(request) else answer

    assert Between(world, shorter).backend().mint(order_of(world)).expires == START + 2 * DAY


def test_a_lost_value_is_replaced(world: CoderWorld) -> None:
    """A row whose answer was lost is deleted, and its name is free for the next: one row, whose value we have."""
    order = order_of(world)
    world.faults.lose_answer(method="POST", path=world.mint_path)
    between = Between(world)
    minted = between.backend().mint(order)
    assert between.methods() == ["GET", "POST", "GET", "DELETE", "POST", "GET"]
    assert world.names().count(PREFIX + order.id) == 1
    world.backend.probe(minted.value)


def test_a_value_that_is_lost_twice_leaves_nothing(world: CoderWorld) -> None:
    """The second loss is told, after what it left was deleted, too."""
    names, order = world.names(), order_of(world)
    world.faults.lose_answer(method="POST", path=world.mint_path, times=2)
    raised(Unavailable, lambda: world.backend.mint(order))
    assert world.names() == names


@pytest.mark.parametrize("status", [401, 403, 409, 500])
def test_a_lost_value_that_cannot_be_looked_for(world: CoderWorld, status: int) -> None:
    """It is Unavailable, whatever stands in the way: nobody may think that nothing was made. The sweep finds it."""
    order = order_of(world)
    world.faults.lose_answer(method="POST", path=world.mint_path)
    world.faults.refuse(status, path=tokens_of("me"), times=4)
    error = raised(Unavailable, lambda: world.backend.mint(order))
    assert "it cannot be looked for what was made" in error.cause
    world.faults.clear()
    assert [found.id for found in find_orphans(world.backend.inventory(OWNER, []), []).unknown] == [order.id]


def test_a_request_that_a_proxy_sends_twice(world: CoderWorld) -> None:
    """The second is answered that the name is taken, and the value of the first is lost: it goes, and another comes."""
    order = order_of(world)

    def twice(request: Request, server: Handler) -> Response:
        if request.method == "POST" and between.methods().count("POST") == 1:
            server(request)
        return server(request)

    between = Between(world, twice)
    minted = between.backend().mint(order)
    assert between.methods() == ["GET", "POST", "GET", "DELETE", "POST", "GET"]
    assert world.names().count(PREFIX + order.id) == 1
    world.backend.probe(minted.value)


def test_a_name_that_comes_late_is_no_second_token(world: CoderWorld) -> None:
    """When the first request acts after we looked for it, the server refuses the name, and what it made is undone."""
    names, order = world.names(), order_of(world)
    late: list[Request] = []

    def slow(request: Request, server: Handler) -> Response:
        if request.method == "POST" and between.methods().count("POST") == 1:
            late.append(request)
            raise ConnectionResetError("given up on")
        answer = server(request)
        if late:
            server(late.pop())
        return answer

    between = Between(world, slow)
    raised(Conflict, lambda: between.backend().mint(order))
    assert world.names() == names


def test_a_mint_that_cannot_be_read_back_is_undone(world: CoderWorld) -> None:
    """What was granted must be seen; without that no row is left behind."""
    names = world.names()

    def hidden(request: Request, server: Handler) -> Response:
        return json_response(403, {"message": "Forbidden."}) if is_key(request) else server(request)

    raised(Unauthorised, lambda: Between(world, hidden).backend().mint(order_of(world)))
    assert world.names() == names


@pytest.mark.parametrize("key", ["planted0value", "planted0value-", ""], ids=["no dash", "no secret", "empty"])
def test_a_value_of_another_form_goes_into_no_path(world: CoderWorld, key: str) -> None:
    """What cannot be split into key id and secret may be a secret as a whole: it is undone by its name."""
    names = world.names()

    def odd(request: Request, server: Handler) -> Response:
        answer = server(request)
        return json_response(201, {"key": key}) if request.method == "POST" else answer

    between = Between(world, odd)
    error = raised(Unavailable, lambda: between.backend().mint(order_of(world)))
    assert world.names() == names
    assert not [request.path for request in between.seen if "planted0value" in request.path]
    assert not reveals(told_by(error), "planted0value")


def test_scopes_are_asked_for_and_read_back(world: CoderWorld) -> None:
    """They are sent only when given, and a short name counts as the long one that the server stores."""
    world.spec = {"user": BOT, "scopes": ["all"]}
    between = Between(world)
    between.backend().mint(order_of(world))
    assert between.posted()[0]["scopes"] == ["all"]


@pytest.mark.parametrize("told", [{}, {"scopes": [], "scope": "all"}, {"scopes": ["coder:all"]}], ids=repr)
def test_a_server_that_ignores_scopes_is_refused(world: CoderWorld, told: dict[str, object]) -> None:
    """It granted more than was asked: refused, undone, and both are named."""
    world.spec = {"user": BOT, "scopes": ["template:read", "user:read"]}
    names = world.names()

    def unscoped(request: Request, server: Handler) -> Response:
        if is_key(request):
            row = {name: part for name, part in server(request).json().items() if name not in ("scope", "scopes")}
            return json_response(200, {**row, **told})
        payload = {name: part for name, part in (request.json() or {}).items() if name != "scopes"}
        return server(replace(request, body=json.dumps(payload).encode() if payload else b""))

    error = raised(Refused, lambda: Between(world, unscoped).backend().mint(order_of(world)))
    assert "granted the scopes coder:all instead of template:read, user:read" in error.cause
    assert world.names() == names


@pytest.mark.parametrize("who", ["owner", "self"])
def test_a_user_that_we_may_not_mint_for_is_refused(who: str) -> None:
    """A name that nobody has, or that only an Owner may mint for: nothing is created."""
    world = CoderWorld("self" if who == "self" else "owner")
    world.spec = {"user": "nobody" if who == "owner" else OTHER}
    before = world.server.live_tokens()
    error = raised(Refused, lambda: Between(world).backend().mint(order_of(world)))
    assert "Owner" in error.remedy
    assert world.server.live_tokens() == before
