"""A Coder API token, such as the template automation's of seed 004; its defaults are in `default_policies`."""

from __future__ import annotations

from components.rotating_token import RotatingToken


class CoderToken(RotatingToken):
    """Minted for `spec.user`, or for the user of the credential in use (self-rotation)."""

    TYPE = "token-rotation:index:CoderToken"
