from __future__ import annotations

from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from dynamic_providers.token import Token, TokenProvider
from dynamic_providers.verbs import VerbError
from rotation.backends.transport import Request, Response
from tests.dynamic_providers.line import Killed, Line
from tests.dynamic_providers.world import World

STEPS = ("token", "pair", "retirement")


def test_the_engines_deletion_ends_nothing(line: Line, world: World) -> None:
    """A Token's delete touches no backend."""
    line.run()
    calls = world.server.calls.total()
    with line._process():
        TokenProvider().delete(line.generation, line.outputs("token"))
    assert (world.alive(), world.server.calls.total()) == ([line.generation], calls)


class _Nothing(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return args.name, dict(args.inputs)

    def call(self, _args: mocks.MockCallArgs) -> tuple[dict[Any, Any], None]:
        return {}, None


class _Recorder(mocks.MockMonitor):
    """Keeps what is registered with the engine."""

    def __init__(self) -> None:
        super().__init__(_Nothing())
        self.requests: list[Any] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the engine's name
        self.requests.append(request)
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def test_a_token_is_registered_as_retained() -> None:
    """`retain_on_delete` stands on every Token, and its value is registered as a secret output."""
    recorder = _Recorder()
    mocks.set_mocks(_Nothing(), monitor=recorder)

    def declare() -> pulumi.Output[str]:
        return Token("one-token", {"token": "one"}, pulumi.ResourceOptions()).urn

    pulumi.runtime.test(declare)()  # type: ignore[no-untyped-call]
    [request] = [request for request in recorder.requests if request.name == "one-token"]
    assert (request.retainOnDelete, list(request.additionalSecretOutputs)) == (True, ["value"])


@pytest.mark.parametrize("point", [f"{act} {step}" for step in STEPS for act in ("create", "replace", "update")])
def test_destroy_after_a_kill_at_any_step_leaves_nothing(line: Line, world: World, point: str) -> None:
    """A run that is killed after it acted and before it stored leaves nothing that a destroy does not end."""
    line.kill_at = point
    for _ in range(3):
        try:
            line.run()
        except Killed:
            break
        world.later(days=60)
    line.destroy()
    assert (world.alive(), line.state) == ([], {})


def test_destroy_ends_orphans_and_overlaps(line: Line, world: World) -> None:
    """Current, superseded and orphan generations all end."""
    line.run()
    world.later(days=60)
    line.kill_at = "replace token"
    with pytest.raises(Killed):
        line.run()
    line.run()
    assert len(world.alive()) == 3
    line.destroy()
    assert world.alive() == []


def test_the_credential_in_use_goes_last(line: Line, world: World) -> None:
    """When the stack's own token is the credential, everything else is dead before it, and then it is dead too."""
    line.run()
    world.later(days=60)
    line.run()
    world.credential = world.cluster.secrets["apps/admin"]["token"]
    deleted: list[str] = []
    handle = world.server.handle

    def watched(request: Request) -> Response:
        if request.method == "DELETE":
            deleted.append(request.path.split("/")[-2])
        return handle(request)

    world.faults._handler = watched
    current = line.generation
    line.destroy()
    assert (deleted[-1], deleted.count(current), world.alive()) == (current, 1, [])


def test_a_destroy_that_fails_can_be_done_again(line: Line, world: World) -> None:
    """An answer that does not tell keeps the pair in the state; the next destroy ends it all."""
    line.run()
    world.faults.down = True
    with pytest.raises(VerbError, match="Unavailable"):
        line.destroy()
    world.faults.clear()
    line.destroy()
    assert (world.alive(), line.state) == ([], {})
