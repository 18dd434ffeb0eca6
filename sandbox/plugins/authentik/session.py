"""The provider's own configuration; what it does not name stands in the environment, as with the real plugin."""

import os
import threading
from functools import cached_property
from typing import Any

from sandbox.plugins.bridged.api import JsonApi
from sandbox.plugins.errors import PluginError
from sandbox.plugins.values import JsonObject

SETTINGS = frozenset({"url", "token"})


class Session:
    """One server, as one provider's settings reach it. No call is made before an act needs one."""

    def __init__(self, arguments: JsonObject) -> None:
        self._url = arguments.get("url") or os.environ.get("AUTHENTIK_URL", "")
        self._token = arguments.get("token") or os.environ.get("AUTHENTIK_TOKEN", "")
        self._connecting = threading.Lock()

    def ask(self, method: str, path: str, body: object = None, **options: Any) -> Any:
        """The answer to a call below `/api/v3/`. Raises Refused."""
        return self._api.ask(method, f"/api/v3/{path}", body, **options)

    def look(self, path: str, **options: Any) -> Any:
        """What stands at a path, or None where there is nothing."""
        return self._api.look(f"/api/v3/{path}", **options)

    def remove(self, path: str) -> None:
        """DELETE; what is gone already is fine."""
        self._api.remove(f"/api/v3/{path}")

    @property
    def _api(self) -> JsonApi:
        with self._connecting:
            return self._connected

    @cached_property
    def _connected(self) -> JsonApi:
        if not self._url or not self._token:
            raise PluginError("authentik: no url or no token; set the url, and AUTHENTIK_TOKEN in the environment")
        return JsonApi(self._url, {"authorization": f"Bearer {self._token}"})
