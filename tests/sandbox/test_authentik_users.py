from __future__ import annotations

from sandbox.apis.authentik_records import TOKEN_EXPIRES
from tests.sandbox.authentik_world import World


def test_a_service_account_rotates_itself(world: World) -> None:
    """A service account without rights makes its successor, reads it, and deletes its predecessor."""
    pk = world.call("POST", "/core/users/service_account/", {"name": "rotator", "expiring": False}).json()["user_pk"]
    world.create("first", user=pk, expiring=False)
    first = world.key_of("first")
    assert world.create("second", key=first)["expiring"] is False
    second = world.key_of("second", key=first)
    assert world.call("DELETE", "/core/tokens/first/", key=second).status == 204
    assert world.server.accepts(second)
    assert not world.server.accepts(first)


def test_a_service_account_gets_an_app_password(world: World) -> None:
    """The answer is 200, not 201, and its key is no API key; the attribute follows `expiring`."""
    answer = world.call("POST", "/core/users/service_account/", {"name": "bot", "create_group": True})
    assert answer.status == 200
    assert set(answer.json()) == {"username", "token", "user_uid", "user_pk", "group_pk"}
    assert world.call("GET", "/core/users/me/", key=answer.json()["token"]).status == 403
    token = world.call("GET", "/core/tokens/service-account-bot-password/").json()
    assert (token["intent"], token["expires"]) == ("app_password", "2026-12-27T12:00:00Z")
    user = world.call("GET", f"/core/users/{answer.json()['user_pk']}/").json()
    assert (user["type"], user["attributes"]) == ("service_account", {TOKEN_EXPIRES: True})


def test_a_service_account_needs_two_permissions_and_a_free_name(world: World) -> None:
    """add_user without add_token is 403, a name that is taken 400."""
    body = {"name": "akadmin"}
    assert (
        world.call(
            "POST", "/core/users/service_account/", body, key=world.person("a", "authentik_core.add_user")
        ).status
        == 403
    )
    answer = world.call("POST", "/core/users/service_account/", body)
    assert (answer.status, answer.json()) == (400, {"name": ["This field must be unique."]})


def test_users_are_made_and_changed(world: World) -> None:
    """A user's attributes decide about its next tokens; the internal kind of service account is refused."""
    made = world.call("POST", "/core/users/", {"username": "ann", "name": "Ann"})
    assert made.status == 201
    path = f"/core/users/{made.json()['pk']}/"
    assert world.call("PATCH", path, {"attributes": {TOKEN_EXPIRES: False}}).json()["name"] == "Ann"
    key = world.server.issue("ann", "own")
    assert world.create("one", key=key)["expiring"] is False
    assert world.call("PATCH", path, {"type": "internal_service_account"}).status == 400


def test_deleting_a_user_ends_its_tokens(world: World) -> None:
    """A user's tokens go with the user."""
    key = world.person("ann")
    pk = world.call("GET", "/core/users/me/", key=key).json()["user"]["pk"]
    assert world.call("DELETE", f"/core/users/{pk}/").status == 204
    assert not world.server.accepts(key)


def test_membership_makes_a_superuser(world: World) -> None:
    """Joining a superuser group gives all rights, leaving it takes them."""
    ann = world.person("ann")
    pk = world.call("GET", "/core/users/me/", key=ann).json()["user"]["pk"]
    admins = world.call("GET", "/core/groups/", name="authentik Admins").json()["results"][0]["pk"]
    for path, status in (("add_user", 200), ("remove_user", 403)):
        assert world.call("POST", f"/core/groups/{admins}/{path}/", {"pk": pk}).status == 204
        assert world.call("GET", "/core/users/", key=ann).status == status


def test_the_version_is_for_everybody(world: World) -> None:
    """Any authenticated caller reads the version."""
    assert world.call("GET", "/admin/version/", key=world.person("a")).json()["version_current"].startswith("2026.5")
