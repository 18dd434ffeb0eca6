"""The verbs that the engine calls. Each gathers plain values, asks `decisions` or the kind's acts, and answers."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.plugins.bridged.api import Refused
from sandbox.plugins.bridged.decisions import decide, same
from sandbox.plugins.bridged.kinds import Kind, Package
from sandbox.plugins.bridged.sdk_properties import unknown_properties
from sandbox.plugins.differences import answer
from sandbox.plugins.errors import PluginError
from sandbox.plugins.values import UNKNOWN, JsonObject, Path, marked, plain, secret_paths

_REMEDIES = {
    0: "Check the provider's address and that the server runs; then run the same command again.",
    400: "Correct the input in the program; nothing was changed.",
    403: "Give the provider a credential that may do this.",
    404: "The server has no such thing, or no such call any more; look at its version.",
}
# What the engine or the SDK adds to every provider.
_ENGINE_KEYS = frozenset({"version", "pluginDownloadURL"})


class BridgedProvider(sdk.Provider):
    """One explicit provider of a program. It never makes a call before an act needs one."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._api: Any = None

    async def parameterize(self, request: sdk.ParameterizeRequest) -> sdk.ParameterizeResponse:
        """A generic plugin is told here which package it is; it is ours, or it is refused."""
        wanted = request.parameters
        if not isinstance(wanted, sdk.ParametersValue) or wanted.name != self._package.name:
            raise PluginError(f"the stand-in plugin is {self._package.name} and nothing else; install the real plugin")
        return sdk.ParameterizeResponse(wanted.name, wanted.version)

    async def check_config(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Refuse provider properties that the stand-in does not know."""
        name, known = self._package.name, self._package.settings
        reason = f"the stand-in {name} plugin does not know this provider property, only {', '.join(sorted(known))}"
        given = [key for key in request.new_inputs if key not in known | _ENGINE_KEYS and not key.startswith("__")]
        return sdk.CheckResponse(request.new_inputs, [sdk.CheckFailure(key, reason) for key in given])

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        """Take the settings; the connection is made at the first call."""
        self._api = self._package.connect(plain(request.args))
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """The inputs as they are, or those that the SDK does not have and those that the stand-in does not do."""
        kind, wish = self._package.find(request.type), plain(request.new_inputs)
        where = f"{kind.token} has no such property in the installed {self._package.sdk}; correct its name"
        failures = [(path, where) for path in unknown_properties(self._package.sdk, kind.token, wish)]
        failures += [(key, "the stand-in does not do this; install the real plugin") for key in kind.refused & {*wish}]
        if failures:
            return sdk.CheckResponse(failures=[sdk.CheckFailure(path, f"{path}: {why}") for path, why in failures])
        return sdk.CheckResponse(marked(wish, secret_paths(request.new_inputs)))

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        """Compare old inputs (the host hands them on as the old state) with new ones."""
        return answer(decide(self._package.find(request.type), plain(request.old_state), plain(request.new_inputs)))

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        """Make it."""
        return await asyncio.to_thread(self._create, request)

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        """Change it in place."""
        return await asyncio.to_thread(self._update, request)

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        """What the server says; no id when it is gone."""
        return await asyncio.to_thread(self._read, request)

    async def delete(self, request: sdk.DeleteRequest) -> None:
        """End it."""
        await asyncio.to_thread(self._delete, request)

    async def invoke(self, request: sdk.InvokeRequest) -> sdk.InvokeResponse:
        """Functions are not stood in for."""
        raise PluginError(f"{request.tok}: the stand-in {self._package.name} plugin has no functions")

    def _create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        kind, wish, hidden = self._of(request.urn, request.properties)
        if request.preview:
            return sdk.CreateResponse("", marked(dict.fromkeys(kind.computed, UNKNOWN) | wish, hidden))
        with _told(kind, request.urn, "created", hidden):
            identifier, told = kind.acts.create(self._api, wish)
        return sdk.CreateResponse(identifier, marked({**wish, **told}, hidden))

    def _update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        kind, wish, hidden = self._of(request.urn, request.news)
        known = plain(request.olds)
        told = {key: known[key] for key in kind.computed & {*known}}
        if not request.preview:
            with _told(kind, request.urn, "updated", hidden):
                told = kind.acts.update(self._api, request.resource_id, known, wish)
        return sdk.UpdateResponse(marked({**wish, **told}, hidden))

    def _read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        kind, wish, hidden = self._of(request.urn, request.inputs)
        if not request.properties:
            raise PluginError(
                f"{kind.name} {request.resource_id}: the stand-in imports nothing; install the real plugin"
            )
        with _told(kind, request.urn, "read", hidden):
            live = kind.acts.read(self._api, request.resource_id, plain(request.properties))
        if live is None:
            return sdk.ReadResponse("")
        found = {key: value if same(value, live.get(key, value)) else live[key] for key, value in wish.items()}
        return sdk.ReadResponse(request.resource_id, marked({**found, **live}, hidden), marked(found, hidden))

    def _delete(self, request: sdk.DeleteRequest) -> None:
        kind, known, hidden = self._of(request.urn, request.properties)
        with _told(kind, request.urn, "deleted", hidden):
            kind.acts.delete(self._api, request.resource_id, known)

    def _of(self, urn: str, given: Mapping[str, PropertyValue]) -> tuple[Kind, JsonObject, frozenset[Path]]:
        """The kind, the plain values, and what of it is secret."""
        kind = self._package.find(urn.split("::")[-2])
        return kind, plain(given), secret_paths(given) | {(name,) for name in kind.secret}


@contextmanager
def _told(kind: Kind, urn: str, act: str, hidden: frozenset[Path]) -> Iterator[None]:
    """Turn the server's refusal into a sentence; where secrets were sent its own words are not shown."""
    try:
        yield
    except Refused as refused:
        cause = f"HTTP {refused.status}" if refused.status else "no answer"
        text = "its sentence is not shown, because it may quote a value" if hidden else refused.text
        remedy = _REMEDIES.get(refused.status, "Run the command again; if it stays, look at the server's own log.")
        thing = f"{kind.name} {urn.rpartition('::')[2]}"
        raise PluginError(f"{thing} could not be {act}: {cause}: {text}. {remedy}") from None
