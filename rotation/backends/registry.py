"""The kinds of backend there are: one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from rotation.backends import authentik, coder, operator, vault
from rotation.backends.coder_bootstrap import CoderBootstrap
from rotation.backends.protocol import Backend, Capabilities
from rotation.bootstrap import Bootstrap

Connect = Callable[..., Backend]
"""Makes a backend of: its name, a transport, a credential's value, a clock, and a place for warnings.

One that is asked for in the cluster takes the place of its records, too: `records=`.
"""


@dataclass(frozen=True)
class Kind:
    """What the settings and the provider process need to know of a kind of backend."""

    spec: type[BaseModel]
    capabilities: Capabilities
    connect: Connect
    bootstrap: Bootstrap | None = None
    """For a server that can be begun with before there is a credential."""
    by_cluster: bool = False
    """Whether it is the cluster that is asked: there is no url and no credential of its own then."""


KINDS: dict[str, Kind] = {
    authentik.KIND: Kind(authentik.Spec, authentik.CAPABILITIES, authentik.connect),
    coder.KIND: Kind(coder.Spec, coder.CAPABILITIES, coder.connect, bootstrap=CoderBootstrap()),
    operator.KIND: Kind(operator.Spec, operator.CAPABILITIES, operator.connect, by_cluster=True),
    vault.KIND: Kind(vault.Spec, vault.CAPABILITIES, vault.connect),
}
