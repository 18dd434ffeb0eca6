"""The provider's own configuration and credential, as the real plugin uses them (reference: its internal/provider)."""

import os
import threading
from functools import cached_property
from typing import Any

from sandbox.plugins.bridged.api import JsonApi, Refused
from sandbox.plugins.errors import PluginError
from sandbox.plugins.values import JsonObject

SETTINGS = frozenset(
    {"address", "token", "tokenName", "skipChildToken", "maxLeaseTtlSeconds", "caCertFile", "maxRetries"}
)
_DEFAULT_CHILD_SECONDS = 1200


class Session:
    """One server, as one provider's settings reach it. No call is made before an act needs one."""

    def __init__(self, arguments: JsonObject) -> None:
        self._arguments = arguments
        self._connecting = threading.Lock()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer to a call below `/v1/`. Raises Refused."""
        return self._api.ask(method, f"/v1/{path}", body)

    def look(self, path: str) -> JsonObject | None:
        """`data` of what stands at a path, or None where there is nothing."""
        found = self._api.look(f"/v1/{path}")
        return None if found is None else dict(found["data"])

    def remove(self, path: str) -> None:
        """DELETE; what is gone already is fine."""
        self._api.remove(f"/v1/{path}")

    @property
    def _api(self) -> JsonApi:
        with self._connecting:
            return self._connected

    @cached_property
    def _connected(self) -> JsonApi:
        """With the child of the given token, unless `skipChildToken`: not renewable, no orphan, and soon dead."""
        given = self._setting("token", "VAULT_TOKEN")
        if not given:
            raise PluginError("vault: no token; set VAULT_TOKEN, so that it stands in no state")
        own = self._with(given)
        own.ask("GET", "/v1/auth/token/lookup-self")
        if self._setting("skipChildToken", "TERRAFORM_VAULT_SKIP_CHILD_TOKEN") == "true":
            return own
        return self._with(self._child(own))

    def _child(self, own: JsonApi) -> str:
        ttl = f"{self._arguments.get('maxLeaseTtlSeconds') or _DEFAULT_CHILD_SECONDS}s"
        name = self._setting("tokenName", "VAULT_TOKEN_NAME") or "terraform"
        wanted = {"display_name": name, "ttl": ttl, "explicit_max_ttl": ttl, "renewable": False}
        try:
            answer = own.ask("POST", "/v1/auth/token/create", wanted)
        except Refused as refused:
            remedy = "Allow it to update auth/token/create, or set skip_child_token on the provider."
            cause = f"HTTP {refused.status}: {refused.text}"
            raise PluginError(f"vault: the credential could make no child: {cause}. {remedy}") from None
        return str(answer["auth"]["client_token"])

    def _with(self, token: str) -> JsonApi:
        address = self._setting("address", "VAULT_ADDR")
        if not address:
            raise PluginError("vault: no address; set it on the provider, or VAULT_ADDR")
        return JsonApi(address, {"x-vault-token": token}, self._setting("caCertFile", "VAULT_CACERT"))

    def _setting(self, name: str, variable: str) -> str:
        """Text; a switch is JSON text ("true"), as the SDK sends it."""
        value = self._arguments.get(name)
        return os.environ.get(variable, "") if value is None else str(value)
