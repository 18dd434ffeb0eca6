"""The kinds of backend there are: one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from rotation.backends import authentik, vault
from rotation.backends.protocol import Backend, Capabilities
from rotation.backends.transport import Transport
from rotation.clock import Clock

Connect = Callable[[str, Transport, str, Clock, Callable[[str], None]], Backend]
"""Makes a backend of: its name, a transport, a credential's value, a clock, and a place for warnings."""


@dataclass(frozen=True)
class Kind:
    """What the settings and the provider process need to know of a kind of backend."""

    spec: type[BaseModel]
    capabilities: Capabilities
    connect: Connect


KINDS: dict[str, Kind] = {
    authentik.KIND: Kind(authentik.Spec, authentik.CAPABILITIES, authentik.connect),
    vault.KIND: Kind(vault.Spec, vault.CAPABILITIES, vault.connect),
}
