"""Nothing is minted before the Deployments that a token depends on are ready; the other tokens go on."""

from __future__ import annotations

from typing import Any

import pytest

from dynamic_providers.verbs import VerbError
from rotation.errors import ClusterError
from rotation.reasons import Reason
from tests.dynamic_providers.line import POLICY, Declared, Line
from tests.dynamic_providers.world import World

WANTED: dict[str, Any] = {
    "deployments": [{"name": "vault-config-operator", "namespace": "vault-config-operator", "minReadyReplicas": 2}]
}
PLACE = "vault-config-operator/vault-config-operator"
SPARE = {**POLICY, "rotate_before": "50d"}  # due at day 50, latest start at day 67


@pytest.fixture
def line(world: World) -> Line:
    return Line(world, Declared(policy=SPARE, dependencies=WANTED))


def test_the_first_mint_waits(line: Line, world: World) -> None:
    """The dry run says so, the run fails for this token alone, and once it is ready the token is minted."""
    world.cluster.ready[PLACE] = 1
    line.declared.append(Declared(name="other", places=("apps/other",)))
    line.run(preview=True)
    assert line.reasons()[0] is Reason.WAITING_FOR_DEPENDENCY
    with pytest.raises(VerbError, match=r"mint admin at authentik: .* has 1 of 2 replicas ready\. .*next run"):
        line.run()
    assert [name for name in line.state if name.startswith("token")] == ["token other"]
    world.cluster.ready[PLACE] = 2
    line.run()
    assert world.mints() == 2
    assert line.reasons()[0] is Reason.FIRST_GENERATION


def test_a_due_rotation_waits(line: Line, world: World) -> None:
    """A forced one too; nothing changes meanwhile, the receipt tells of it, and then it begins."""
    world.cluster.ready[PLACE] = 2
    line.run()
    world.cluster.ready[PLACE] = 0
    world.later(days=50)
    for nonce in ("", "now"):
        line.declared[0].force = nonce
        line.run()
        assert (line.reasons(), world.mints()) == ([Reason.WAITING_FOR_DEPENDENCY], 1)
    assert "WaitingForDependency" in world.cluster.receipt("admin").conditions
    world.cluster.ready[PLACE] = 3
    line.run()
    assert (line.reasons(), world.mints()) == ([Reason.FORCED_BY_OPERATOR], 2)


def test_nothing_is_said_before_it_is_due(line: Line, world: World) -> None:
    """Nothing would be minted, so nothing waits."""
    world.cluster.ready[PLACE] = 2
    line.run()
    world.cluster.ready.clear()
    line.run()
    line.run()
    assert (line.steps, line.said) == ([], [])


@pytest.mark.parametrize("how", ["absent", "refused"])
def test_what_cannot_be_read_is_not_ready(line: Line, world: World, how: str) -> None:
    """No Deployment, or no right to read it: the cause stands in the message."""
    cause = "does not exist" if how == "absent" else "cannot be read"
    if how == "refused":
        world.cluster.ready_replicas = _refuse  # type: ignore[method-assign, assignment]
    with pytest.raises(VerbError, match=cause):
        line.run()
    assert world.mints() == 0


def _refuse(_namespace: str, _name: str) -> int:
    raise ClusterError("read the Deployment", "HTTP 403", "Grant it.")


@pytest.mark.parametrize(("nonce", "days"), [("emergency", 1), ("", 67)])
def test_two_mints_do_not_wait(line: Line, world: World, nonce: str, days: int) -> None:
    """An emergency, and a rotation past its latest start: a wrong entry in the config must not let a token die."""
    world.cluster.ready[PLACE] = 2
    line.run()
    world.cluster.ready.clear()
    world.later(days=days)
    if nonce:
        setattr(line.declared[0], nonce, "now")
    line.run()
    assert world.mints() == 2


def test_each_deployment_is_asked_for_once(world: World) -> None:
    """Three tokens that depend on one Deployment cost one read in a run."""
    world.cluster.ready[PLACE] = 2
    tokens = [Declared(name=name, places=(f"apps/{name}",), dependencies=WANTED) for name in ("one", "two", "three")]
    line = Line(world, *tokens)
    line.run()
    world.cluster.calls.clear()
    line.run()
    assert world.cluster.calls["look"] == 3 + 1  # each Secret, and the Deployment
