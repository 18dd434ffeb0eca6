"""What a type of a bridged provider is. Each plugin holds a table of these."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.plugins.errors import PluginError
from sandbox.plugins.values import JsonObject


class Acts(Protocol):
    """What is done at the server. `known` are the outputs of the last act; `api` is what the plugin's connect made."""

    def create(self, api: Any, wish: JsonObject) -> tuple[str, JsonObject]:
        """Make it; returns its id and its outputs beyond the wish."""

    def read(self, api: Any, identifier: str, known: JsonObject) -> JsonObject | None:
        """Its outputs as they are now; None when it is gone."""

    def update(self, api: Any, identifier: str, known: JsonObject, wish: JsonObject) -> JsonObject:
        """Change it in place; returns its outputs beyond the wish."""

    def delete(self, api: Any, identifier: str, known: JsonObject) -> None:
        """End it. What is gone already is fine."""


@dataclass(frozen=True)
class Kind:
    """One type of the SDK.

    replaced_by: inputs whose change makes a new one
    computed:    outputs that only the act can tell, unknown in the preview of a creation
    secret:      outputs that are secret whatever the program says
    refused:     inputs of the SDK that the stand-in does not do
    named_by:    the input that real plugins name by themselves: where a person gave it and it stays, a replacement
                 deletes the old one first
    """

    token: str
    acts: Acts
    replaced_by: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    named_by: str = ""

    @property
    def name(self) -> str:
        """As a person says it: `Policy`."""
        return self.token.rsplit(":", 1)[1]


@dataclass(frozen=True)
class Package:
    """One provider: its SDK, its types, the provider inputs that the stand-in knows, and how it connects.

    `connect` takes the provider's own inputs as plain values and makes no call: a run without changes needs no server.
    """

    name: str
    kinds: Mapping[str, Kind]
    settings: frozenset[str]
    connect: Callable[[JsonObject], Any]

    @property
    def sdk(self) -> str:
        """The module that the program imports."""
        return f"pulumi_{self.name}"

    def find(self, token: str) -> Kind:
        """The kind of a type token, also behind its parents' types. Raises PluginError for an unknown one."""
        token = token.rpartition("$")[2]
        if token not in self.kinds:
            raise PluginError(
                f"{token}: the stand-in {self.name} plugin does not know this type, only {', '.join(self.kinds)}. "
                f"Install the real plugin, or add the type to the table in sandbox/plugins/{self.name}."
            )
        return self.kinds[token]


def table(*kinds: Kind) -> dict[str, Kind]:
    """Kinds by their token."""
    return {kind.token: kind for kind in kinds}
