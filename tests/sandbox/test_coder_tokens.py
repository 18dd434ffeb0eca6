"""Tokens of the simulated Coder: what life is granted, which names are taken, what a listing shows, what ends one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rotation.testing.builders import START
from tests.sandbox.coder_world import DAY, HOUR, CoderWorld, id_of, told

GONE = (404, "Resource not found or you do not have access to this resource")
SECOND = 10**9
HOURS = 3600 * SECOND


@pytest.fixture
def coder() -> CoderWorld:
    return CoderWorld()


def _create(coder: CoderWorld, fields: dict[str, Any], *, user: str = "me", by: str = "root") -> Any:
    return coder.call("POST", f"/users/{user}/keys/tokens", fields, by=by)


def test_a_value_names_its_own_row(coder: CoderWorld) -> None:
    """Ten characters, a dash, 22 characters: the first part is the id, and no later answer holds the second."""
    value = coder.mint("one")
    key, _, secret = value.partition("-")
    assert (len(key), len(secret)) == (10, 22)
    row = coder.row(value)
    assert (row["id"], row["token_name"], row["login_type"]) == (key, "one", "token")
    for path in (f"keys/{key}", "keys/tokens/one", "keys/tokens"):
        assert secret.encode() not in coder.call("GET", f"/users/me/{path}").body
    assert secret not in repr(coder.server.live_tokens())


def test_a_lifetime_is_granted_in_nanoseconds(coder: CoderWorld) -> None:
    """As it was asked for, and told back as an end and in seconds."""
    row = coder.row(coder.mint("one", lifetime=90 * SECOND))
    assert (row["expires_at"], row["lifetime_seconds"]) == ("2026-01-01T12:01:30Z", 90)
    assert row["created_at"] == "2026-01-01T12:00:00Z"


def test_an_owners_cap_is_another_one(coder: CoderWorld) -> None:
    """By default 168 hours for an Owner and a century for anybody else; the configuration tells each its own."""
    caps = {
        name: coder.call("GET", f"/users/{name}/keys/tokens/tokenconfig").json()["max_token_lifetime"]
        for name in ("root", "maker", "ann")
    }
    assert caps == {"root": 168 * HOURS, "maker": 876600 * HOURS, "ann": 876600 * HOURS}
    refused = _create(coder, {"token_name": "one", "lifetime": 168 * HOURS + 1000})
    assert told(refused) == (400, "Failed to validate create API key request.")
    assert refused.json()["detail"] == "lifetime must be less than 168h0m0s"
    assert coder.names() == []
    coder.mint("one", lifetime=168 * HOURS)
    coder.mint("two", user="maker", lifetime=2000 * HOURS)


def test_the_cap_is_that_of_the_tokens_user(coder: CoderWorld) -> None:
    """What an Owner makes for somebody else is held to the other's cap."""
    strict = CoderWorld(max_lifetime=10 * DAY, max_owner_lifetime=100 * DAY)
    refused = _create(strict, {"lifetime": 240 * HOURS + 1000}, user="ann")
    assert refused.json()["detail"] == "lifetime must be less than 240h0m0s"
    strict.mint("one", lifetime=2400 * HOURS)


def test_the_default_is_held_to_no_cap() -> None:
    """Where no lifetime is asked for, the deployment's default holds."""
    coder = CoderWorld(default_lifetime=30 * DAY)
    assert coder.row(coder.mint("one"))["expires_at"] == "2026-01-31T12:00:00Z"


@pytest.mark.parametrize("lifetime", [-1, -HOURS])
def test_no_token_ends_before_it_begins(coder: CoderWorld, lifetime: int) -> None:
    """A negative lifetime is refused, and one that is no number."""
    refused = _create(coder, {"lifetime": lifetime})
    assert refused.json()["detail"] == "lifetime must be positive number greater than 0"
    assert told(_create(coder, {"lifetime": "168h"})) == (400, "Request body must be valid JSON.")


