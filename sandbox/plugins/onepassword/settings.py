"""The provider's own configuration: a Connect server and its access token, each from the config or the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sandbox.plugins.errors import PluginError

URL_VARIABLE, TOKEN_VARIABLE = "OP_CONNECT_HOST", "OP_CONNECT_TOKEN"
_KNOWN = frozenset({"url", "token", "version", "pluginDownloadURL"})


@dataclass(frozen=True)
class Settings:
    """What one provider resource was given."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, arguments: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Self:
        """Raises PluginError when there is no url or no token: the real plugin does not start without either."""
        url = arguments.get("url") or environ.get(URL_VARIABLE, "")
        token = arguments.get("token") or environ.get(TOKEN_VARIABLE, "")
        for value, name, variable in ((url, "url", URL_VARIABLE), (token, "token", TOKEN_VARIABLE)):
            if not value:
                raise PluginError(f"the onepassword provider has no {name}: set {variable}, or {name} on the provider")
        return cls(url.rstrip("/"), token)


def problems(arguments: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the arguments of a provider, by property."""
    reason = "the stand-in onepassword plugin speaks to a Connect server only: url and token"
    return {name: reason for name in arguments if name not in _KNOWN and not name.startswith("__")}
