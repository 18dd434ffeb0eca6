"""The guard of a stack at one backend: created first, deleted last, and its deletion leaves nothing of ours alive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers.state import Run
from dynamic_providers.verbs import Props, Provider, inputs_of, verb
from rotation.errors import Unavailable

INPUTS = ("backend", "owner")


class GuardProvider(Provider):
    """Never replaced, and nothing about it ever changes."""

    @verb
    def check(self, _run: Run, _olds: Props, news: Props) -> CheckResult:
        return CheckResult(news, [])

    @verb
    def diff(self, _run: Run, _id: str, _olds: Props, _news: Props) -> DiffResult:
        return DiffResult(changes=False)

    @verb
    def create(self, run: Run, props: Props) -> CreateResult:
        """Test credential and clock before the first token is minted."""
        run.ready_backend(props["backend"])
        return CreateResult(f"{props['owner']}_{props['backend']}", inputs_of(props, INPUTS))

    @verb
    def update(self, _run: Run, _id: str, olds: Props, _news: Props) -> UpdateResult:
        return UpdateResult(olds)

    @verb
    def read(self, _run: Run, id_: str, props: Props) -> ReadResult:
        return ReadResult(id_, props)

    @verb
    def delete(self, run: Run, _id: str, props: Props) -> None:
        """Revoke all that bears our mark and can be listed, the credential in use last of all."""
        backend = run.backend(props["backend"])
        alive = backend.inventory(props["owner"], [])
        in_use = {generation.handle for generation in alive if backend.holds(generation.handle)}
        for generation in alive:
            if generation.handle in in_use:
                continue
            backend.revoke(generation.handle)
            if not backend.is_dead(generation.handle):
                raise Unavailable("revoke", f"{generation.id} is still there after its revocation", "Destroy again.")
        for handle in in_use:
            backend.revoke(handle)  # nothing is left that could verify it


class Guard(Resource, module="token-rotation", name="Guard"):
    """Every `Token` of the backend depends on it."""

    def __init__(self, name: str, props: Mapping[str, Any], opts: ResourceOptions | None = None) -> None:
        super().__init__(GuardProvider(), name, dict(props), opts)
