"""The guard of a stack at one backend: created first, deleted last, and its deletion leaves nothing of ours alive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from dynamic_providers import entrance, lease_notes
from dynamic_providers.operator_records import refuse_to_leave
from dynamic_providers.state import Run
from dynamic_providers.verbs import Props, Provider, inputs_of, verb
from rotation import lifecycle

INPUTS = ("backend", "owner")


class GuardProvider(Provider):
    """Never replaced, and nothing about it ever changes."""

    @verb
    def check(self, run: Run, olds: Props, news: Props) -> CheckResult:
        """Raises Refused where the config left an operator's records behind: nothing is minted then."""
        refuse_to_leave(run, olds, news)
        return CheckResult(news, [])

    @verb
    def diff(self, _run: Run, _id: str, _olds: Props, _news: Props) -> DiffResult:
        return DiffResult(changes=False)

    @verb
    def create(self, run: Run, props: Props) -> CreateResult:
        """Test credential and clock before the first token is minted; that a person has to give one, the token says."""
        entrance.enter(run, props["backend"])
        if not entrance.is_shut(run, props["backend"]):
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
        notes = lease_notes.of_backend(run, props["backend"])
        alive = {note.handle: note.generation for noted in notes.values() for note in noted}
        alive |= {generation.handle: generation.id for generation in backend.inventory(props["owner"], [])}
        in_use = {handle for handle in alive if backend.holds(handle)}
        for handle, generation in alive.items():
            if handle not in in_use:
                lifecycle.end_now(backend, generation, handle)
        for handle in in_use:
            backend.revoke(handle)  # nothing is left that could verify it
        for token in notes:
            lease_notes.forget(run, token)


class Guard(Resource, module="token-rotation", name="Guard"):
    """Every `Token` of the backend depends on it. `records` is where an operator's stand; other backends have none."""

    def __init__(self, name: str, props: Mapping[str, Any], opts: ResourceOptions | None = None) -> None:
        super().__init__(GuardProvider(), name, dict(props), opts)
