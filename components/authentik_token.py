"""An Authentik API token, such as the admin token of seed 000; its defaults are in `default_policies`."""

from __future__ import annotations

from components.rotating_token import RotatingToken


class AuthentikToken(RotatingToken):
    """Minted for `spec.user`, or for the user of the credential in use (self-rotation)."""

    TYPE = "token-rotation:index:AuthentikToken"
