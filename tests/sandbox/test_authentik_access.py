from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from rotation.backends.transport import Request
from sandbox.apis.authentik import BOOTSTRAP_IDENTIFIER, Authentik
from tests.sandbox.authentik_world import START, World

INVALID = (403, {"detail": "Token invalid/expired"})
NO_PERMISSION = (403, {"detail": "You do not have permission to perform this action."})
NO_TOKEN = (404, {"detail": "No Token matches the given query."})


def test_the_bootstrap_token_works() -> None:
    """The given key belongs to akadmin, a superuser, and never expires."""
    world = World(bootstrap_key="given-key")
    world.clock.move(days=4000)
    me = world.call("GET", "/core/users/me/", key="given-key").json()["user"]
    assert (me["username"], me["is_superuser"]) == ("akadmin", True)
    assert world.call("GET", f"/core/tokens/{BOOTSTRAP_IDENTIFIER}/").json()["expiring"] is False


def test_an_unknown_key_is_403(world: World) -> None:
    """A key nobody has is 403 with the server's own text, never 401."""
    answer = world.call("GET", "/core/users/me/", key="unknown")
    assert (answer.status, answer.json()) == INVALID


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic abc"}])
def test_no_credentials_is_403(world: World, headers: dict[str, str]) -> None:
    """Without a Bearer key the text differs, the status does not."""
    answer = world.server.handle(Request("GET", "/api/v3/core/users/me/", headers=headers))
    assert answer.status == 403
    assert answer.json() == {"detail": "Authentication credentials were not provided."}


def test_the_scheme_is_written_in_any_case(world: World) -> None:
    """`bearer` is as good as `Bearer`, and so is any case of the header's name."""
    request = Request("GET", "/api/v3/core/users/me/", headers={"Authorization": f"bEARER {world.admin}"})
    assert world.server.handle(request).status == 200


def test_an_app_password_is_no_bearer_key(world: World) -> None:
    """Only intent `api` lets its key in."""
    world.create("one", intent="app_password")
    assert world.call("GET", "/core/users/me/", key=world.key_of("one")).status == 403


def test_an_inactive_user_is_refused(world: World) -> None:
    """Deactivation bites at once, with the same text as a bad key."""
    key = world.person("ann")
    pk = world.call("GET", "/core/users/me/", key=key).json()["user"]["pk"]
    assert world.call("PATCH", f"/core/users/{pk}/", {"is_active": False}).status == 200
    answer = world.call("GET", "/core/users/me/", key=key)
    assert (answer.status, answer.json()) == INVALID


def test_every_answer_is_dated_by_the_servers_clock(world: World) -> None:
    """The `Date` header is the simulated clock's, so that a client can measure the skew."""
    for path in ("/core/users/me/", "/nowhere/"):
        assert parsedate_to_datetime(world.call("GET", path).headers["date"]) == START


def test_keys_are_sixty_letters_and_digits(world: World) -> None:
    """A key is 60 characters of [A-Za-z0-9]."""
    world.create("one")
    key = world.key_of("one")
    assert len(key) == 60
    assert key.isascii()
    assert key.isalnum()


def test_the_creator_may_view_the_key(world: World) -> None:
    """A non-superuser reads the key of a token of its own making; each reading is an event."""
    ann = world.person("ann")
    world.create("one", key=ann)
    first = world.key_of("one", key=ann)
    assert world.key_of("one", key=ann) == first
    assert world.actions().count("secret_view") == 2


def test_the_owner_alone_may_not_view_the_key(world: World) -> None:
    """Being the owner of a token that another made shows the row, but not the key."""
    ann = world.person("ann")
    assert world.call("GET", "/core/tokens/ann-own/", key=ann).status == 200
    answer = world.call("GET", "/core/tokens/ann-own/view_key/", key=ann)
    assert (answer.status, answer.json()) == NO_PERMISSION


def test_strangers_see_nothing(world: World) -> None:
    """For whoever may not see a token it is not there."""
    bob = world.person("bob")
    world.create("one")
    for method, path in (("GET", ""), ("DELETE", ""), ("PATCH", ""), ("GET", "view_key/")):
        answer = world.call(method, f"/core/tokens/one/{path}", {} if method == "PATCH" else None, key=bob)
        assert (answer.status, answer.json()) == NO_TOKEN


def test_view_token_sees_all_and_changes_nothing(world: World) -> None:
    """The permission view_token shows every row; deleting and the key need permissions of their own."""
    eve = world.person("eve", "authentik_core.view_token")
    world.create("one")
    assert world.call("GET", "/core/tokens/", key=eve).json()["pagination"]["count"] == 3
    for method, path in (("DELETE", ""), ("GET", "view_key/")):
        answer = world.call(method, f"/core/tokens/one/{path}", key=eve)
        assert (answer.status, answer.json()) == NO_PERMISSION
    world.person("max", "authentik_core.view_token", "authentik_core.view_token_key")
    assert world.key_of("one", key=world.server.issue("max", "two")) == world.key_of("one")


def test_lists_hold_only_ones_own(world: World) -> None:
    """Without view_token the list is one's own tokens, and no refusal."""
    ann = world.person("ann")
    world.create("one")
    answer = world.call("GET", "/core/tokens/", key=ann).json()
    assert [row["identifier"] for row in answer["results"]] == ["ann-own"]


def test_a_non_superuser_creates_only_for_itself(world: World) -> None:
    """`user` in the body of a non-superuser is dropped: the token is the caller's own."""
    ann = world.person("ann", "authentik_core.add_token")
    assert world.create("one", key=ann, user=1)["user_obj"]["username"] == "ann"


