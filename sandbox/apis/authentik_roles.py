"""`/rbac/` of the simulated Authentik: roles, and the permissions that attach to them.

Since 2025.12 there is no `/rbac/permissions/users/` and no `assigned_by_users/`: they answer 404 like any unknown path.
A trap: an assignment answers with the number of its row, but global rows and rows on an object are numbered apart, and
`/rbac/permissions/roles/{id}/` knows only those on an object.
"""

from __future__ import annotations

import re
from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.authentik_calls import Call, Fields, Listing, invalid, missing
from sandbox.apis.authentik_records import Role
from sandbox.apis.routing import Refusal

_PERMISSION = re.compile(r"authentik_\w+\.\w+")
_ASSIGN, _UNASSIGN = "authentik_rbac.assign_role_permissions", "authentik_rbac.unassign_role_permissions"
LISTING = Listing(
    filters={"name": lambda role, wanted: role.name == wanted},
    searched=lambda role: (role.name,),
    orders={"name": lambda role: role.name},
    default_order="name",
)
_GRANTS = Listing(
    filters={}, searched=lambda row: (row["codename"],), orders={"id": lambda row: row["id"]}, default_order="id"
)


def list_roles(call: Call) -> Response:
    call.require("authentik_rbac.view_role")
    return LISTING.answer(call, call.store.roles.values(), render)


def create_role(call: Call) -> Response:
    call.require("authentik_rbac.add_role")
    return json_response(201, render(call.store.add_role(name=_free_name(call, call.fields()))))


def read_role(call: Call) -> Response:
    return json_response(200, render(_role(call, "authentik_rbac.view_role")))


def update_role(call: Call) -> Response:
    role = _role(call, "authentik_rbac.change_role")
    if call.fields().text("name", role.name) != role.name:
        role.name = _free_name(call, call.fields())
    return json_response(200, render(role))


def delete_role(call: Call) -> Response:
    call.store.remove_role(_role(call, "authentik_rbac.delete_role"))
    return Response(204)


def add_holder(call: Call) -> Response:
    role, user = _role(call, "authentik_rbac.change_role"), call.named_user()
    if role not in user.roles:
        user.roles.append(role)
    return Response(204)


def remove_holder(call: Call) -> Response:
    role, user = _role(call, "authentik_rbac.change_role"), call.named_user()
    if role in user.roles:
        user.roles.remove(role)
    return Response(204)


def assign(call: Call) -> Response:
    """Assigning what is assigned already answers with the row that is there."""
    role = _role(call, _ASSIGN)
    object_pk = _object(call)
    rows = [_assigned(call, role, permission, object_pk) for permission in _permissions(call.fields())]
    return json_response(200, [{"id": str(row)} for row in rows])


def unassign(call: Call) -> Response:
    role = _role(call, _UNASSIGN)
    object_pk = _object(call)
    for permission in _permissions(call.fields()):
        if object_pk is None:
            role.granted = {row: held for row, held in role.granted.items() if held != permission}
        else:
            role.on_object = {row: held for row, held in role.on_object.items() if held != (permission, object_pk)}
    return Response(204)


def list_granted(call: Call) -> Response:
    """The global permissions of the role that the query names; without one this simulation lists none."""
    call.require("authentik_rbac.view_role")
    role = call.store.roles.get(call.request.query.get("role", ""))
    wanted = call.request.query.get("codename")
    rows = [_shown(row, name, None) for row, name in (role.granted if role else {}).items()]
    return _GRANTS.answer(call, [row for row in rows if wanted in (None, row["codename"])], dict)


def list_on_objects(call: Call) -> Response:
    call.require("authentik_rbac.view_role")
    if "uuid" not in call.request.query:
        raise invalid("uuid", "This field is required.")
    role = call.store.roles.get(call.request.query["uuid"])
    rows = [_shown(row, name, pk) for row, (name, pk) in (role.on_object if role else {}).items()]
    return _GRANTS.answer(call, rows, dict)


def read_on_object(call: Call) -> Response:
    role, row = _row(call, "authentik_rbac.view_role")
    return json_response(200, _shown(row, *role.on_object[row]))


def put_on_object(call: Call) -> Response:
    """The object can be exchanged, the permission cannot."""
    role, row = _row(call, _ASSIGN)
    role.on_object[row] = (role.on_object[row][0], call.fields().text("object_pk"))
    return json_response(200, _shown(row, *role.on_object[row]))


def delete_on_object(call: Call) -> Response:
    role, row = _row(call, _UNASSIGN)
    del role.on_object[row]
    return Response(204)


def _assigned(call: Call, role: Role, permission: str, object_pk: str | None) -> int:
    if object_pk is None:
        rows = [row for row, held in role.granted.items() if held == permission]
        row = rows[0] if rows else next(call.store.new_grant)
        role.granted[row] = permission
        return row
    rows = [row for row, held in role.on_object.items() if held == (permission, object_pk)]
    row = rows[0] if rows else next(call.store.new_object_grant)
    role.on_object[row] = (permission, object_pk)
    return row


def _permissions(fields: Fields) -> list[str]:
    wanted = fields.body.get("permissions")
    if not isinstance(wanted, list):
        raise invalid("permissions", "This field is required.")
    for index, name in enumerate(wanted):
        if not _PERMISSION.fullmatch(str(name)):
            raise Refusal(400, {"permissions": {str(index): [f'"{name}" is not a valid choice.']}})
    return wanted


def _object(call: Call) -> str | None:
    """The pk of the object that the body names, None for a global permission. Model and pk come together."""
    body, store = call.fields().body, call.store
    model, pk = body.get("model"), body.get("object_pk")
    if model is None and pk is None:
        return None
    known = {
        "authentik_core.user": {str(user) for user in store.users},
        "authentik_core.group": set(store.groups),
        "authentik_core.token": {token.pk for token in store.tokens.values()},
        "authentik_rbac.role": set(store.roles),
    }
    if model not in known:
        raise invalid("model", f'"{model}" is not a valid choice.' if model else "This field is required.")
    if str(pk) not in known[model]:
        raise invalid("object_pk", "Object does not exist" if pk else "This field is required.")
    return str(pk)


def _free_name(call: Call, fields: Fields) -> str:
    name = fields.text("name", longest=150)
    if any(role.name == name for role in call.store.roles.values()):
        raise invalid("name", "This field must be unique.")
    return name


def _role(call: Call, permission: str) -> Role:
    call.require(permission, on=call.params["pk"])
    role = call.store.roles.get(call.params["pk"])
    if role is None:
        raise missing("Role")
    return role


def _row(call: Call, permission: str) -> tuple[Role, int]:
    call.require(permission)
    number = call.params["pk"]
    for role in call.store.roles.values():
        if number.isdigit() and int(number) in role.on_object:
            return role, int(number)
    raise missing("RoleObjectPermission")


def _shown(row: int, permission: str, object_pk: str | None) -> dict[str, Any]:
    app, codename = permission.split(".")
    model = codename.split("_")[1] if "_" in codename else ""
    return {"id": row, "codename": codename, "model": model, "app_label": app, "object_pk": object_pk, "name": codename}


def render(role: Role) -> dict[str, Any]:
    return {"pk": role.pk, "name": role.name}
