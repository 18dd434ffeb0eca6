"""The verbs that the engine calls. Each gathers plain values, asks the server, and answers."""

import asyncio
import re

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.plugins.errors import PluginError
from sandbox.plugins.onepassword import items, properties, settings
from sandbox.plugins.onepassword.server import Server
from sandbox.plugins.values import UNKNOWN, JsonObject, marked, plain, secret_paths

_ID = re.compile(r"vaults/(?P<vault>[^/]+)/items/(?P<item>[^/]+)")


class OnePasswordProvider(sdk.Provider):
    """One explicit onepassword provider of a program."""

    _server: Server | None = None

    async def check_config(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Refuse provider properties that are not about a Connect server."""
        problems = settings.problems(plain(request.new_inputs))
        return sdk.CheckResponse(
            request.new_inputs, [sdk.CheckFailure(name, reason) for name, reason in problems.items()]
        )

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        """Take url and token; the connection is made at the first call."""
        self._server = Server(settings.Settings.of(plain(request.args)))
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Inputs with their defaults, or what is wrong with them."""
        properties.refuse_other_types(request.type)
        wish = plain(request.new_inputs)
        if problems := properties.problems(wish):
            return sdk.CheckResponse(failures=[sdk.CheckFailure(path, reason) for path, reason in problems.items()])
        return sdk.CheckResponse(_marked(properties.with_defaults(wish), request.new_inputs))

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        """Compare old inputs (the host hands them on as the old state) with new ones."""
        names = properties.changed(plain(request.old_state), plain(request.new_inputs))
        replacing = [name for name in names if name in properties.REPLACING]
        kinds = dict.fromkeys(replacing, sdk.PropertyDiffKind.UPDATE_REPLACE)
        return sdk.DiffResponse(
            changes=bool(names),
            replaces=replacing,
            diffs=names,
            detailed_diff={
                name: sdk.PropertyDiff(kinds.get(name, sdk.PropertyDiffKind.UPDATE), input_diff=True) for name in names
            },
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        """Make an item, whatever bears its title already."""
        wish = plain(request.properties)
        if request.preview:
            return sdk.CreateResponse("", _marked({**wish, "uuid": UNKNOWN}, request.properties))
        made = await asyncio.to_thread(self._connected.create, wish["vault"], items.body(wish, {}))
        told = items.outputs(made, wish.get("passwordRecipe"))
        return sdk.CreateResponse(f"vaults/{told['vault']}/items/{told['uuid']}", _marked(told, request.properties))

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        """Put the whole item in place of the old one: what others added there is gone."""
        wish, before = plain(request.news), plain(request.olds)
        if request.preview:
            kept: JsonObject = {name: before[name] for name in ("uuid", "password") if name in before}
            return sdk.UpdateResponse(_marked({**kept, **wish}, request.news))
        vault, item = _place(request.resource_id)
        answer = await asyncio.to_thread(self._connected.replace, vault, item, items.body(wish, before, item))
        return sdk.UpdateResponse(_marked(items.outputs(answer, wish.get("passwordRecipe")), request.news))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        """The item as readers see it now; one that is gone is an error, as it is with the real plugin."""
        vault, item = _place(request.resource_id)
        old = plain(request.inputs)
        found = await asyncio.to_thread(self._connected.read, vault, item)
        told = items.outputs(found, old.get("passwordRecipe"))
        kept = properties.with_defaults(items.inputs_of(told, old))
        return sdk.ReadResponse(request.resource_id, _marked(told, request.inputs), _marked(kept, request.inputs))

    async def delete(self, request: sdk.DeleteRequest) -> None:
        """Delete the item; any refusal is an error, and nothing is repeated."""
        await asyncio.to_thread(self._connected.delete, *_place(request.resource_id))

    async def invoke(self, request: sdk.InvokeRequest) -> sdk.InvokeResponse:
        """Functions (getItem, getVault) are not stood in for."""
        raise PluginError(f"{request.tok}: the stand-in onepassword plugin has no functions; install the real plugin")

    async def cancel(self) -> None:
        """Nothing waits here."""

    @property
    def _connected(self) -> Server:
        if self._server is None:
            raise PluginError("the onepassword provider was not configured before it was used")
        return self._server


def _marked(values: JsonObject, given: "dict[str, PropertyValue]") -> "dict[str, PropertyValue]":
    return marked(values, secret_paths(given) | properties.always_secret(values))


def _place(identifier: str) -> tuple[str, str]:
    match = _ID.fullmatch(identifier)
    if match is None:
        raise PluginError(f"{identifier!r} is not the id of an item: it is written vaults/VAULT/items/ITEM")
    return match["vault"], match["item"]
