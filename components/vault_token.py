"""A Vault or OpenBao token, such as the admin token of seed 001; its defaults are in `default_policies`."""

from __future__ import annotations

from components.rotating_token import RotatingToken


class VaultToken(RotatingToken):
    """Minted as an orphan by the token role `spec.role`."""

    TYPE = "token-rotation:index:VaultToken"
    TELLS_ACCESSOR = True
