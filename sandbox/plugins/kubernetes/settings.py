"""The provider's own configuration, as the SDK sends it: text, and switches as JSON text ("true")."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

TEXTS = frozenset({"kubeconfig", "context", "namespace"})
SWITCHES = frozenset(
    {
        "enableSecretMutable",
        "enableConfigMapMutable",
        "enableServerSideApply",
        "enablePatchForce",
        "upsertExistingObjects",
    }
)
# Keys that the engine or the SDK adds to every provider.
_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL"})


@dataclass(frozen=True)
class Settings:
    """What one provider resource was given. `enabled` are the names of the switches that are on."""

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    enabled: frozenset[str] = frozenset()

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Self:
        """From plain, already checked arguments."""
        texts = {name: arguments.get(name) or None for name in TEXTS}
        return cls(**texts, enabled=frozenset(name for name in SWITCHES if _is_on(arguments.get(name))))

    def default_namespace(self) -> str:
        """For an object without one: the provider's, else the active context's, else `default`."""
        return self.namespace or self._context_namespace() or "default"

    def kubeconfig_contents(self) -> dict[str, Any] | None:
        """The kubeconfig when it was given as contents; None when it is a path or was not given."""
        contents = yaml.safe_load(self.kubeconfig) if self.kubeconfig else None
        return contents if isinstance(contents, dict) else None

    def kubeconfig_path(self) -> Path:
        """Where the kubeconfig is when it was not given as contents."""
        return Path(self.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config").expanduser()

    def _context_namespace(self) -> str | None:
        contents = self.kubeconfig_contents()
        if contents is None and self.kubeconfig_path().is_file():
            contents = yaml.safe_load(self.kubeconfig_path().read_text())
        contents = contents or {}
        active = self.context or contents.get("current-context")
        named = {entry["name"]: entry.get("context") or {} for entry in contents.get("contexts") or []}
        return named.get(active, {}).get("namespace")


def problems(arguments: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the arguments of a provider, by property."""
    known = TEXTS | SWITCHES | _ENGINE_KEYS
    found = {
        name: f"the stand-in kubernetes plugin does not know this provider property, only {', '.join(sorted(known))}"
        for name in arguments
        if name not in known and not name.startswith("__")
    }
    if "enableServerSideApply" in arguments and not _is_on(arguments["enableServerSideApply"]):
        found["enableServerSideApply"] = "the stand-in kubernetes plugin only does server-side apply; leave it on"
    return found


def _is_on(value: Any) -> bool:
    return value in (True, "true")
