from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.authentik_world import World

NO_PERMISSION = (403, {"detail": "You do not have permission to perform this action."})


def pk_of(world: World, key: str) -> int:
    return int(world.call("GET", "/core/users/me/", key=key).json()["user"]["pk"])


def role(world: World, name: str = "rotator") -> str:
    return str(world.call("POST", "/rbac/roles/", {"name": name}).json()["pk"])


def assign(world: World, role_pk: str, *permissions: str, **on: str) -> Any:
    body = {"permissions": list(permissions), **on}
    return world.call("POST", f"/rbac/permissions/assigned_by_roles/{role_pk}/assign/", body)


def test_a_group_gives_its_roles_to_its_members(world: World) -> None:
    """A permission of a role reaches whoever is in a group with it, and goes when the member goes."""
    ann, role_pk = world.person("ann"), role(world)
    group = world.call("POST", "/core/groups/", {"name": "rotators", "roles": [role_pk]}).json()
    assert assign(world, role_pk, "authentik_core.view_user").status == 200
    for path, status in (("add_user", 200), ("remove_user", 403)):
        world.call("POST", f"/core/groups/{group['pk']}/{path}/", {"pk": pk_of(world, ann)})
        assert world.call("GET", "/core/users/", key=ann).status == status


def test_a_user_has_roles_of_its_own(world: World) -> None:
    """A role may be given to a user directly, and is told by `me`."""
    ann, role_pk = world.person("ann"), role(world)
    assign(world, role_pk, "authentik_core.view_user")
    for path, status in (("add_user", 200), ("remove_user", 403)):
        world.call("POST", f"/rbac/roles/{role_pk}/{path}/", {"pk": pk_of(world, ann)})
        assert world.call("GET", "/core/users/", key=ann).status == status
    world.call("POST", f"/rbac/roles/{role_pk}/add_user/", {"pk": pk_of(world, ann)})
    assert world.call("GET", "/core/users/me/", key=ann).json()["user"]["roles"] == [{"name": "rotator", "pk": role_pk}]


def test_a_permission_on_an_object_is_on_that_one_alone(world: World) -> None:
    """view_user on oneself lists oneself only, and another user stays hidden."""
    ann, role_pk = world.person("ann"), role(world)
    me = pk_of(world, ann)
    world.call("POST", f"/rbac/roles/{role_pk}/add_user/", {"pk": me})
    assign(world, role_pk, "authentik_core.view_user", model="authentik_core.user", object_pk=str(me))
    assert [row["username"] for row in world.call("GET", "/core/users/", key=ann).json()["results"]] == ["ann"]
    assert world.call("GET", f"/core/users/{me}/", key=ann).status == 200
    answer = world.call("GET", "/core/users/1/", key=ann)
    assert (answer.status, answer.json()) == NO_PERMISSION


def test_global_rows_are_numbered_apart(world: World) -> None:
    """The number of a global assignment names another row, or none, among those on an object: the provider's trap."""
    role_pk = role(world)
    on_object = assign(world, role_pk, "authentik_core.view_user", model="authentik_core.user", object_pk="1").json()
    granted = assign(world, role_pk, "authentik_core.view_group").json()
    assert on_object == granted == [{"id": "1"}]
    assert assign(world, role_pk, "authentik_core.view_group").json() == granted
    assert world.call("DELETE", "/rbac/permissions/roles/1/").status == 204
    assert world.call("DELETE", "/rbac/permissions/roles/1/").status == 404
    assert world.call("GET", "/rbac/permissions/", role=role_pk).json()["results"][0]["codename"] == "view_group"


def test_unassigning_takes_one_permission(world: World) -> None:
    """PATCH unassign ends a global permission, and one on an object, and nothing else."""
    ann, role_pk = world.person("ann"), role(world)
    world.call("POST", f"/rbac/roles/{role_pk}/add_user/", {"pk": pk_of(world, ann)})
    assign(world, role_pk, "authentik_core.view_user", "authentik_core.view_group")
    path = f"/rbac/permissions/assigned_by_roles/{role_pk}/unassign/"
    assert world.call("PATCH", path, {"permissions": ["authentik_core.view_user"]}).status == 204
    assert world.call("GET", "/core/users/", key=ann).status == 403
    assert world.call("GET", "/core/groups/", key=ann).status == 200


