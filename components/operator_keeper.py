"""Declares the keeper of the teams that bootstrap themselves."""

from __future__ import annotations

import pulumi

from components import operator_judging
from components.operator_settings import OperatorSettings
from components.settings import Settings
from dynamic_providers.operator_keeper import OperatorKeeper


def operator_keeper(settings: Settings, operator: OperatorSettings) -> OperatorKeeper:
    """The keeper. It waits for no token: one that fails would keep every other team's from being rotated.

    So the status of a declared token may be told by the next run only, at the latest by the hourly one.
    """
    mine = {name: token for name, token in settings.tokens.items() if token.backend == operator.backend}
    records = settings.backends[operator.backend].records_place
    props = {
        "backend": operator.backend,
        "records": records.model_dump(mode="json"),
        "policy": operator.policy.model_dump(mode="json"),
        "owner": operator.owner.model_dump(mode="json") if operator.owner else {},
        "revoked": sorted(operator.revoked),
        "declared": operator_judging.declared({name: token.spec for name, token in mine.items()}),
        "secrets": operator_judging.secrets((token.spec, token.publish) for token in mine.values()),
        "paused": operator.paused,
    }
    return OperatorKeeper(f"{operator.backend}-keeper", props, pulumi.ResourceOptions(protect=operator.keep))
