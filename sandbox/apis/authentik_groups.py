"""`/core/groups/` of the simulated Authentik."""

from __future__ import annotations

from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.authentik_calls import Call, Fields, Listing, invalid, is_boolean, missing
from sandbox.apis.authentik_records import Group, User

LISTING = Listing(
    filters={
        "name": lambda group, wanted: group.name == wanted,
        "is_superuser": lambda group, wanted: is_boolean(group.is_superuser, wanted),
    },
    searched=lambda group: (group.name,),
    orders={"name": lambda group: group.name},
    default_order="name",
)


def list_groups(call: Call) -> Response:
    call.require("authentik_core.view_group")
    return LISTING.answer(call, call.store.groups.values(), lambda group: render(call, group))


def create_group(call: Call) -> Response:
    call.require("authentik_core.add_group")
    group = call.store.add_group(name=_free_name(call, call.fields(), None))
    _apply(call, call.fields(), group)
    return json_response(201, render(call, group))


def read_group(call: Call) -> Response:
    return json_response(200, render(call, _group(call, "authentik_core.view_group")))


def put_group(call: Call) -> Response:
    """A full update: needs `name`. `users` that are sent become the members, also when there are none among them."""
    call.fields().text("name")
    return patch_group(call)


def patch_group(call: Call) -> Response:
    group = _group(call, "authentik_core.change_group")
    fields = call.fields()
    if fields.body.get("name", group.name) != group.name:
        group.name = _free_name(call, fields, group.name)
    _apply(call, fields, group)
    return json_response(200, render(call, group))


def delete_group(call: Call) -> Response:
    call.store.remove_group(_group(call, "authentik_core.delete_group"))
    return Response(204)


def add_member(call: Call) -> Response:
    group, user = _group(call, "authentik_core.change_group"), call.named_user()
    if group not in user.groups:
        user.groups.append(group)
    return Response(204)


def remove_member(call: Call) -> Response:
    group, user = _group(call, "authentik_core.change_group"), call.named_user()
    if group in user.groups:
        user.groups.remove(group)
    return Response(204)


def _apply(call: Call, fields: Fields, group: Group) -> None:
    group.is_superuser = fields.boolean("is_superuser", group.is_superuser)
    group.attributes = fields.mapping("attributes", group.attributes)
    if "roles" in fields:
        group.roles = [_known(call.store.roles, pk, "roles") for pk in fields.body["roles"]]
    if "users" in fields:
        wanted: list[User] = [_known(call.store.users, pk, "users") for pk in fields.body["users"]]
        for user in call.store.users.values():
            user.groups = [held for held in user.groups if held is not group]
        for user in wanted:
            user.groups.append(group)


def _known(rows: dict[Any, Any], pk: object, name: str) -> Any:
    if pk not in rows:
        raise invalid(name, f'Invalid pk "{pk}" - object does not exist.')
    return rows[pk]


def _free_name(call: Call, fields: Fields, default: str | None) -> str:
    name = fields.text("name", default)
    if any(group.name == name for group in call.store.groups.values()):
        raise invalid("name", "This field must be unique.")
    return name


def _group(call: Call, permission: str) -> Group:
    call.require(permission, on=call.params["pk"])
    group = call.store.groups.get(call.params["pk"])
    if group is None:
        raise missing("Group")
    return group


def render(call: Call, group: Group) -> dict[str, Any]:
    """A group as the API shows it."""
    members = [user.pk for user in call.store.members(group)]
    return {**partial_group(group), "users": members, "roles": [role.pk for role in group.roles]}


def partial_group(group: Group) -> dict[str, Any]:
    """The short form of a group inside other objects."""
    return {
        "pk": group.pk,
        "name": group.name,
        "is_superuser": group.is_superuser,
        "parents": [],
        "attributes": group.attributes,
    }