def test_deleting_a_role_or_a_group_takes_its_permissions(world: World) -> None:
    """What a role gave ends with it, and with the group that had it."""
    for kind in ("/rbac/roles/", "/core/groups/"):
        ann, role_pk = world.person(f"ann{kind[1]}"), role(world, f"of-{kind[1]}")
        assign(world, role_pk, "authentik_core.view_user")
        group = world.call("POST", "/core/groups/", {"name": kind[1], "roles": [role_pk], "users": [pk_of(world, ann)]})
        assert world.call("GET", "/core/users/", key=ann).status == 200
        gone = role_pk if "roles" in kind else group.json()["pk"]
        assert world.call("DELETE", f"{kind}{gone}/").status == 204
        assert world.call("GET", "/core/users/", key=ann).status == 403


def test_a_full_update_sets_the_members(world: World) -> None:
    """PUT of a group with no users empties it; without the field it leaves them. A taken name is refused."""
    ann = world.person("ann")
    pk = world.call("POST", "/core/groups/", {"name": "one", "users": [pk_of(world, ann)]}).json()["pk"]
    world.call("POST", "/core/groups/", {"name": "two"})
    assert world.call("PUT", f"/core/groups/{pk}/", {"name": "one"}).json()["users"] == [pk_of(world, ann)]
    assert world.call("PUT", f"/core/groups/{pk}/", {"name": "one", "users": []}).json()["users"] == []
    assert world.call("PUT", f"/core/groups/{pk}/", {"name": "two"}).status == 400


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, {"permissions": ["This field is required."]}),
        ({"permissions": ["view_user"]}, {"permissions": {"0": ['"view_user" is not a valid choice.']}}),
        (
            {"permissions": ["authentik_core.view_user"], "model": "authentik_core.user"},
            {"object_pk": ["This field is required."]},
        ),
        (
            {"permissions": ["authentik_core.view_user"], "model": "authentik_core.user", "object_pk": "99"},
            {"object_pk": ["Object does not exist"]},
        ),
        (
            {"permissions": ["authentik_core.view_user"], "object_pk": "1"},
            {"model": ["This field is required."]},
        ),
    ],
)
def test_what_does_not_fit_is_refused(world: World, body: dict[str, Any], problem: dict[str, Any]) -> None:
    """A permission is named with its app, and model and object come together."""
    answer = world.call("POST", f"/rbac/permissions/assigned_by_roles/{role(world)}/assign/", body)
    assert (answer.status, answer.json()) == (400, problem)


def test_what_is_for_users_is_gone(world: World) -> None:
    """Since 2025.12 permissions attach only to roles: the paths for users are not there."""
    for method, path in (("POST", "assigned_by_users/1/assign/"), ("GET", "users/1/")):
        assert world.call(method, f"/rbac/permissions/{path}", {}).status == 404


def test_roles_are_for_those_who_may(world: World) -> None:
    """Without a permission on roles nothing of them is seen or done; a name is given once."""
    ann, role_pk = world.person("ann"), role(world)
    calls = [("GET", ""), ("POST", ""), ("GET", f"{role_pk}/"), ("PUT", f"{role_pk}/"), ("DELETE", f"{role_pk}/")]
    for method, path in calls:
        answer = world.call(method, f"/rbac/roles/{path}", None if method == "GET" else {"name": "x"}, key=ann)
        assert (answer.status, answer.json()) == NO_PERMISSION
    body = {"permissions": ["authentik_core.view_user"]}
    for method, act in (("POST", "assign"), ("PATCH", "unassign")):
        path = f"/rbac/permissions/assigned_by_roles/{role_pk}/{act}/"
        assert world.call(method, path, body, key=ann).status == 403
    assert world.call("POST", "/rbac/roles/", {"name": "rotator"}).json() == {"name": ["This field must be unique."]}
    assert world.call("PUT", f"/rbac/roles/{role_pk}/", {"name": "other"}).json()["name"] == "other"
    assert world.call("GET", "/rbac/roles/", name="other").json()["pagination"]["count"] == 1


def test_a_users_number_is_never_given_again(world: World) -> None:
    """A permission on a user that is gone must not reach the next one."""
    first = world.call("POST", "/core/users/", {"username": "one", "name": ""}).json()["pk"]
    world.call("DELETE", f"/core/users/{first}/")
    assert world.call("POST", "/core/users/", {"username": "two", "name": ""}).json()["pk"] > first
