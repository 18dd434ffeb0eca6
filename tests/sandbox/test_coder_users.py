"""Who may enter the simulated Coder: the first user, logins, sessions, dead credentials, and who sees whom."""

from __future__ import annotations

from typing import Any

import pytest

from rotation.backends.transport import Request, json_request
from rotation.testing.builders import HandClock
from sandbox.apis.coder import Coder
from tests.sandbox.coder_world import DAY, HOUR, PASSWORD, CoderWorld, told

FIRST = {"email": "admin@example.com", "username": "admin", "password": PASSWORD}
SIGNED_OUT = "You are signed out or your session has expired. Please sign in again to continue."
GONE = "Resource not found or you do not have access to this resource"


@pytest.fixture
def coder() -> CoderWorld:
    return CoderWorld()


def _post(server: Coder, path: str, body: object) -> Any:
    return server.handle(json_request("POST", f"/api/v2/users/{path}", body))


def test_a_fresh_server_says_that_nobody_is_there() -> None:
    """The status tells it, without a credential: 404 before the first user, 200 after."""
    server = Coder(HandClock())
    assert told(server.handle(Request("GET", "/api/v2/users/first"))) == (404, "The initial user has not been created!")
    made = _post(server, "first", FIRST)
    assert (made.status, set(made.json())) == (201, {"user_id", "organization_id"})
    there = server.handle(Request("GET", "/api/v2/users/first"))
    assert told(there) == (200, "The initial user has already been created!")


def test_there_is_one_first_user() -> None:
    """Whoever comes second is refused with 409, whatever the password is; the first one stays."""
    server = Coder(HandClock())
    _post(server, "first", FIRST)
    again = _post(server, "first", {**FIRST, "username": "other", "password": "weak"})
    assert told(again) == (409, "The initial user has already been created.")
    assert _post(server, "login", {"email": FIRST["email"], "password": PASSWORD}).status == 201


@pytest.mark.parametrize("password", ["weak", "password", "aB3$", "a" * 11, "x" * 65])
def test_a_weak_password_makes_no_user(password: str) -> None:
    """It is 400 with the field's name, and the server is as fresh as before."""
    server = Coder(HandClock())
    refused = _post(server, "first", {**FIRST, "password": password})
    assert told(refused) == (400, "Password not strong enough!")
    assert [one["field"] for one in refused.json()["validations"]] == ["password"]
    assert server.handle(Request("GET", "/api/v2/users/first")).status == 404


@pytest.mark.parametrize("lacking", ["email", "username", "password"])
def test_a_first_user_needs_three_fields(lacking: str) -> None:
    """What is absent is named; fields that the server does not know are ignored."""
    server = Coder(HandClock())
    refused = _post(server, "first", {name: text for name, text in FIRST.items() if name != lacking})
    assert told(refused) == (400, "Validation failed.")
    assert [one["field"] for one in refused.json()["validations"]] == [lacking]
    assert _post(server, "first", {**FIRST, "shoe_size": 43}).status == 201


def test_the_first_user_is_an_owner() -> None:
    """With the session of a login it can ask who it is, and has the role."""
    server = Coder(HandClock())
    _post(server, "first", FIRST)
    session = _post(server, "login", {"email": "ADMIN@example.com", "password": PASSWORD}).json()["session_token"]
    me = server.handle(json_request("GET", "/api/v2/users/me", headers={"coder-session-token": session})).json()
    assert (me["username"], me["status"], [role["name"] for role in me["roles"]]) == ("admin", "active", ["owner"])
    assert len(me["organization_ids"]) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"email": "root@example.com", "password": "wrong"},
        {"email": "nobody@example.com", "password": PASSWORD},
        {"email": "ann@example.com", "password": "none-was-ever-set"},
    ],
    ids=lambda given: given["email"],
)
def test_a_wrong_login_tells_nothing(coder: CoderWorld, given: dict[str, str]) -> None:
    """A wrong password, an unknown email and a user without a password are the same 401."""
    assert told(_post(coder.server, "login", given)) == (401, "Incorrect email or password.")


def test_a_session_lasts_a_day_from_its_last_use(coder: CoderWorld) -> None:
    """Each use moves its end, at most once an hour; left alone for a day it is over."""
    login = {"email": "root@example.com", "password": PASSWORD}
    session = _post(coder.server, "login", login).json()["session_token"]
    for _ in range(3):
        coder.clock.move(23 * HOUR)
        assert coder.call("GET", "/users/me", by=session).status == 200
    coder.clock.move(DAY)
    assert coder.call("GET", "/users/me", by=session).status == 401


def test_a_session_is_a_key_and_no_token(coder: CoderWorld) -> None:
    """It can be read by its id, and is in no listing of tokens nor among the live ones."""
    login = {"email": "root@example.com", "password": PASSWORD}
    session = _post(coder.server, "login", login).json()["session_token"]
    assert coder.row(session)["login_type"] == "password"
    assert coder.names() == []
    assert {token.identifier for token in coder.server.live_tokens()} == {"own"}