def test_a_superuser_creates_for_others(world: World) -> None:
    """A superuser names the owner; an owner that is not there is refused."""
    ann = world.server.add_user("ann")
    assert world.create("one", user=ann.pk)["user"] == ann.pk
    answer = world.call("POST", "/core/tokens/", {"identifier": "two", "user": 99})
    assert (answer.status, answer.json()) == (400, {"user": ['Invalid pk "99" - object does not exist.']})


def test_deleting_ends_the_key_at_once(world: World) -> None:
    """DELETE is 204, then 404, and the key is dead in between."""
    ann = world.person("ann")
    world.create("one", key=ann)
    key = world.key_of("one", key=ann)
    assert world.call("DELETE", "/core/tokens/one/", key=key).status == 204
    answer = world.call("GET", "/core/users/me/", key=key)
    assert (answer.status, answer.json()) == INVALID
    answer = world.call("DELETE", "/core/tokens/one/", key=ann)
    assert (answer.status, answer.json()) == NO_TOKEN


def test_set_key_cuts_over_hard(world: World) -> None:
    """The old key dies at once, the expiry stays; a missing key is 400; an owner needs the permission."""
    made = world.create("one")
    old = world.key_of("one")
    assert world.call("POST", "/core/tokens/one/set_key/", {}).status == 400
    assert world.call("POST", "/core/tokens/one/set_key/", {"key": "mine"}).status == 204
    assert not world.server.accepts(old)
    assert world.server.accepts("mine")
    assert world.call("GET", "/core/tokens/one/").json() == made
    assert world.call("POST", "/core/tokens/ann-own/set_key/", {"key": "x"}, key=world.person("ann")).status == 403


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, {"identifier": ["This field is required."]}),
        ({"identifier": ""}, {"identifier": ["This field may not be blank."]}),
        ({"identifier": "x" * 256}, {"identifier": ["Ensure this field has no more than 255 characters."]}),
        ({"identifier": BOOTSTRAP_IDENTIFIER}, {"identifier": ["This field must be unique."]}),
        ({"identifier": "a", "intent": "recovery"}, {"intent": ["Invalid intent recovery"]}),
        ({"identifier": "a", "intent": "other"}, {"intent": ['"other" is not a valid choice.']}),
    ],
)
def test_what_does_not_fit_is_refused(world: World, body: dict[str, str], problem: dict[str, list[str]]) -> None:
    """Validation is 400 with the field and its message."""
    answer = world.call("POST", "/core/tokens/", body)
    assert (answer.status, answer.json()) == (400, problem)


def test_an_identifier_is_a_slug(world: World) -> None:
    """A dot is not part of an identifier."""
    answer = world.call("POST", "/core/tokens/", {"identifier": "a.b"})
    assert answer.status == 400
    assert "slug" in answer.json()["identifier"][0]


def test_an_identifier_is_unique_among_all_users(world: World) -> None:
    """Somebody else's identifier is taken, although it cannot be seen; renaming onto it is refused too."""
    ann = world.person("ann")
    world.create("one")
    world.create("two", key=ann)
    unique = (400, {"identifier": ["This field must be unique."]})
    for method, path in (("POST", ""), ("PATCH", "two/")):
        answer = world.call(method, f"/core/tokens/{path}", {"identifier": "one"}, key=ann)
        assert (answer.status, answer.json()) == unique


def test_renaming_keeps_the_row(world: World) -> None:
    """A new identifier is a rename in place: same pk, same key."""
    made = world.create("one")
    key = world.key_of("one")
    assert world.call("PATCH", "/core/tokens/one/", {"identifier": "two"}).json()["pk"] == made["pk"]
    assert world.call("GET", "/core/tokens/one/").status == 404
    assert world.key_of("two") == key


def test_a_path_without_its_slash_is_not_there(world: World) -> None:
    """The slash at the end is part of the path; a wrong method is 405."""
    assert world.call("GET", "/core/tokens").status == 404
    assert world.call("DELETE", "/core/tokens/").status == 405


def test_no_key_is_in_a_repr(world: World) -> None:
    """Neither records nor answers show a key when printed."""
    world.create("one")
    answer = world.call("GET", "/core/tokens/one/view_key/")
    key = answer.json()["key"]
    told = repr((answer, world.server.live_tokens(), world.server.events, world.server._store.tokens))
    assert key not in told
    assert world.admin not in told


def test_counters_tell_the_calls(world: World) -> None:
    """`calls` counts by method and path template, refused ones too."""
    world.create("one")
    world.key_of("one")
    world.call("GET", "/core/tokens/none/view_key/")
    world.call("GET", "/nowhere/")
    assert world.server.calls == {
        ("POST", "/core/tokens/"): 1,
        ("GET", "/core/tokens/{identifier}/view_key/"): 2,
        ("GET", "*"): 1,
    }


def test_live_tokens_are_those_that_are_accepted(world: World) -> None:
    """An expired token is not live, a non-expiring one has no expiry, and no key is told."""
    world.create("one")
    assert [(t.identifier, t.username, t.expires is None) for t in world.server.live_tokens()] == [
        (BOOTSTRAP_IDENTIFIER, "akadmin", True),
        ("one", "akadmin", False),
    ]
    world.clock.move(minutes=30)
    assert [token.identifier for token in world.server.live_tokens()] == [BOOTSTRAP_IDENTIFIER]


def test_a_seed_repeats_every_key() -> None:
    """Two servers of one seed make the same keys, without a seed they differ."""
    keys = [Authentik(World().clock, seed=seed).bootstrap_key for seed in (7, 7, None, None)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