def test_a_name_is_taken_until_its_row_is_deleted(coder: CoderWorld) -> None:
    """Also by a row that expired or was expired: 409. Only a deletion frees it."""
    ended = coder.mint("one", lifetime=SECOND)
    coder.clock.move(HOUR)
    expired = coder.mint("two")
    assert coder.call("PUT", f"/users/me/keys/{id_of(expired)}/expire").status == 204
    for name, value in (("one", ended), ("two", expired)):
        refused = _create(coder, {"token_name": name})
        assert told(refused) == (409, f'A token with name "{name}" already exists.')
        assert coder.call("DELETE", f"/users/me/keys/{id_of(value)}").status == 204
        coder.mint(name)


def test_names_are_taken_per_user(coder: CoderWorld) -> None:
    """Two users may have tokens of one name; without a name the server finds one."""
    for user in ("root", "maker", "ann"):
        coder.mint("one", user=user)
    names = {coder.row(coder.mint(""))["token_name"] for _ in range(2)}
    assert len(names) == 2


def test_an_owner_mints_for_anybody(coder: CoderWorld) -> None:
    """The token is the other's; who is no Owner gets nothing made, though a Template Admin sees the user."""
    value = coder.mint("one", user="ann")
    assert coder.call("GET", "/users/me", by=value).json()["username"] == "ann"
    refused = _create(coder, {"token_name": "two"}, user="ann", by="maker")
    assert told(refused) == (500, "Failed to create API key.")
    assert refused.json()["detail"] == "insert API key: unauthorized: rbac: forbidden"
    assert _create(coder, {"token_name": "two"}, user="maker", by="ann").status == 400
    assert coder.names(by="ann") == ["ann/one"]


def test_a_listing_shows_what_one_may_see(coder: CoderWorld) -> None:
    """`include_all` is everybody's for an Owner, and for anybody else no more than their own."""
    for user in ("root", "maker", "ann"):
        coder.mint("one", user=user)
    assert coder.names() == ["root/one"]
    assert coder.names(include_all="true") == ["root/one", "maker/one", "ann/one"]
    assert coder.names(by="maker", include_all="true") == ["maker/one"]
    others = coder.call("GET", "/users/ann/keys/tokens", by="maker")
    assert (others.status, others.body) == (200, b"null")


def test_no_token_at_all_is_null(coder: CoderWorld) -> None:
    """Not an empty list."""
    coder.server.add_user("empty")
    assert coder.call("GET", "/users/empty/keys/tokens").body == b"null"


def test_expired_rows_are_listed_when_asked_for(coder: CoderWorld) -> None:
    """Since February 2026; older servers list them unasked. By its name or id a row is always found."""
    old = CoderWorld(lists_expired=True)
    for world in (coder, old):
        value = world.mint("one", lifetime=SECOND)
        world.clock.move(HOUR)
        assert world.names(include_expired="true") == ["root/one"]
        assert world.call("GET", "/users/me/keys/tokens/one").json() == world.row(value)
    assert coder.names() == []
    assert old.names() == ["root/one"]


def test_an_expired_row_stays_for_ever(coder: CoderWorld) -> None:
    """The value dies at its end; no sweep removes the row."""
    value = coder.mint("one", lifetime=SECOND)
    assert coder.server.accepts(value)
    coder.clock.move(timedelta(seconds=1))
    assert not coder.server.accepts(value)
    coder.clock.move(4 * DAY)
    coder.server.sweep()
    assert coder.row(value)["token_name"] == "one"
    assert "one" not in {token.identifier for token in coder.server.live_tokens()}


def test_expiring_ends_the_value_and_keeps_the_row(coder: CoderWorld) -> None:
    """From this instant on; expiring again changes nothing, and the end that was told is the one that holds."""
    value = coder.mint("one")
    coder.clock.move(HOUR)
    for _ in range(2):
        assert coder.call("PUT", f"/users/me/keys/{id_of(value)}/expire").status == 204
        coder.clock.move(HOUR)
    assert not coder.server.accepts(value)
    assert coder.row(value)["expires_at"] == "2026-01-01T13:00:00Z"


def test_a_deletion_ends_the_value_and_the_row(coder: CoderWorld) -> None:
    """204, and 404 from then on: for a look, for another deletion, for expiring it."""
    value = coder.mint("one")
    key = f"/users/me/keys/{id_of(value)}"
    assert coder.call("DELETE", key).status == 204
    assert not coder.server.accepts(value)
    for method, path in (("GET", key), ("DELETE", key), ("PUT", f"{key}/expire"), ("GET", "/users/me/keys/tokens/one")):
        assert told(coder.call(method, path)) == GONE


