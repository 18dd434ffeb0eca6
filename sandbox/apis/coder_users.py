"""Users of the simulated Coder: the first one, logins, and who one is; and the organisation that all of them are in."""

from __future__ import annotations

import math
import string
from datetime import timedelta
from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.coder_calls import Call, invalid, is_name, lacking, refused, written
from sandbox.apis.coder_records import OWNER, Store, User

SESSION = timedelta(hours=24)
_FEWEST_BITS, _LONGEST_PASSWORD = 52.0, 64
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation + " ")
_WEAK = "insecure password, try including more special characters or using a longer password"


def first(call: Call) -> Response:
    """Whether there is a first user; the status says it."""
    if call.store.users:
        return json_response(200, {"message": "The initial user has already been created!"})
    raise refused(404, "The initial user has not been created!")


def make_first(call: Call) -> Response:
    """The first user, who becomes an Owner."""
    body = call.body()
    absent = lacking(body, "email", "username", "password")
    if absent:
        raise invalid(**absent)
    if not is_name(body["username"]):
        raise invalid(username=f'Validation failed for tag "username" with value: "{body["username"]}"')
    if call.store.users:
        raise refused(409, "The initial user has already been created.")
    weakness = _weakness(body["password"])
    if weakness:
        raise refused(400, "Password not strong enough!", password=weakness)
    user = call.store.add_user(
        body["username"], email=body["email"], password=body["password"], roles=(OWNER,), now=call.now
    )
    return json_response(201, {"user_id": user.id, "organization_id": call.store.organization})


def login(call: Call) -> Response:
    """A session for an email and a password."""
    body = call.body()
    absent = lacking(body, "email", "password")
    if absent:
        raise invalid(**absent)
    email = body["email"].lower()
    user = next((user for user in call.store.users.values() if user.email.lower() == email), None)
    if user is None or user.password != body["password"]:
        raise refused(401, "Incorrect email or password.")
    if not user.active:
        raise refused(401, "Your account is suspended. Contact an admin to reactivate your account.")
    session = call.store.add_key(user, "", "password", now=call.now, lifetime=SESSION)
    return json_response(201, {"session_token": session})


def read(call: Call) -> Response:
    """One user."""
    return json_response(200, _shown(call.user(), call.store))


def organizations(call: Call) -> Response:
    """Every organisation: there is one."""
    return json_response(200, [_organization(call.store)])


def organization(call: Call) -> Response:
    """The one, by id, by name, or as `default`."""
    call.require_organization()
    return json_response(200, _organization(call.store))


def _shown(user: User, store: Store) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "created_at": written(user.created),
        "status": "active" if user.active else "suspended",
        "login_type": "password",
        "organization_ids": [store.organization],
        "roles": [{"name": role, "display_name": role.replace("-", " ").title()} for role in user.roles],
    }


def _organization(store: Store) -> dict[str, Any]:
    return {"id": store.organization, "name": "coder", "display_name": "Coder", "is_default": True}


def _weakness(password: str) -> str:
    """What is wrong with it; empty for a strong one."""
    if len(password) > _LONGEST_PASSWORD:
        return f"password must be no more than {_LONGEST_PASSWORD} characters"
    alphabet = sum(len(kind) for kind in _KINDS if not set(kind).isdisjoint(password))
    return "" if len(password) * math.log2(alphabet or 1) >= _FEWEST_BITS else _WEAK
