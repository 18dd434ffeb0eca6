"""The simulated Coder's tokens: caps by role, names that stay taken, rows that outlive their end, what one may see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rotation.backends.transport import Response, json_request
from rotation.testing.builders import HandClock
from sandbox.apis.coder import Coder

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TOKENS = "/users/me/keys/tokens"


class Place:
    """A server with an Owner, an administrator of templates and somebody else."""

    def __init__(self, **options: Any) -> None:
        self.clock = HandClock()
        self.server = Coder(self.clock, seed=1, **options)
        self.server.add_user("root")
        self.server.add_user("templates", roles=("template-admin",))
        self.server.add_user("somebody", roles=())
        self.root = self.server.issue("root", "root", lifetime=400 * DAY)
        self.admin = self.server.issue("templates", "by-hand", lifetime=30 * DAY)

    def ask(self, value: str, method: str, path: str, payload: object = None, **query: str) -> Response:
        headers = {"coder-session-token": value} if value else {}
        return self.server.handle(json_request(method, f"/api/v2{path}", payload, query=query, headers=headers))

    def create(self, value: str, name: str, lifetime: timedelta, user: str = "me", **more: Any) -> Response:
        body = {"token_name": name, "lifetime": int(lifetime.total_seconds()) * 10**9, **more}
        return self.ask(value, "POST", f"/users/{user}/keys/tokens", body)


@pytest.fixture
def place() -> Place:
    return Place()


def _names(answer: Response) -> list[str]:
    return sorted(row["token_name"] for row in answer.json() or [])


def test_a_value_is_told_once_and_tells_its_own_row(place: Place) -> None:
    """Ten characters, a hyphen, twenty-two; what comes before the hyphen is the key's id."""
    value = place.create(place.admin, "mine", DAY).json()["key"]
    key, secret = value.split("-")
    assert (len(key), len(secret)) == (10, 22)
    row = place.ask(place.admin, "GET", f"/users/me/keys/{key}").json()
    assert (row["token_name"], row["login_type"], row["lifetime_seconds"]) == ("mine", "token", 86400)
    assert secret not in str(row)
    assert place.server.accepts(value)


def test_an_owner_lives_shorter_than_others(place: Place) -> None:
    """7 days for an Owner on a default server, a century for others; each user's own cap is told in nanoseconds."""
    assert place.create(place.root, "week", 7 * DAY).status == 201
    refused = place.create(place.root, "month", 30 * DAY)
    assert (refused.status, refused.json()["detail"]) == (400, "lifetime must be less than 168h0m0s")
    assert place.create(place.root, "month", 30 * DAY, user="templates").status == 201
    for user, hours in (("root", 168), ("templates", 876600)):
        told = place.ask(place.root, "GET", f"/users/{user}/keys/tokens/tokenconfig").json()
        assert told == {"max_token_lifetime": hours * 3600 * 10**9}


def test_a_name_stays_taken_until_its_row_is_deleted(place: Place) -> None:
    """Expired by time or by hand, the name is taken; another user may have the same."""
    value = place.create(place.admin, "mine", HOUR).json()["key"]
    key = value.partition("-")[0]
    place.clock.move(2 * HOUR)
    assert not place.server.accepts(value)
    assert place.create(place.admin, "mine", HOUR).status == 409
    assert place.create(place.root, "mine", HOUR).status == 201
    assert place.ask(place.admin, "DELETE", f"/users/me/keys/{key}").status == 204
    assert place.create(place.admin, "mine", HOUR).status == 201
    assert place.ask(place.admin, "DELETE", f"/users/me/keys/{key}").status == 404


def test_what_is_expired_by_hand_keeps_its_row(place: Place) -> None:
    """`expire` ends it at once and leaves the row to be listed."""
    value = place.create(place.admin, "mine", DAY).json()["key"]
    assert place.ask(place.admin, "PUT", f"/users/me/keys/{value.partition('-')[0]}/expire").status == 204
    assert not place.server.accepts(value)
    assert "mine" in _names(place.ask(place.admin, "GET", TOKENS, include_expired="true"))


@pytest.mark.parametrize("older", [False, True])
def test_expired_rows_are_listed_unasked_by_older_servers(older: bool) -> None:
    """Newer ones want `include_expired`; both list everything then."""
    place = Place(lists_expired=older)
    place.create(place.admin, "mine", HOUR)
    place.clock.move(2 * HOUR)
    assert ("mine" in _names(place.ask(place.admin, "GET", TOKENS))) is older
    assert "mine" in _names(place.ask(place.admin, "GET", TOKENS, include_expired="true"))


def test_a_listing_shows_what_the_caller_may_see(place: Place) -> None:
    """`include_all` is everybody's for an Owner, and one's own for anybody else; none at all is `null`."""
    assert _names(place.ask(place.root, "GET", TOKENS, include_all="true")) == ["by-hand", "root"]
    assert _names(place.ask(place.admin, "GET", TOKENS, include_all="true")) == ["by-hand"]
    assert place.ask(place.root, "GET", "/users/somebody/keys/tokens").body == b"null"
    hidden = place.ask(place.admin, "GET", "/users/root/keys/tokens")
    assert (hidden.status, hidden.json()["message"]) == (
        404,
        "Resource not found or you do not have access to this resource",
    )


@pytest.mark.parametrize("sliding", [False, True])
def test_a_token_in_use_moves_its_end_on_older_servers(sliding: bool) -> None:
    """Used after more than an hour it lives its whole lifetime again; since June 2026 its end stands."""
    place = Place(sliding_expiry=sliding)
    value = place.create(place.admin, "mine", 10 * HOUR).json()["key"]
    place.clock.move(2 * HOUR)
    assert place.ask(value, "GET", "/users/me").status == 200
    place.clock.move(9 * HOUR)
    assert place.server.accepts(value) is sliding


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("", 'Cookie "coder_session_token" or query parameter must be provided.'),
        ("nonsense", "Invalid API key format: incorrect amount of API key parts"),
        ("abcdefghij-0123456789012345678901", "API key is invalid."),
    ],
)
def test_a_dead_value_is_a_401_that_says_why(place: Place, value: str, detail: str) -> None:
    """A missing, misshapen or unknown one; a wrong secret and an ended one say so, too."""
    answer = place.ask(value, "GET", "/users/me")
    assert (answer.status, answer.json()["detail"]) == (401, detail)
    key = place.admin.partition("-")[0]
    assert (
        place.ask(f"{key}-0123456789012345678901", "GET", "/users/me").json()["detail"] == "API key secret is invalid."
    )
    place.clock.move(31 * DAY)
    assert "API key expired at" in place.ask(place.admin, "GET", "/users/me").json()["detail"]


def test_scopes_are_kept_and_unknown_fields_ignored(place: Place) -> None:
    """Short names are stored by their long ones; what the server does not know does no harm."""
    value = place.create(place.admin, "mine", DAY, scopes=["template:*"], colour="red").json()["key"]
    row = place.ask(place.admin, "GET", f"{TOKENS}/mine").json()
    assert row["scopes"] == ["template:*"]
    assert row["id"] == value.partition("-")[0]
