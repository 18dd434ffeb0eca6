"""Every kind of backend is held to the same laws: simulated servers in each of their ways, and real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest
from hypothesis import settings

from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.registry import KINDS
from rotation.testing.laws import LAWS
from rotation.testing.machine import BackendMachine
from rotation.testing.worlds import Law, World
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.openbao import OpenBaoServer
from tests.backends.authentik_world import AuthentikWorld
from tests.backends.coder_world import CoderWorld
from tests.backends.openbao_world import OpenBaoWorld
from tests.backends.operator_world import OperatorWorld, RealOperatorWorld
from tests.backends.simulated_vault_world import SimulatedVaultWorld

SIMULATED: dict[str, Callable[[], World]] = {
    "authentik, schedule, by an admin": partial(AuthentikWorld, "schedule", "admin"),
    "authentik, schedule, by itself": partial(AuthentikWorld, "schedule", "self"),
    "authentik, server, by an admin": partial(AuthentikWorld, "server", "admin"),
    "authentik, server, by itself": partial(AuthentikWorld, "server", "self"),
    "coder, by an owner": partial(CoderWorld, "owner"),
    "coder, by itself": partial(CoderWorld, "self"),
    "coder, with sliding expiry": partial(CoderWorld, "self", sliding_expiry=True, lists_expired=True),
    "operator": OperatorWorld,
    "operator, of a fresh namespace": partial(OperatorWorld, lived_in=False),
    "operator, admission tokens": partial(OperatorWorld, token_type="admission"),
    "vault": SimulatedVaultWorld,
}
BY_NAME = {law.__name__: law for law in LAWS}
each_law = pytest.mark.parametrize("law", BY_NAME.values(), ids=BY_NAME.keys())


@contextmanager
def a_vault_world(server: OpenBaoServer) -> Iterator[OpenBaoWorld]:
    """A world on the shared server, taken down afterwards."""
    world = OpenBaoWorld(server)
    try:
        yield world
    finally:
        world.close()


def a_cluster_world(server: KubernetesServer) -> RealOperatorWorld:
    """A world in a namespace of its own on the shared API server."""
    return RealOperatorWorld(kubernetes_transport(connection(str(server.kubeconfig))))


@each_law
@pytest.mark.parametrize("make_world", SIMULATED.values(), ids=SIMULATED.keys())
def test_the_simulated_keep_the_laws(make_world: Callable[[], World], law: Law) -> None:
    """Authentik and Coder in each mode amid 120 foreign tokens, operators' records, and Vault keep each law."""
    law(make_world())


@each_law
def test_openbao_keeps_the_laws(openbao_server: OpenBaoServer, law: Law) -> None:
    """A real OpenBao keeps each law."""
    with a_vault_world(openbao_server) as world:
        law(world)


@each_law
def test_records_in_a_real_cluster_keep_the_laws(kubernetes_server: KubernetesServer, law: Law) -> None:
    """An operator's records keep each law on a real API server, too."""
    law(a_cluster_world(kubernetes_server))


@pytest.mark.parametrize("make_world", SIMULATED.values(), ids=SIMULATED.keys())
def test_the_simulated_in_any_order_of_acts(make_world: Callable[[], World]) -> None:
    """Whatever the order of mints, revocations and faults, inventory, server and book agree."""
    machine = type("SimulatedMachine", (BackendMachine,), {"make_world": staticmethod(make_world)})
    run_machine(machine, examples=25, steps=15)


def test_openbao_in_any_order_of_acts(openbao_server: OpenBaoServer) -> None:
    """The same machine on a real server, with fewer and shorter stories."""
    with ExitStack() as worlds:

        def make_world() -> World:
            return worlds.enter_context(a_vault_world(openbao_server))

        machine = type("OpenBaoMachine", (BackendMachine,), {"make_world": staticmethod(make_world)})
        run_machine(machine, examples=5, steps=10)


def test_records_in_a_real_cluster_in_any_order_of_acts(kubernetes_server: KubernetesServer) -> None:
    """The same machine on a real API server, with fewer and shorter stories."""
    make_world = partial(a_cluster_world, kubernetes_server)
    machine = type("ClusterMachine", (BackendMachine,), {"make_world": staticmethod(make_world)})
    run_machine(machine, examples=5, steps=10)


def run_machine(machine: type[BackendMachine], *, examples: int, steps: int) -> None:
    """Play stories without a time limit on each: a real server takes its time."""
    machine.TestCase.settings = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    machine.TestCase("runTest").runTest()


def test_every_kind_is_held_to_the_laws() -> None:
    """A kind in the registry without a world here fails this test: write its world, and a run of the laws on it."""
    assert {AuthentikWorld.kind, CoderWorld.kind, OpenBaoWorld.kind, OperatorWorld.kind} == set(KINDS)
