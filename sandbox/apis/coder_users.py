"""Users of the simulated Coder: the first one, logins, and who one is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.coder_calls import Call, missing, refused, written
from sandbox.apis.coder_records import OWNER, Store, User

SESSION = timedelta(hours=24)
_FEWEST_CHARACTERS, _FEWEST_KINDS = 8, 3


def add_user(store: Store, username: str, *, email: str, password: str, roles: tuple[str, ...], now: datetime) -> User:
    """A user without a key."""
    user = User(store.new_id(), username, email or f"{username}@example.com", password, roles, now)
    store.users[user.id] = user
    return user


def first(call: Call) -> Response:
    """Whether there is a first user; the status says it."""
    if call.store.users:
        return json_response(200, {"message": "The initial user has already been created!"})
    raise refused(404, "The initial user has not been created!")


def make_first(call: Call) -> Response:
    """The first user, who becomes an Owner."""
    if call.store.users:
        raise refused(409, "The initial user has already been created.")
    body = call.body()
    lacking = {name: 'Validation failed for tag "required" with value: ""' for name in _REQUIRED if not body.get(name)}
    if lacking:
        raise refused(400, "Validation failed.", **lacking)
    if not _is_strong(str(body["password"])):
        weak = "insecure password, try including more special characters or using a longer password"
        raise refused(400, "Password not strong enough!", password=weak)
    user = add_user(
        call.store, body["username"], email=body["email"], password=body["password"], roles=(OWNER,), now=call.now
    )
    return json_response(201, {"user_id": user.id, "organization_id": call.store.organization})


def login(call: Call) -> Response:
    """A session for an email and a password."""
    body = call.body()
    known = [user for user in call.store.users.values() if user.email.lower() == str(body.get("email", "")).lower()]
    if not known or known[0].password != body.get("password") or not known[0].password:
        raise refused(401, "Incorrect email or password.")
    if not known[0].active:
        raise refused(401, "Your account is suspended. Contact an admin to reactivate your account.")
    session = call.store.add_key(known[0], "", "password", now=call.now, lifetime=SESSION)
    return json_response(201, {"session_token": session})


def read(call: Call) -> Response:
    """One user."""
    return json_response(200, shown(call.user(), call.store))


def organizations(call: Call) -> Response:
    """Every organisation: there is one."""
    assert call.who
    return json_response(200, [_organization(call.store)])


def organization(call: Call) -> Response:
    """One, by id, by name, or as `default`."""
    require_organization(call)
    return json_response(200, _organization(call.store))


def require_organization(call: Call) -> None:
    """Raises Refusal 404 for one that is not there."""
    assert call.who
    if call.params["org"] not in (call.store.organization, "coder", "default"):
        raise missing()


def shown(user: User, store: Store) -> dict[str, Any]:
    """A user as the API tells of it."""
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


_REQUIRED = ("email", "username", "password")


def _organization(store: Store) -> dict[str, Any]:
    return {"id": store.organization, "name": "coder", "display_name": "Coder", "is_default": True}


def _is_strong(password: str) -> bool:
    kinds = (str.islower, str.isupper, str.isdigit, lambda letter: not letter.isalnum())
    found = sum(any(map(kind, password)) for kind in kinds)
    return len(password) >= _FEWEST_CHARACTERS and (found >= _FEWEST_KINDS or len(password) >= 2 * _FEWEST_CHARACTERS)
