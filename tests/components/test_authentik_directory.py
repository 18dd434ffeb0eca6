"""The rotator's account at Authentik: what its token may do, and what not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rotation.backends.authentik import Authentik, connect
from rotation.backends.protocol import Order
from rotation.errors import Refused
from rotation.testing.builders import OWNER, a_generation
from sandbox.serve import mounted
from tests.sandbox.authentik_world import World
from tests.sandbox.declared_stack import Stack

CREDENTIAL = "a-credential-nobody-may-see"
ACCOUNT = "token-rotation"


@pytest.fixture
def world() -> World:
    return World(bootstrap_key=CREDENTIAL)


@pytest.fixture
def stack(tmp_path: Path, world: World) -> Iterator[Stack]:
    """The directory as it is by default, made with a superuser's credential from the environment."""
    with mounted(world.server.handle) as url:
        made = Stack.of("directories", tmp_path / "program", {"AUTHENTIK_TOKEN": CREDENTIAL}, authentik={"url": url})
        made.up()
        yield made


def backend(world: World, key: str) -> Authentik:
    return connect("authentik", world.server.handle, key, world.clock, lambda _text: None)


def order(world: World, generation: str, **spec: Any) -> Order:
    return Order(generation, OWNER, "admin", spec, timedelta(days=365), world.clock.now)


def test_the_account_rotates_its_own_token(stack: Stack, world: World) -> None:
    """With the first token, made by a superuser, it mints, lists, reads and revokes its own; none ever expires."""
    first, second = a_generation(), a_generation()
    admin = backend(world, CREDENTIAL)
    minted = admin.mint(order(world, first, user=ACCOUNT))

    own = backend(world, str(minted.value))
    own.preflight()
    successor = own.mint(order(world, second, user=ACCOUNT))
    own.probe(str(successor.value))
    assert {row.id for row in own.inventory(OWNER, [])} == {first, second}
    assert own.recognise(str(successor.value), {"user": ACCOUNT}).id == second
    world.clock.move(days=100)
    world.server.sweep()
    newest = backend(world, str(successor.value))
    newest.revoke(first)
    assert newest.is_dead(first)
    assert [token.identifier for token in world.server.live_tokens() if token.username == ACCOUNT] == [second]


def test_the_account_may_do_nothing_else(stack: Stack, world: World) -> None:
    """Tokens, users, groups, roles, settings and events of others are refused or not there."""
    key = world.server.issue(ACCOUNT, "own", expiring=False)
    other = world.server.add_user("other")
    world.server.issue("other", "others", expiring=False)
    pk = world.server._store.user_named(ACCOUNT)
    assert pk is not None
    refused: dict[tuple[str, str], int] = {
        ("GET", "/core/tokens/others/"): 404,
        ("GET", "/core/tokens/others/view_key/"): 404,
        ("DELETE", "/core/tokens/others/"): 404,
        ("POST", "/core/tokens/own/set_key/"): 403,
        ("GET", f"/core/users/{other.pk}/"): 403,
        ("PATCH", f"/core/users/{other.pk}/"): 403,
        ("PATCH", f"/core/users/{pk.pk}/"): 403,
        ("DELETE", f"/core/users/{pk.pk}/"): 403,
        ("POST", "/core/users/"): 403,
        ("POST", "/core/users/service_account/"): 403,
        ("GET", "/core/groups/"): 403,
        ("POST", "/core/groups/"): 403,
        ("GET", "/rbac/roles/"): 403,
        ("POST", "/rbac/roles/"): 403,
        ("GET", "/admin/settings/"): 403,
        ("PATCH", "/admin/settings/"): 403,
        ("GET", "/events/events/"): 403,
    }
    answered = {call: world.call(*call, None if call[0] == "GET" else {}, key=key).status for call in refused}
    allowed = {
        ("GET", "/core/users/me/"): 200,
        ("GET", f"/core/users/{pk.pk}/"): 200,
        ("GET", "/core/tokens/own/"): 200,
        ("GET", "/admin/version/"): 200,
    }
    assert answered == refused
    assert {call: world.call(*call, key=key).status for call in allowed} == allowed
    assert [row["username"] for row in world.call("GET", "/core/users/", key=key).json()["results"]] == [ACCOUNT]


def test_our_adapter_is_refused_the_tokens_of_others(stack: Stack, world: World) -> None:
    """Minting for another user, and touching another's rows, fails with a typed error or finds nothing."""
    own = backend(world, world.server.issue(ACCOUNT, "own", expiring=False))
    foreign = a_generation()
    backend(world, CREDENTIAL).mint(order(world, foreign))
    with pytest.raises(Refused):
        own.mint(order(world, a_generation(), user="akadmin"))
    assert own.inventory(OWNER, []) == []
    assert own.find(foreign) is None
    own.revoke(foreign)
    assert foreign in [token.identifier for token in world.server.live_tokens()]
    assert not own.holds(foreign)


def test_a_token_made_by_somebody_else_is_adopted_where_it_is_named(stack: Stack, world: World) -> None:
    """The key of such a row can be read only when the settings name it."""
    key = world.server.issue(ACCOUNT, "made-by-hand", expiring=False)
    with pytest.raises(Refused):
        backend(world, key).recognise(key, {"user": ACCOUNT})
    stack.wish["authentik"]["adopts"] = [world.call("GET", "/core/tokens/made-by-hand/").json()["pk"]]
    stack.up()
    assert backend(world, key).recognise(key, {"user": ACCOUNT}).handle == "made-by-hand"


def test_the_credential_is_in_no_state_and_not_asked_for_again(stack: Stack, world: World) -> None:
    """State and prints lack it, decrypted too; a run without changes calls nothing."""
    before = dict(world.server.calls)
    stack.up("--expect-no-changes")
    assert dict(world.server.calls) == before
    assert CREDENTIAL not in stack.stored() + "".join(stack.printed)
    assert "in AUTHENTIK_TOKEN" not in stack.stored()


def test_renaming_keeps_account_members_and_tokens(stack: Stack, world: World) -> None:
    """A renamed group keeps its member; a renamed account is the same one, and its tokens live on until destroy."""
    key = world.server.issue(ACCOUNT, "own", expiring=False)
    stack.wish["authentik"] |= {"role": "renamed", "group": "renamed"}
    stack.up()
    me = world.call("GET", "/core/users/me/", key=key).json()["user"]
    assert [group["name"] for group in me["groups"]] == [role["name"] for role in me["roles"]] == ["renamed"]
    stack.wish["authentik"]["account"] = "renamed"
    stack.up()
    assert [row["username"] for row in world.call("GET", "/core/users/", key=key).json()["results"]] == ["renamed"]
    stack.destroy()
    assert not world.server.accepts(key)