def test_what_one_may_not_see_is_not_there(coder: CoderWorld) -> None:
    """Another's key is 404 by its id and by its name, also under one's own path, and it cannot be ended."""
    value = coder.mint("one", user="ann")
    for user in ("me", "ann"):
        key = f"/users/{user}/keys/{id_of(value)}"
        for method, path in (("GET", key), ("DELETE", key), ("PUT", f"{key}/expire")):
            assert told(coder.call(method, path, by="maker")) == GONE
    assert told(coder.call("GET", "/users/ann/keys/tokens/one", by="maker")) == GONE
    assert coder.server.accepts(value)


def test_the_users_path_does_not_matter_for_a_key(coder: CoderWorld) -> None:
    """An Owner reads and deletes anybody's key under the own path, as the key's id says all."""
    value = coder.mint("one", user="ann")
    assert coder.row(value)["user_id"] == coder.call("GET", "/users/ann").json()["id"]
    assert coder.call("DELETE", f"/users/me/keys/{id_of(value)}").status == 204
    assert not coder.server.accepts(value)


def test_a_tokens_end_is_fixed(coder: CoderWorld) -> None:
    """However it is used; only `last_used` moves, at most once an hour."""
    value = coder.mint("one", lifetime=24 * HOURS)
    used = []
    for _ in range(3):
        coder.clock.move(0.5 * HOUR)
        coder.call("GET", "/users/me", by=value)
        row = coder.row(value)
        used.append(row["last_used"][11:16])
        assert row["expires_at"] == "2026-01-02T12:00:00Z"
    assert used == ["12:00", "12:00", "13:30"]


def test_on_an_older_server_a_use_moves_the_end() -> None:
    """Once an hour of its life has passed: a token that is used daily does not end, and a probe is a use."""
    coder = CoderWorld(sliding_expiry=True)
    value = coder.mint("one", lifetime=24 * HOURS)
    coder.clock.move(HOUR - timedelta(seconds=1))
    coder.call("GET", "/users/me", by=value)
    assert coder.row(value)["expires_at"] == "2026-01-02T12:00:00Z"
    for _ in range(5):
        coder.clock.move(23 * HOUR)
        assert coder.call("GET", "/users/me", by=value).status == 200
    assert coder.row(value)["expires_at"] == "2026-01-07T07:59:59Z"
    coder.clock.move(DAY)
    assert coder.call("GET", "/users/me", by=value).status == 401


def test_a_look_inside_is_no_use() -> None:
    """`accepts` and `live_tokens` move no end and count as no call."""
    coder = CoderWorld(sliding_expiry=True)
    value = coder.mint("one", lifetime=24 * HOURS)
    coder.clock.move(20 * HOUR)
    before = dict(coder.server.calls)
    assert coder.server.accepts(value)
    live = {token.identifier: token for token in coder.server.live_tokens()}
    assert live["one"].expires == START + DAY
    assert (live["one"].username, live["one"].key_id) == ("root", id_of(value))
    assert dict(coder.server.calls) == before


def test_by_hand_anything_goes(coder: CoderWorld) -> None:
    """`issue` knows no cap, and wants a user that is there."""
    assert coder.server.accepts(coder.server.issue("root", "long", lifetime=400 * DAY))
    with pytest.raises(KeyError, match="nobody"):
        coder.server.issue("nobody", "one")


def test_the_same_seed_makes_the_same_values() -> None:
    """So that a run can be repeated; without a seed each is its own."""
    one, two = CoderWorld(), CoderWorld()
    assert one.mint("a") == two.mint("a")
    assert one.values == two.values


def test_unknown_fields_are_ignored(coder: CoderWorld) -> None:
    """A field that the server does not know makes no difference, even one that resembles another."""
    row = coder.row(coder.mint("one", token_lifetime=1, expires_at="2030-01-01T00:00:00Z"))
    assert row["lifetime_seconds"] == 168 * 3600


def test_calls_are_counted_by_their_template(coder: CoderWorld) -> None:
    """Whatever a path names."""
    coder.mint("one")
    coder.mint("two", user="ann")
    assert coder.server.calls["POST", "/users/{user}/keys/tokens"] == 2
