"""What of a Coder token, and of a template, is refused before anything runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from components.coder_template_settings import NAME as TEMPLATE_NAME
from components.publications.places import Publication
from dynamic_providers.credentials import BackendSettings
from rotation.errors import InvalidSettings

_LONGEST_NAME = 32
_OF_ALL = {"all", "coder:all"}
_NEEDED = ({"user:read", "user:*"}, {"coder:apikeys.manage_self", "api_key:*"})
"""One of each: who it is, and its successors and predecessors."""


def refuse_unfit_template(name: str, token: str, kind: str, published: Iterable[Publication]) -> None:
    """A template is deployed with a Coder token of this stack, as it stands published. Raises InvalidSettings.

    kind:      of that token's backend; empty where the stack declares no such token
    published: where it goes
    """
    key = f"read token-rotation:coder_templates.{name}"
    if not re.fullmatch(TEMPLATE_NAME, name) or len(name) > _LONGEST_NAME:
        cause = f"{name!r} is no name of a template"
        raise InvalidSettings(key, cause, f"Use at most {_LONGEST_NAME} letters, digits and single hyphens.")
    if kind != "coder":
        raise InvalidSettings(
            f"{key}.token", f"{token!r} is no Coder token of this stack", "Declare it under `tokens`."
        )
    if not any(item.kubernetes_secret for item in published):
        remedy = f"Add a kubernetesSecret to its `publish`, as in coder/{token}."
        raise InvalidSettings(f"{key}.token", f"{token} is published to no Secret that a run could read", remedy)


def refuse_lockout(
    name: str, spec: Mapping[str, Any], published: Iterable[Publication], server: BackendSettings
) -> None:
    """A token that mints its own successor may do so by its scopes. Raises InvalidSettings.

    server: the token's entry of `backends`
    """
    scopes = set(spec.get("scopes") or _OF_ALL)
    credential = server.credential.kubernetes_secret if server.credential else None
    places = {str(item.kubernetes_secret) for item in published if item.kubernetes_secret}
    if credential is None or credential.secret not in places or scopes & _OF_ALL:
        return
    if not all(scopes & either for either in _NEEDED):
        cause = "the token is its server's own credential, and with these scopes it could mint no successor"
        remedy = "Add coder:apikeys.manage_self and user:read, or leave `scopes` out."
        raise InvalidSettings(f"read token-rotation:tokens.{name}.spec.scopes", cause, remedy)
