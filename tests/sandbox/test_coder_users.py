"""The simulated Coder before anybody is there: the first user, logins, sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.backends.transport import Response, json_request
from rotation.testing.builders import HandClock
from sandbox.apis.coder import Coder

ACCOUNT = {"email": "admin@example.com", "username": "admin", "password": "a-Long-passphrase-17"}


class Place:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.server = Coder(self.clock, seed=1)

    def ask(self, method: str, path: str, payload: object = None, value: str = "") -> Response:
        headers = {"coder-session-token": value} if value else {}
        return self.server.handle(json_request(method, f"/api/v2{path}", payload, headers=headers))


@pytest.fixture
def place() -> Place:
    return Place()


def test_the_first_user_is_made_once_and_is_an_owner(place: Place) -> None:
    """404 before, 200 after, 409 for a second; whoever is first may do everything."""
    assert place.ask("GET", "/users/first").status == 404
    assert place.ask("POST", "/users/first", ACCOUNT).status == 201
    assert place.ask("GET", "/users/first").status == 200
    assert place.ask("POST", "/users/first", ACCOUNT).status == 409
    session = place.ask("POST", "/users/login", ACCOUNT).json()["session_token"]
    me = place.ask("GET", "/users/me", value=session).json()
    assert (me["username"], [role["name"] for role in me["roles"]]) == ("admin", ["owner"])


@pytest.mark.parametrize("password", ["short1A", "onlyletters", "1234567890"])
def test_a_weak_password_makes_no_user(place: Place, password: str) -> None:
    """400 with the field; the server has no user then."""
    answer = place.ask("POST", "/users/first", {**ACCOUNT, "password": password})
    assert (answer.status, answer.json()["validations"][0]["field"]) == (400, "password")
    assert place.ask("GET", "/users/first").status == 404


def test_a_login_needs_the_right_password(place: Place) -> None:
    """401 with one text for a wrong password and for a stranger."""
    place.ask("POST", "/users/first", ACCOUNT)
    for body in ({**ACCOUNT, "password": "x"}, {**ACCOUNT, "email": "stranger@example.com"}):
        answer = place.ask("POST", "/users/login", body)
        assert (answer.status, answer.json()["message"]) == (401, "Incorrect email or password.")


def test_a_session_lives_a_day_from_its_last_use(place: Place) -> None:
    """Used within the day it goes on, unused it ends; it is no token and stands in no list of tokens."""
    place.ask("POST", "/users/first", ACCOUNT)
    session = place.ask("POST", "/users/login", ACCOUNT).json()["session_token"]
    place.clock.move(timedelta(hours=20))
    assert place.ask("GET", "/users/me", value=session).status == 200
    place.clock.move(timedelta(hours=20))
    assert place.ask("GET", "/users/me/keys/tokens", value=session).body == b"null"
    place.clock.move(timedelta(hours=25))
    assert place.ask("GET", "/users/me", value=session).status == 401


def test_a_suspended_user_is_signed_out(place: Place) -> None:
    """A token of an inactive user is no credential."""
    user = place.server.add_user("templates", roles=("template-admin",))
    value = place.server.issue("templates", "mine")
    user.active = False
    assert place.ask("GET", "/users/me", value=value).status == 401
    assert not place.server.accepts(value)
