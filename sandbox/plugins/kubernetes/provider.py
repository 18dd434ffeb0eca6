"""The verbs that the engine calls. Each gathers plain values, asks `decisions` or the cluster, and answers."""

import asyncio
import secrets as random_text
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.plugins.differences import answer
from sandbox.plugins.errors import PluginError
from sandbox.plugins.kubernetes import inputs, kinds, refusals, settings
from sandbox.plugins.kubernetes.cluster import Cluster, Write
from sandbox.plugins.kubernetes.decisions import decide
from sandbox.plugins.kubernetes.kinds import Kind, Target
from sandbox.plugins.kubernetes.sdk_properties import unknown_properties
from sandbox.plugins.values import UNKNOWN, JsonObject, Path, has_unknown, marked, plain, secret_paths

FORCE = "pulumi.com/patchForce"
SKIP_AWAIT = "pulumi.com/skipAwait"
# Kept among the outputs, as the real plugin keeps them: who applied the object, and through which API version.
_MANAGER = "__fieldManager"
_API_VERSION = "__initialApiVersion"
# What a dry run answers is not what the real write will answer.
_ASSIGNED = ("uid", "resourceVersion", "creationTimestamp")

Values = Mapping[str, PropertyValue]


class KubernetesProvider(sdk.Provider):
    """One explicit kubernetes provider of a program."""

    _settings = settings.Settings()
    _cluster = Cluster(_settings)

    async def check_config(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Refuse provider properties that the stand-in does not know."""
        failures = [
            sdk.CheckFailure(name, reason) for name, reason in settings.problems(plain(request.new_inputs)).items()
        ]
        return sdk.CheckResponse(request.new_inputs, failures)

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        """Take the settings; the connection is made at the first call."""
        self._settings = settings.Settings.of(plain(request.args))
        self._cluster = Cluster(self._settings)
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        """Checked inputs, or the properties that the installed SDK does not have."""
        kind = kinds.find(request.type)
        wish = plain(request.new_inputs)
        if failures := [*_misspelt(kind, wish), *_unawaited(kind, wish, request.name)]:
            return sdk.CheckResponse(failures=failures)
        result = inputs.checked(
            kind,
            wish,
            plain(request.old_inputs),
            name=request.name,
            namespace=self._settings.default_namespace(),
            seed=request.random_seed,
        )
        return sdk.CheckResponse(marked(result, _secrets(kind, request.new_inputs)))

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        """Compare old inputs (the host hands them on as the old state) with new ones."""
        kind = kinds.find(request.type)
        old, new = plain(request.old_state), plain(request.new_inputs)
        return answer(decide(kind, old, new, self._settings.enabled))

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        """Create by server-side apply, under a new field manager. An object that is there already is an error."""
        return await asyncio.to_thread(self._create, request)

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        """Update in place, in one write, under the resource's own field manager."""
        return await asyncio.to_thread(self._update, request)

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        """The live object; no id when it is gone."""
        return await asyncio.to_thread(self._read, request)

    async def delete(self, request: sdk.DeleteRequest) -> None:
        """Delete the object and wait until it is gone."""
        kind = kinds.find(request.type)
        await asyncio.to_thread(self._cluster.delete, Target.named(kind, request.resource_id))

    async def invoke(self, request: sdk.InvokeRequest) -> sdk.InvokeResponse:
        """Functions (charts, YAML files) are not stood in for."""
        raise PluginError(f"{request.tok}: the stand-in kubernetes plugin has no functions; install the real plugin")

    async def cancel(self) -> None:
        """End waiting calls."""
        self._cluster.cancel()

    def _create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        kind, wish = kinds.find(request.type), plain(request.properties)
        hidden, manager = _secrets(kind, request.properties), _new_manager()
        if request.preview:
            return sdk.CreateResponse("", marked(self._preview_create(kind, wish, manager, hidden), hidden))
        target = Target.of(kind, wish)
        if "upsertExistingObjects" not in self._settings.enabled:
            self._cluster.wait_until_absent(target, "created", refusals.already_exists)
        live = self._cluster.apply(target, "created", Write(wish, manager, hidden, self._forces(wish)))
        return sdk.CreateResponse(target.identifier, marked(_outputs(live, manager), hidden))

    def _preview_create(self, kind: Kind, wish: JsonObject, manager: str, hidden: frozenset[Path]) -> JsonObject:
        if has_unknown(wish):
            return wish
        tried = self._cluster.try_to_create(Target.of(kind, wish), Write(wish, manager, hidden, dry_run=True))
        return {**tried, "metadata": {**tried["metadata"], **dict.fromkeys(_ASSIGNED, UNKNOWN)}}

    def _update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        kind, wish = kinds.find(request.type), plain(request.news)
        hidden, manager = _secrets(kind, request.news), _manager_of(plain(request.olds))
        if request.preview and has_unknown(wish):
            return sdk.UpdateResponse(marked(_outputs(wish, manager), hidden))
        target = Target.named(kind, request.resource_id)
        # An apply would silently make a lost object anew.
        if self._cluster.read(target) is None:
            raise refusals.gone(target)
        write = Write(wish, manager, hidden, self._forces(wish), request.preview)
        live = self._cluster.apply(target, "updated", write)
        if request.preview:
            live = {**live, "metadata": {**live["metadata"], "resourceVersion": UNKNOWN}}
        return sdk.UpdateResponse(marked(_outputs(live, manager), hidden))

    def _read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        kind = kinds.find(request.type)
        target = Target.named(kind, request.resource_id)
        live = self._cluster.read(target)
        if live is None:
            return sdk.ReadResponse("")
        hidden = _secrets(kind, request.inputs)
        found = inputs.of_live(live, plain(request.inputs))
        outputs = _outputs(live, _manager_of(plain(request.properties)))
        return sdk.ReadResponse(target.identifier, marked(outputs, hidden), marked(found, hidden))

    def _forces(self, wish: JsonObject) -> bool:
        annotations = wish["metadata"].get("annotations") or {}
        return annotations.get(FORCE) == "true" or "enablePatchForce" in self._settings.enabled


def _misspelt(kind: Kind, wish: JsonObject) -> list[sdk.CheckFailure]:
    """The properties that the SDK's class does not have; a custom resource has none, and its server is strict."""
    if kind.custom:
        return []
    reason = f"{kind.token} has no such property in the installed pulumi_kubernetes; correct its name"
    return [sdk.CheckFailure(path, f"{path}: {reason}") for path in unknown_properties(kind.token, wish)]


def _unawaited(kind: Kind, wish: JsonObject, name: str) -> list[sdk.CheckFailure]:
    """The real plugin would wait until this is ready. The stand-in cannot, and must not say that it is."""
    metadata = wish.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    skips = isinstance(annotations, dict) and annotations.get(SKIP_AWAIT) == "true"
    if not kind.awaited or skips or UNKNOWN in (metadata, annotations):
        return []
    reason = (
        f"{name}: the stand-in kubernetes plugin cannot wait until a {kind.name} is ready, as the real one does; "
        f'set the annotation {SKIP_AWAIT}: "true" on it, or install the real plugin'
    )
    return [sdk.CheckFailure("metadata.annotations", reason)]


def _secrets(kind: Kind, given: Values) -> frozenset[Path]:
    return secret_paths(given) | inputs.always_secret(kind)


def _new_manager() -> str:
    return f"pulumi-kubernetes-{random_text.token_hex(4)}"


def _manager_of(outputs: JsonObject) -> str:
    """The resource's own field manager; a new one for an object that was only read so far."""
    return outputs.get(_MANAGER) or _new_manager()


def _outputs(live: JsonObject, manager: str) -> dict[str, Any]:
    return {**live, _MANAGER: manager, _API_VERSION: live["apiVersion"]}
