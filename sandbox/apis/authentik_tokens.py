"""`/core/tokens/` of the simulated Authentik: who sees what, who decides the expiry, and how a key is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rotation.backends.transport import Response, json_response
from sandbox.apis.authentik_calls import Call, Fields, Listing, aware, forbidden, invalid, is_boolean, missing
from sandbox.apis.authentik_records import (
    API,
    APP_PASSWORD,
    TOKEN_EXPIRES,
    TOKEN_MAXIMUM_LIFETIME,
    Token,
    User,
    duration,
    rest_time,
)
from sandbox.apis.authentik_store import token_model

_NEVER = datetime.max.replace(tzinfo=UTC)
_INTENTS = ("verification", API, "recovery", APP_PASSWORD)


def _same_instant(token: Token, wanted: str) -> bool:
    try:
        return token.expires == aware(datetime.fromisoformat(wanted))
    except ValueError:
        return False


def _same_intent(token: Token, wanted: str) -> bool:
    if wanted not in _INTENTS:
        raise invalid("intent", f"Select a valid choice. {wanted} is not one of the available choices.")
    return token.intent == wanted


LISTING = Listing(
    filters={
        "identifier": lambda token, wanted: token.identifier == wanted,
        "intent": _same_intent,
        "user__username": lambda token, wanted: token.user.username == wanted,
        "description": lambda token, wanted: token.description == wanted,
        "expires": _same_instant,
        "expiring": lambda token, wanted: is_boolean(token.expiring, wanted),
        "managed": lambda token, wanted: token.managed == wanted,
    },
    searched=lambda token: (token.identifier, token.intent, token.user.username, token.description),
    orders={
        "identifier": lambda token: token.identifier,
        "intent": lambda token: token.intent,
        "description": lambda token: token.description,
        "expires": lambda token: token.expires or _NEVER,
        "expiring": lambda token: token.expiring,
        "managed": lambda token: token.managed or "",
        "pk": lambda token: token.pk,
    },
    default_order="identifier",
)


def list_tokens(call: Call) -> Response:
    """Owner-scoped: whoever may see nothing gets an empty page, not a refusal. Expired rows are included."""
    caller, tokens = call.caller, call.store.tokens.values()
    sees_all = caller.may("authentik_core.view_token")
    return LISTING.answer(call, tokens if sees_all else [token for token in tokens if _sees(caller, token)], render)


def create_token(call: Call) -> Response:
    """Any authenticated caller may; only a superuser chooses the owner and whether the token expires."""
    fields = call.fields()
    identifier = fields.slug("identifier")
    _refuse_taken(call, identifier)
    caller = call.caller
    user = _user(call, fields) if "user" in fields else caller
    intent = _intent(fields)
    expires = _expires(call, fields, intent, user)
    expiring = fields.boolean("expiring", True)
    if not caller.is_superuser:
        user, expiring = caller, bool(caller.attributes.get(TOKEN_EXPIRES, True))
    token = call.store.add_token(
        identifier=identifier,
        user=user,
        intent=intent,
        expires=expires,
        expiring=expiring,
        description=fields.text("description", "", blank=True),
        managed=fields.body.get("managed"),
    )
    if not caller.is_superuser:
        caller.object_permissions.add(("authentik_core.view_token_key", token.pk))
    call.record("model_created", {"model": token_model(token)})
    return json_response(201, render(token))


def read_token(call: Call) -> Response:
    return json_response(200, render(_visible(call)))


def put_token(call: Call) -> Response:
    """A full update: needs `identifier`, and re-arms the expiry of an api token."""
    return _update(call, partial=False)


def patch_token(call: Call) -> Response:
    """A partial update that still re-arms the expiry, falls back to intent `api`, and to the caller as the owner."""
    return _update(call, partial=True)


def delete_token(call: Call) -> Response:
    token = _changeable(call, "authentik_core.delete_token")
    call.store.remove(token)
    call.record("model_deleted", {"model": token_model(token)})
    return Response(204)


def view_key(call: Call) -> Response:
    """The only way to a key. Each reading is an event, and expired rows answer too."""
    token = _visible(call)
    if not call.caller.may("authentik_core.view_token_key", token.pk):
        raise forbidden()
    call.record("secret_view", {"secret": token_model(token)})
    return json_response(200, {"key": token.key})


def set_key(call: Call) -> Response:
    """Replaces the key at once; the expiry stays."""
    token = _changeable(call, "authentik_core.add_token")
    if not call.caller.may("authentik_core.set_token_key", token.pk):
        raise forbidden()
    call.store.set_key(token, call.fields().text("key"))
    call.record("model_updated", {"model": token_model(token)})
    return Response(204)


def used_by(call: Call) -> Response:
    _visible(call)
    return json_response(200, [])


def _update(call: Call, *, partial: bool) -> Response:
    token = _changeable(call, "authentik_core.change_token")
    fields = call.fields()
    identifier = fields.slug("identifier", token.identifier if partial else None)
    if identifier != token.identifier:
        _refuse_taken(call, identifier)
    user = _user(call, fields) if "user" in fields else None
    if user is not None and user is not token.user:
        raise invalid("user", "User cannot be changed")
    new_owner = user or call.caller
    intent = _intent(fields)
    expires = _expires(call, fields, intent, new_owner)
    expiring = fields.boolean("expiring", token.expiring)
    description = fields.text("description", token.description, blank=True)
    # Everything is valid from here on: a refused update must leave the row as it was.
    call.store.rename(token, identifier)
    token.user, token.intent, token.expiring, token.description = new_owner, intent, expiring, description
    token.expires = expires if intent == API or "expires" in fields else token.expires
    token.managed = fields.body.get("managed", token.managed)
    call.record("model_updated", {"model": token_model(token)})
    return json_response(200, render(token))


def _intent(fields: Fields) -> str:
    intent = fields.choice("intent", API, _INTENTS)
    if intent not in (API, APP_PASSWORD):
        raise invalid("intent", f"Invalid intent {intent}")
    return intent


def _expires(call: Call, fields: Fields, intent: str, user: User) -> datetime:
    """The server decides for an api token; an app password may ask for anything up to its longest lifetime."""
    default = call.now + call.store.settings.token_duration
    wanted = fields.instant("expires")
    if intent == API or wanted is None:
        return default
    latest = _latest(call, user, default)
    if wanted > latest:
        raise invalid("expires", f"Token expires exceeds maximum lifetime ({latest} UTC).")
    return wanted


def _latest(call: Call, user: User, default: datetime) -> datetime:
    try:
        return call.now + duration(str(user.merged_attributes()[TOKEN_MAXIMUM_LIFETIME]))
    except (KeyError, ValueError):
        return default


def _user(call: Call, fields: Fields) -> User:
    pk = fields.body["user"]
    if not isinstance(pk, int) or isinstance(pk, bool):
        raise invalid("user", f"Incorrect type. Expected pk value, received {type(pk).__name__}.")
    if pk not in call.store.users:
        raise invalid("user", f'Invalid pk "{pk}" - object does not exist.')
    return call.store.users[pk]


def _refuse_taken(call: Call, identifier: str) -> None:
    if identifier in call.store.tokens:
        raise invalid("identifier", "This field must be unique.")


def _sees(caller: User, token: Token) -> bool:
    return token.user is caller or caller.may("authentik_core.view_token", token.pk)


def _visible(call: Call) -> Token:
    token = call.store.tokens.get(call.params["identifier"])
    if token is None or not _sees(call.caller, token):
        raise missing("Token")
    return token


def _changeable(call: Call, permission: str) -> Token:
    token = _visible(call)
    if token.user is not call.caller and not call.caller.may(permission, token.pk):
        raise forbidden()
    return token


def render(token: Token) -> dict[str, Any]:
    """A token as the API shows it: never with its key. `expires` is filled in even where `expiring` is false."""
    return {
        "pk": token.pk,
        "managed": token.managed,
        "identifier": token.identifier,
        "intent": token.intent,
        "user": token.user.pk,
        "user_obj": partial_user(token.user),
        "description": token.description,
        "expires": rest_time(token.expires),
        "expiring": token.expiring,
    }


def partial_user(user: User) -> Mapping[str, Any]:
    """The short form of a user inside other objects."""
    return {
        "pk": user.pk,
        "username": user.username,
        "name": user.name,
        "is_active": user.is_active,
        "last_login": None,
        "email": user.email,
        "attributes": user.attributes,
        "uid": user.uuid.replace("-", ""),
    }
