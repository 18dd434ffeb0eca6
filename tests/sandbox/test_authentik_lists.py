from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.authentik_world import World


def _identifiers(world: World, **query: str) -> list[str]:
    answer = world.call("GET", "/core/tokens/", **query)
    assert answer.status == 200, answer.body
    return [row["identifier"] for row in answer.json()["results"]]


def test_the_page_has_the_real_shape(world: World) -> None:
    """One page says so: `next` and `previous` are 0, and `autocomplete` is there."""
    assert world.call("GET", "/core/tokens/", identifier="none").json() == {
        "pagination": {
            "next": 0,
            "previous": 0,
            "count": 0,
            "current": 1,
            "total_pages": 1,
            "start_index": 0,
            "end_index": 0,
        },
        "results": [],
        "autocomplete": {},
    }


@pytest.mark.parametrize(
    ("query", "shown", "following", "pages"),
    [
        ({}, 20, 2, 13),
        ({"page_size": "50"}, 50, 2, 6),
        ({"page_size": "1000"}, 100, 2, 3),
        ({"page_size": "1000", "page": "3"}, 51, 0, 3),
        ({"page_size": "none"}, 20, 2, 13),
    ],
)
def test_pages_are_capped(world: World, query: dict[str, str], shown: int, following: int, pages: int) -> None:
    """20 rows unless asked otherwise, never more than 100, and the last page says 0 for the next."""
    for number in range(250):
        world.server.issue("akadmin", f"t{number:03}")
    answer = world.call("GET", "/core/tokens/", **query).json()
    assert len(answer["results"]) == shown
    assert (answer["pagination"]["next"], answer["pagination"]["total_pages"]) == (following, pages)
    assert answer["pagination"]["count"] == 251


def test_a_page_beyond_the_end_is_404(world: World) -> None:
    """There is no empty page behind the last."""
    answer = world.call("GET", "/core/tokens/", page="2")
    assert (answer.status, answer.json()) == (404, {"detail": "Invalid page."})


def test_an_unknown_parameter_gives_everything(world: World) -> None:
    """A filter that does not exist is ignored without a word: a slip returns the whole list."""
    world.create("one")
    assert len(_identifiers(world, user="99", identifer="one")) == 2


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"identifier": "one"}, ["one"]),
        ({"identifier": "on"}, []),
        ({"user__username": "ann"}, ["ann-own"]),
        ({"user__username": "an"}, []),
        ({"description": "of one"}, ["one"]),
        ({"description": "one"}, []),
        ({"intent": "app_password"}, ["two"]),
        ({"expiring": "false"}, ["ann-own", "authentik-bootstrap-token"]),
        ({"expiring": "maybe"}, ["ann-own", "authentik-bootstrap-token", "one", "two"]),
        ({"managed": "x/y"}, ["two"]),
        ({"expires": "2026-01-01T12:30:00Z", "expiring": "true"}, ["one", "two"]),
        ({"search": "ON"}, ["one"]),
        ({"search": "ann"}, ["ann-own"]),
        ({"search": "of one"}, ["one"]),
    ],
)
def test_filters_are_exact_and_search_is_not(world: World, query: dict[str, str], found: list[str]) -> None:
    """Each filter matches whole values; `search` looks for each word in several fields."""
    world.person("ann")
    world.create("one", description="of one")
    world.create("two", intent="app_password", managed="x/y")
    assert _identifiers(world, **query) == found


def test_order(world: World) -> None:
    """Rows come by identifier; `-` turns round, several fields are taken in turn, unknown ones are ignored."""
    world.create("b", description="x")
    world.create("a", description="x")
    assert _identifiers(world) == ["a", "authentik-bootstrap-token", "b"]
    assert _identifiers(world, ordering="-identifier") == ["b", "authentik-bootstrap-token", "a"]
    assert _identifiers(world, ordering="-description,identifier") == ["a", "b", "authentik-bootstrap-token"]
    assert _identifiers(world, ordering="nonsense") == _identifiers(world)


def test_expired_rows_are_listed(world: World) -> None:
    """A list holds expired tokens too."""
    world.create("one")
    world.clock.move(minutes=31)
    assert "one" in _identifiers(world)


def test_users_are_found_exactly_or_fuzzily(world: World) -> None:
    """`username` is exact; `search` finds whoever merely contains the word."""
    world.server.add_user("ann")
    world.server.add_user("joanna")

    def names(**query: str) -> list[Any]:
        return [user["username"] for user in world.call("GET", "/core/users/", **query).json()["results"]]

    assert names(username="ann") == ["ann"]
    assert names(search="ann") == ["ann", "joanna"]
    assert names(usrname="ann") == ["akadmin", "ann", "joanna"]


def test_users_need_their_permission(world: World) -> None:
    """Listing users without view_user is 403."""
    assert world.call("GET", "/core/users/", key=world.person("ann")).status == 403


def test_events_filter_by_containing_the_action(world: World) -> None:
    """`action` contains; the newest event comes first; the permission is view_event."""
    world.create("one")
    world.key_of("one")
    world.clock.move(minutes=32)
    answer = world.call("GET", "/events/events/", action="secret").json()
    assert [event["action"] for event in answer["results"]] == ["secret_rotate", "secret_view"]
    assert world.call("GET", "/events/events/", key=world.person("ann")).status == 403
    assert world.call("GET", "/events/events/", key=world.person("bob", "authentik_events.view_event")).status == 200
