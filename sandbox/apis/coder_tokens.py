"""Tokens of the simulated Coder: caps by role, names that stay taken, rows that outlive their end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.coder_calls import Call, go_duration, missing, refused, written
from sandbox.apis.coder_records import Key, User

_LONG = {"all": "coder:all", "application_connect": "coder:application_connect"}


def create(call: Call) -> Response:
    """A token of this user. An Owner may make one for anybody; its value is told here and never again."""
    user, body = call.user(), call.body()
    lifetime = timedelta(microseconds=int(body.get("lifetime") or 0) // 1000) or call.limits.default
    if lifetime <= timedelta(0):
        raise _invalid("lifetime must be positive number greater than 0")
    cap = call.limits.of(user)
    if lifetime > cap:
        raise _invalid(f"lifetime must be less than {go_duration(cap)}")
    name = str(body.get("token_name") or call.store.word(12))
    if _taken(call, user, name):
        unique = "This value is already in use and should be unique."
        raise refused(409, f'A token with name "{name}" already exists.', name=unique)
    asked = body.get("scopes") or ([body["scope"]] if body.get("scope") else [])
    scopes = tuple(_LONG.get(scope, scope) for scope in asked)
    value = call.store.add_key(user, name, "token", now=call.now, lifetime=lifetime, scopes=scopes)
    return json_response(201, {"key": value})


def listed(call: Call) -> Response:
    """Tokens of this user, or with `include_all` of everybody whom the caller may see. None is `null`."""
    user = call.user()
    found = [key for key in call.store.tokens() if call.sees(key.user)]
    if not call.flag("include_all"):
        found = [key for key in found if key.user is user]
    if not (call.limits.lists_expired or call.flag("include_expired")):
        found = [key for key in found if key.expires > call.now]
    return json_response(200, [{**shown(key), "username": key.username} for key in found] or None)


def by_name(call: Call) -> Response:
    """One token of this user, by its name, expired or not."""
    user = call.user()
    for key in call.store.tokens():
        if key.user is user and key.name == call.params["name"]:
            return json_response(200, shown(key))
    raise missing()


def config(call: Call) -> Response:
    """The longest lifetime of this user's tokens, in nanoseconds."""
    cap = call.limits.of(call.user())
    return json_response(200, {"max_token_lifetime": int(cap.total_seconds()) * 1_000_000_000})


def read(call: Call) -> Response:
    """One key by its id, of a token or of a session."""
    return json_response(200, shown(_key(call)))


def expire(call: Call) -> Response:
    """End it now; the row stays, and so does its name."""
    key = _key(call)
    key.expires = min(key.expires, call.now)
    return Response(204)


def delete(call: Call) -> Response:
    """Remove the row, which frees its name."""
    del call.store.keys[_key(call).id]
    return Response(204)


def shown(key: Key) -> dict[str, Any]:
    """A key as the API tells of it."""
    return {
        "id": key.id,
        "user_id": key.user.id,
        "last_used": written(key.used),
        "expires_at": written(key.expires),
        "created_at": written(key.created),
        "updated_at": written(key.created),
        "login_type": key.login_type,
        "scope": "all",
        "scopes": list(key.scopes),
        "token_name": key.name,
        "lifetime_seconds": int(key.lifetime.total_seconds()),
        "allow_list": [{"type": "*", "id": "*"}],
    }


def _key(call: Call) -> Key:
    """The key of the path; the user of the path does not matter, only what the caller may see."""
    assert call.user()
    key = call.store.keys.get(call.params["key"])
    if key is None or not call.sees(key.user):
        raise missing()
    return key


def _taken(call: Call, user: User, name: str) -> bool:
    """Whether a row of this user has the name, expired ones included."""
    return any(key.user is user and key.name == name for key in call.store.tokens())


def _invalid(detail: str) -> Exception:
    return refused(400, "Failed to validate create API key request.", detail)
