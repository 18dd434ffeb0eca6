"""What a token of the simulated Coder may do, where it was given less than all that its user may."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.apis.coder_records import ALL

_ALIASES = {"all": ALL, "application_connect": "coder:application_connect"}
_ACTIONS = {
    "workspace": "read create update delete ssh start stop application_connect *",
    "template": "read create update delete use *",
    "api_key": "read create update delete *",
    "file": "read create *",
    "user": "read read_personal update_personal *",
    "user_secret": "read create update delete *",
    "task": "read create update delete *",
    "organization": "read update delete *",
}
_COMPOSITES: dict[str, frozenset[str]] = {
    "coder:application_connect": frozenset(),
    "coder:workspaces.create": frozenset({"template:read", "template:use"}),
    "coder:workspaces.operate": frozenset({"template:read"}),
    "coder:workspaces.delete": frozenset({"template:read", "template:use"}),
    "coder:workspaces.access": frozenset({"template:read"}),
    "coder:templates.build": frozenset({"template:read", "file:create", "file:read"}),
    "coder:templates.author": frozenset({"template:*", "file:create", "file:read"}),
    "coder:apikeys.manage_self": frozenset({"api_key:*"}),
}
_KNOWN = frozenset({ALL, *_COMPOSITES, *(f"{kind}:{act}" for kind, acts in _ACTIONS.items() for act in acts.split())})
_ORGANIZATIONS = frozenset({"/organizations", "/organizations/{org}"})
_VERBS = {"GET": "read", "POST": "create", "PATCH": "update", "PUT": "update", "DELETE": "delete"}


def long_form(scope: str) -> str:
    """A scope as it is kept. Raises ValueError for one that nobody may ask for."""
    kept = _ALIASES.get(scope, scope)
    if kept not in _KNOWN:
        raise ValueError(f'invalid or unsupported API key scope: "{scope}"')
    return kept


def legacy_form(scopes: Iterable[str]) -> str:
    """The one scope that was told before there were several; empty where none of them says it."""
    return next((short for short, kept in _ALIASES.items() if kept in scopes), "")


def may(scopes: tuple[str, ...], method: str, template: str) -> bool:
    """Whether these scopes let a request by."""
    if ALL in scopes:
        return True
    granted = set(scopes).union(*(_COMPOSITES.get(scope, frozenset()) for scope in scopes))
    return all({f"{kind}:{act}", f"{kind}:*"} & granted for kind, act in _needs(_VERBS[method], template))


def _needs(act: str, template: str) -> list[tuple[str, str]]:
    """What stands below a user needs that the user may be read; so does a token that asks who it is."""
    if template.startswith("/users/"):
        return [("user", "read"), *([("api_key", act)] if "/keys" in template else [])]
    if template == "/files":
        return [("file", act)]
    return [("organization" if template in _ORGANIZATIONS else "template", act)]
