"""The policy that each kind of token has unless the config says otherwise; from the seeds, as corrected."""

from __future__ import annotations

from components.operator_settings import OPERATOR_POLICY
from rotation.model import Policy

DEFAULT_POLICIES: dict[str, Policy] = {
    # A year of life and 30 days of overlap; 3 days of tolerated outage come on top.
    "authentik": Policy.model_validate({"lifetime": "365d", "rotate_before": "33d", "overlap": "30d"}),
    # A month, as seed 004 wishes: 7 days before its end 3 of overlap and 3 of tolerated outage still fit.
    "coder": Policy.model_validate({"lifetime": "30d", "rotate_before": "7d", "overlap": "3d"}),
    "operator": OPERATOR_POLICY,
    # 768 h is the server's cap; at 25 days of age there are 7 left.
    "vault": Policy.model_validate({"lifetime": "32d", "rotate_every": "25d", "renew_before": "7d", "overlap": "1d"}),
}

CODER_OWNER_POLICY = Policy.model_validate(
    {"lifetime": "7d", "rotate_before": "3d", "overlap": "1d", "tolerated_outage": "2d"}
)
"""For a Coder token of an Owner on a default server, where it lives 168 hours at most (CODER_MAX_ADMIN_TOKEN_LIFETIME).

An example to copy into a stack's config: with a run each day it holds, and two days without one do no harm. The token
of a Template Admin needs none of this.
"""
