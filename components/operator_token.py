"""An operator's token for one team, as in seed 003; its defaults are in `default_policies`."""

from __future__ import annotations

from collections.abc import Mapping

from components.operator_judging import type_of
from components.rotating_token import RotatingToken
from components.settings import TokenSettings
from rotation.operator_tokens.published import TYPE_LABEL


class OperatorToken(RotatingToken):
    """Operational, or an admission token; its Secret says which."""

    TYPE = "token-rotation:index:OperatorToken"

    @staticmethod
    def labels(settings: TokenSettings) -> Mapping[str, str]:
        return {TYPE_LABEL: type_of(settings.spec)}
