"""`/core/users/` of the simulated Authentik."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.authentik_calls import Call, Fields, Listing, forbidden, invalid, is_boolean, missing
from sandbox.apis.authentik_groups import partial_group
from sandbox.apis.authentik_records import APP_PASSWORD, TOKEN_EXPIRES, Group, User, rest_time
from sandbox.apis.routing import Refusal

_VIEW = "authentik_core.view_user"
_TYPES = ("internal", "external", "service_account", "internal_service_account")
_SERVICE_ACCOUNT_PASSWORD_LIFETIME = timedelta(days=360)


def _has_attributes(user: User, wanted: str) -> bool:
    try:
        attributes = dict(json.loads(wanted))
    except (TypeError, ValueError):
        raise Refusal(400, {"detail": "filter: failed to parse JSON"}) from None
    return all(user.attributes.get(name) == value for name, value in attributes.items())


LISTING = Listing(
    filters={
        "username": lambda user, wanted: user.username == wanted,
        "email": lambda user, wanted: user.email == wanted,
        "name": lambda user, wanted: user.name == wanted,
        "uuid": lambda user, wanted: user.uuid == wanted,
        "path": lambda user, wanted: user.path == wanted,
        "type": lambda user, wanted: user.type == wanted,
        "is_active": lambda user, wanted: is_boolean(user.is_active, wanted),
        "groups_by_name": lambda user, wanted: any(group.name == wanted for group in user.groups),
        "groups_by_pk": lambda user, wanted: any(group.pk == wanted for group in user.groups),
        "attributes": _has_attributes,
    },
    searched=lambda user: (user.email, user.name, user.uuid, user.username),
    orders={
        "username": lambda user: user.username,
        "name": lambda user: user.name,
        "email": lambda user: user.email,
        "pk": lambda user: user.pk,
        "date_joined": lambda user: user.date_joined,
    },
    default_order="username",
)


def me(call: Call) -> Response:
    """The cheap proof that a key works."""
    user = call.caller
    shown = {
        "pk": user.pk,
        "username": user.username,
        "name": user.name,
        "is_active": user.is_active,
        "is_superuser": user.is_superuser,
        "groups": [{"name": group.name, "pk": group.pk} for group in user.groups],
        "roles": [{"name": role.name, "pk": role.pk} for role in user.all_roles()],
        "email": user.email,
        "avatar": "",
        "uid": user.uuid.replace("-", ""),
        "settings": {},
        "type": user.type,
        "system_permissions": sorted(name for name in _held(user) if name.startswith("authentik_rbac.")),
    }
    return json_response(200, {"user": shown})


def list_users(call: Call) -> Response:
    """Those that the caller may see; whoever may see none is refused."""
    seen = [user for user in call.store.users.values() if call.caller.may(_VIEW, str(user.pk))]
    if not seen:
        raise forbidden()
    return LISTING.answer(call, seen, render)


def read_user(call: Call) -> Response:
    return json_response(200, render(_user(call, _VIEW)))


def create_user(call: Call) -> Response:
    call.require("authentik_core.add_user")
    fields = call.fields()
    user = call.store.add_user(
        username=_free_name(call, fields, "username"),
        name=fields.text("name", blank=True),
        date_joined=call.now,
    )
    _apply(call, fields, user)
    return json_response(201, render(user))


def put_user(call: Call) -> Response:
    """A full update: needs `username` and `name`."""
    fields = call.fields()
    fields.text("username")
    fields.text("name", blank=True)
    return patch_user(call)


def patch_user(call: Call) -> Response:
    user = _user(call, "authentik_core.change_user")
    fields = call.fields()
    if fields.body.get("username", user.username) != user.username:
        user.username = _free_name(call, fields, "username")
    user.name = fields.text("name", user.name, blank=True)
    _apply(call, fields, user)
    return json_response(200, render(user))


def delete_user(call: Call) -> Response:
    """Takes the user's tokens along."""
    call.store.remove_user(_user(call, "authentik_core.delete_user"))
    return Response(204)


def create_service_account(call: Call) -> Response:
    """Answers 200 with the key of an app password, which is no Bearer token for the API."""
    call.require("authentik_core.add_user", "authentik_core.add_token")
    fields = call.fields()
    name = _free_name(call, fields, "name")
    expiring = fields.boolean("expiring", True)
    expires = fields.instant("expires") or call.now + _SERVICE_ACCOUNT_PASSWORD_LIFETIME
    user = call.store.add_user(
        username=name,
        name=name,
        type="service_account",
        path="goauthentik.io/service-accounts",
        date_joined=call.now,
        attributes={TOKEN_EXPIRES: expiring},
    )
    token = call.store.add_token(
        identifier=f"service-account-{name}-password",
        user=user,
        intent=APP_PASSWORD,
        expires=expires,
        expiring=expiring,
    )
    answer = {"username": name, "token": token.key, "user_uid": user.uuid.replace("-", ""), "user_pk": user.pk}
    if fields.boolean("create_group", False):
        user.groups.append(call.store.add_group(name=name))
        answer["group_pk"] = user.groups[0].pk
    return json_response(200, answer)


def _apply(call: Call, fields: Fields, user: User) -> None:
    kind = fields.choice("type", user.type, _TYPES)
    if kind == "internal_service_account" and kind != user.type:
        raise invalid("type", "Setting a user to internal service account is not allowed.")
    user.type = kind
    user.email = fields.text("email", user.email, blank=True)
    user.path = fields.text("path", user.path)
    user.is_active = fields.boolean("is_active", user.is_active)
    user.attributes = fields.mapping("attributes", user.attributes)
    if "groups" in fields:
        user.groups = [_known_group(call, pk) for pk in fields.body["groups"]]


def _free_name(call: Call, fields: Fields, field: str) -> str:
    name = fields.text(field, longest=150)
    if call.store.user_named(name):
        raise invalid(field, "This field must be unique.")
    return name


def _known_group(call: Call, pk: str) -> Group:
    if pk not in call.store.groups:
        raise invalid("groups", f'Invalid pk "{pk}" - object does not exist.')
    return call.store.groups[pk]


def _user(call: Call, permission: str) -> User:
    pk = call.params["pk"]
    call.require(permission, on=pk)
    user = call.store.users.get(int(pk)) if pk.isdigit() else None
    if user is None:
        raise missing("User")
    return user


def _held(user: User) -> set[str]:
    """Every global permission."""
    return {*user.permissions, *(name for role in user.all_roles() for name in role.granted.values())}


def render(user: User) -> dict[str, Any]:
    """A user as the API shows it."""
    return {
        "pk": user.pk,
        "username": user.username,
        "name": user.name,
        "is_active": user.is_active,
        "last_login": None,
        "date_joined": rest_time(user.date_joined),
        "is_superuser": user.is_superuser,
        "groups": [group.pk for group in user.groups],
        "groups_obj": [partial_group(group) for group in user.groups],
        "roles": [role.pk for role in user.roles],
        "email": user.email,
        "avatar": "",
        "attributes": user.attributes,
        "uid": user.uuid.replace("-", ""),
        "path": user.path,
        "type": user.type,
        "uuid": user.uuid,
    }
