"""Tokens of the simulated Coder: caps by role, names that stay taken, rows that outlive their end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.coder_calls import TAKEN, Call, go_duration, missing, refused, text_of, unreadable, written
from sandbox.apis.coder_records import Key, User
from sandbox.apis.coder_scopes import legacy_form, long_form

_NOT_CREATED = "Failed to create API key."
_MICROSECOND = timedelta(microseconds=1)


def create(call: Call) -> Response:
    """A token of this user. An Owner may make one for anybody; its value is told here and never again."""
    user, body = call.user(), call.body()
    scopes = _scopes(body)
    lifetime = _lifetime(call, user, body)
    name = text_of(body, "token_name") or call.store.word(12)
    if not call.owns(user):
        raise refused(500, _NOT_CREATED, "insert API key: unauthorized: rbac: forbidden")
    if _named(call, user, name):
        raise refused(409, f'A token with name "{name}" already exists.', name=TAKEN)
    value = call.store.add_key(
        user,
        name,
        "token",
        now=call.now,
        lifetime=lifetime,
        scopes=scopes,
        allow_list=body.get("allow_list"),
    )
    return json_response(201, {"key": value})


def listed(call: Call) -> Response:
    """Tokens of this user, or with `include_all` of everybody whose tokens the caller may see. None is `null`."""
    user = call.user()
    found = [key for key in call.store.tokens() if call.owns(key.user)]
    if not call.flag("include_all"):
        found = [key for key in found if key.user is user]
    if not (call.settings.lists_expired or call.flag("include_expired")):
        found = [key for key in found if key.expires > call.now]
    return json_response(200, [{**_shown(key), "username": key.username} for key in found] or None)


def by_name(call: Call) -> Response:
    """One token of this user, by its name, expired or not."""
    user = call.user()
    key = _named(call, user, call.params["name"])
    if key is None or not call.owns(user):
        raise missing()
    return json_response(200, _shown(key))


def config(call: Call) -> Response:
    """The longest lifetime of this user's tokens, in nanoseconds."""
    return json_response(200, {"max_token_lifetime": call.settings.cap_of(call.user()) // _MICROSECOND * 1000})


def read(call: Call) -> Response:
    """One key by its id, of a token or of a session."""
    return json_response(200, _shown(_key(call)))


def expire(call: Call) -> Response:
    """End it now; the row stays, and so does its name."""
    key = _key(call)
    key.expires = min(key.expires, call.now)
    return Response(204)


def delete(call: Call) -> Response:
    """Remove the row, which frees its name."""
    del call.store.keys[_key(call).id]
    return Response(204)


def _key(call: Call) -> Key:
    """The key of the path. Whose it is does not have to be the path's user: only the caller's sight counts."""
    call.user()
    key = call.store.keys.get(call.params["key"])
    if key is None or not call.owns(key.user):
        raise missing()
    return key


def _named(call: Call, user: User, name: str) -> Key | None:
    """The row of this user with the name; an expired one has it still."""
    return next((key for key in call.store.tokens() if key.user is user and key.name == name), None)


def _scopes(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The deprecated `scope` counts only where there are no `scopes`."""
    legacy = text_of(body, "scope")
    asked = body.get("scopes") or ([legacy] if legacy else [])
    try:
        return tuple(long_form(scope) for scope in asked)
    except ValueError as problem:
        raise refused(400, _NOT_CREATED, str(problem)) from None


def _lifetime(call: Call, user: User, body: Mapping[str, Any]) -> timedelta:
    """Given in nanoseconds. The default is not held to the cap."""
    asked = body.get("lifetime") or 0
    if not isinstance(asked, int) or isinstance(asked, bool):
        raise unreadable("json: cannot unmarshal into Go struct field .lifetime of type time.Duration")
    if asked == 0:
        return call.settings.default
    lifetime, cap = asked // 1000 * _MICROSECOND, call.settings.cap_of(user)
    if asked < 0:
        raise _beyond("lifetime must be positive number greater than 0")
    if lifetime > cap:
        raise _beyond(f"lifetime must be less than {go_duration(cap)}")
    return lifetime


def _beyond(detail: str) -> Exception:
    return refused(400, "Failed to validate create API key request.", detail)


def _shown(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "user_id": key.user.id,
        "last_used": written(key.used),
        "expires_at": written(key.expires),
        "created_at": written(key.created),
        "updated_at": written(key.created),
        "login_type": key.login_type,
        "scope": legacy_form(key.scopes),
        "scopes": list(key.scopes),
        "token_name": key.name,
        "lifetime_seconds": int(key.lifetime.total_seconds()),
        "allow_list": key.allow_list,
    }
