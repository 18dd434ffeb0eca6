"""The stand-in authentik plugin under the real CLI, against the simulated Authentik."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.serve import mounted
from tests.sandbox.authentik_world import World
from tests.sandbox.declared_stack import Stack

pytestmark = pytest.mark.deep  # other tests use the stand-in for what it is for

CREDENTIAL = "a-credential-nobody-may-see"


@pytest.fixture
def world() -> World:
    return World(bootstrap_key=CREDENTIAL)


@pytest.fixture
def stack(tmp_path: Path, world: World) -> Iterator[Stack]:
    """An empty stack; at the end the credential may stand nowhere in clear."""
    with mounted(world.server.handle) as url:
        provider = {"url": url, "token": CREDENTIAL}
        made = Stack.of("declared", tmp_path / "program", {}, package="authentik", provider=provider)
        yield made
        assert CREDENTIAL not in "".join(made.printed) + made.succeed("stack", "export")


def rows(world: World, path: str) -> dict[str, dict[str, Any]]:
    """What a list of the API holds, by name."""
    return {row["name"]: row for row in world.call("GET", path).json()["results"]}


def declare_group(stack: Stack, **arguments: Any) -> None:
    stack.declare("Group", "rotators", **{"name": "rotators", "roles": [{"output of": ["role", "id"]}], **arguments})


def declare_all(stack: Stack) -> None:
    stack.declare("RbacRole", "role", name="rotator")
    declare_group(stack)
    stack.declare("User", "bot", username="bot", name="bot", type="service_account", groups=[of("rotators")])
    place = {"model": "authentik_core.user", "object_id": of("bot")}
    stack.declare("RbacPermissionRole", "sees", role=of("role"), permission="authentik_core.view_user", **place)


def of(name: str) -> dict[str, list[str]]:
    return {"output of": [name, "id"]}


def test_made_changed_in_place_refreshed_and_deleted(stack: Stack, world: World) -> None:
    """The package is asked for as a parameter; rows change in place, drift is healed after a refresh, and all goes."""
    declare_all(stack)
    stack.succeed("preview")
    stack.up()
    bot = rows(world, "/core/users/")["bot"]
    group = rows(world, "/core/groups/")["rotators"]
    assert (bot["type"], bot["groups"]) == ("service_account", [group["pk"]])
    assert group["roles"] == [rows(world, "/rbac/roles/")["rotator"]["pk"]]
    stack.refresh()
    stack.up("--expect-no-changes")

    world.call("PATCH", f"/core/users/{bot['pk']}/", {"name": "changed by hand"})
    stack.refresh()
    preview = stack.succeed("preview", "--diff")
    stack.up()
    assert "~ authentik:index/user:User: (update)" in preview
    assert rows(world, "/core/users/")["bot"]["pk"] == bot["pk"]

    stack.destroy()
    assert "bot" not in rows(world, "/core/users/")
    assert "rotators" not in rows(world, "/core/groups/")
    assert rows(world, "/rbac/roles/") == {}


def test_the_traps_of_the_real_provider(stack: Stack, world: World) -> None:
    """An updated group loses the members that its state does not know; a global permission outlives its removal."""
    declare_all(stack)
    stack.declare("RbacPermissionRole", "global", role=of("role"), permission="authentik_core.view_group")
    stack.up()
    declare_group(stack, attributes='{"a": 1}')
    stack.up()
    assert rows(world, "/core/users/")["bot"]["groups"] == []

    stack.wish["resources"] = [each for each in stack.wish["resources"] if each["name"] not in ("global", "sees")]
    stack.up()
    role = rows(world, "/rbac/roles/")["rotator"]["pk"]
    assert world.call("GET", "/rbac/permissions/roles/", uuid=role).json()["results"] == []
    granted = world.call("GET", "/rbac/permissions/", role=role).json()["results"]
    assert [row["codename"] for row in granted] == ["view_group"]


def test_a_permission_of_another_role_is_another(stack: Stack, world: World) -> None:
    """A changed permission replaces, a changed object is an update; a user's permissions are answered with 404."""
    declare_all(stack)
    stack.up()
    place = {"role": of("role"), "model": "authentik_core.user"}
    stack.declare("RbacPermissionRole", "sees", permission="authentik_core.view_user", object_id="1", **place)
    updated = stack.succeed("preview", "--diff")
    stack.declare("RbacPermissionRole", "sees", permission="authentik_core.change_user", object_id="1", **place)
    replaced = stack.succeed("preview", "--diff")
    assert "~ authentik:index/rbacPermissionRole:RbacPermissionRole: (update)" in updated
    assert "+-authentik:index/rbacPermissionRole:RbacPermissionRole: (replace)" in replaced

    stack.declare("RbacPermissionUser", "gone", user=1, permission="authentik_core.view_user")
    failed = stack.fail("up", "--yes", "--skip-preview")
    assert "RbacPermissionUser gone could not be created: HTTP 404: Not found.. The server has no such thing" in failed


def test_what_nobody_has_is_refused(stack: Stack) -> None:
    """Types, and inputs, that the stand-in does not do are errors that name them; so is a refusal of the server."""
    stack.declare("SystemSettings", "settings")
    refused = stack.fail("up", "--yes", "--skip-preview")
    stack.wish["resources"] = []
    stack.declare("Group", "child", name="child", parent="x")
    refused += stack.fail("up", "--yes", "--skip-preview")
    stack.wish["resources"] = []
    stack.declare("User", "twin", username="akadmin")
    refused += stack.fail("up", "--yes", "--skip-preview")
    assert "SystemSettings: the stand-in authentik plugin does not know this type" in refused
    assert "parent: the stand-in does not do this" in refused
    assert "User twin could not be created: HTTP 400: username: ['This field must be unique.']" in refused
