"""A server of each kind."""

from __future__ import annotations

from collections.abc import Mapping

from rotation.clock import Clock
from simulator.coder_site import CoderSite
from simulator.operator_site import OperatorSite
from simulator.sites import AuthentikSite, Site, VaultSite


def site_of(kind: str, name: str, clock: Clock, seed: int, details: Mapping[str, bool]) -> Site:
    """A server of this kind."""
    if kind == "vault":
        return VaultSite(name, clock, seed)
    if kind == "coder":
        return CoderSite(name, clock, seed)
    if kind == "operator":
        return OperatorSite(name, clock, seed)
    return AuthentikSite(name, clock, seed, self_rotation=details.get("self_rotation", False))
