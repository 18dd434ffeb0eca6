"""The policy that each kind of token has unless the config says otherwise; from the seeds, as corrected."""

from __future__ import annotations

from rotation.model import Policy

DEFAULT_POLICIES: dict[str, Policy] = {
    # A year of life and 30 days of overlap; 3 days of tolerated outage come on top.
    "authentik": Policy.model_validate({"lifetime": "365d", "rotate_before": "33d", "overlap": "30d"}),
    # 768 h is the server's cap; at 25 days of age there are 7 left.
    "vault": Policy.model_validate({"lifetime": "32d", "rotate_every": "25d", "renew_before": "7d", "overlap": "1d"}),
}