def test_a_dead_credential_is_told_why(coder: CoderWorld) -> None:
    """Absent, of another form, unknown, with a wrong secret, expired: 401 with one message and different details."""
    short = coder.mint("short", lifetime=60 * 10**9)
    coder.clock.move(2 * HOUR)
    told_of = {
        "": 'Cookie "coder_session_token" or query parameter must be provided.',
        "nodash": "Invalid API key format: incorrect amount of API key parts",
        f"{'a' * 10}-{'b' * 22}": "API key is invalid.",
        f"{short[:11]}{'b' * 22}": "API key secret is invalid.",
        short: 'API key expired at "2026-01-01 12:01:00 +0000 UTC".',
    }
    for value, detail in told_of.items():
        answer = coder.call("GET", "/users/me", by=value)
        assert (told(answer), answer.json()["detail"]) == ((401, SIGNED_OUT), detail)
        assert not coder.server.accepts(value)


def test_a_suspended_user_is_locked_out(coder: CoderWorld) -> None:
    """Its tokens are 401 and count as dead, a login is refused; once active again all of it works as before."""
    user = coder.server.add_user("bob", password=PASSWORD)
    value = coder.server.issue("bob", "by-hand")
    user.active = False
    status, message = told(coder.call("GET", "/users/me", by=value))
    assert (status, message.startswith('User is not active (status = "suspended").')) == (401, True)
    login = _post(coder.server, "login", {"email": "bob@example.com", "password": PASSWORD})
    assert (login.status, coder.server.accepts(value)) == (401, False)
    assert "by-hand" not in {token.identifier for token in coder.server.live_tokens()}
    user.active = True
    assert coder.call("GET", "/users/me", by=value).status == 200


@pytest.mark.parametrize("way", ["header", "query", "cookie"])
def test_a_credential_comes_in_three_ways(coder: CoderWorld, way: str) -> None:
    """As a header of any case, as a query, and as a cookie."""
    value = coder.values["ann"]
    request = {
        "header": Request("GET", "/api/v2/users/me", {}, {"Coder-Session-Token": value}),
        "query": Request("GET", "/api/v2/users/me", {"coder_session_token": value}),
        "cookie": Request("GET", "/api/v2/users/me", {}, {"cookie": f"a=b; coder_session_token={value}"}),
    }[way]
    assert coder.server.handle(request).json()["username"] == "ann"


def test_a_user_that_is_not_seen_is_one_that_is_not_there(coder: CoderWorld) -> None:
    """Both are 400 in the same words. A member sees itself only; who administers templates sees everybody."""
    for path, by in (("nobody", "root"), ("root", "ann"), ("maker", "ann")):
        answer = coder.call("GET", f"/users/{path}/keys/tokens/tokenconfig", by=by)
        assert told(answer) == (400, '"user" must be an existing uuid or username.')
        assert answer.json()["detail"] == f'queried user="{path}"'
    for path, by in (("ROOT", "maker"), ("ann", "root"), ("ann", "ann"), ("me", "ann")):
        assert coder.call("GET", f"/users/{path}", by=by).status == 200


def test_a_user_is_found_by_its_id(coder: CoderWorld) -> None:
    """What an answer tells as `id` is a name of the user, too."""
    me = coder.call("GET", "/users/me", by="ann").json()
    assert coder.call("GET", f"/users/{me['id']}").json() == me


@pytest.mark.parametrize("path", ["default", "coder", "ID"])
def test_the_organisation_has_three_names(coder: CoderWorld, path: str) -> None:
    """Its id, its name and `default`; another is 404 in the words for all that is not there."""
    (only,) = coder.call("GET", "/organizations", by="ann").json()
    asked = only["id"] if path == "ID" else path
    assert coder.call("GET", f"/organizations/{asked}", by="ann").json() == only
    assert told(coder.call("GET", "/organizations/elsewhere", by="ann")) == (404, GONE)


def test_what_is_no_object_is_refused(coder: CoderWorld) -> None:
    """A body that is no JSON, or no object, is 400, and so is a field of another type."""
    for body in (b"{", b"[]", b"", b'{"email": 7, "password": "x"}'):
        answer = coder.server.handle(Request("POST", "/api/v2/users/login", {}, {}, body))
        assert told(answer) == (400, "Request body must be valid JSON.")


def test_paths_that_are_not_there(coder: CoderWorld) -> None:
    """An unknown path is 404 and counted as `*`; a known one that does not know the method is 405."""
    assert told(coder.call("GET", "/nothing")) == (404, "Route not found.")
    assert told(coder.server.handle(Request("GET", "/elsewhere"))) == (404, "Route not found.")
    assert coder.call("PUT", "/users/login").status == 405
    assert coder.server.calls["GET", "*"] == 2


def test_every_answer_carries_the_servers_date(coder: CoderWorld) -> None:
    """From its own clock, refusals included."""
    coder.clock.move(HOUR)
    for path in ("/users/me", "/nothing"):
        assert coder.call("GET", path).headers["date"] == "Thu, 01 Jan 2026 13:00:00 GMT"
