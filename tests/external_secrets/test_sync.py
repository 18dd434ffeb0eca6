"""A rotated token reaches the Secrets of its consumers by the real External Secrets controller, and nobody is refused.

The stores and objects are the ones that the stack declares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from components.publications.places import (
    EntryPlace,
    ExternalSecretPlace,
    ItemPlace,
    PushSecretPlace,
    SecretPlace,
    StoreRef,
)
from components.publications.stores import (
    ConnectStore,
    KubernetesStore,
    SecretKeyRef,
    ServiceAccountRef,
    Store,
    VaultStore,
)
from rotation import clock as clocks
from sandbox.apis.connect import Connect
from sandbox.serve import mounted
from sandbox.servers import kubernetes_auth
from sandbox.servers.kubernetes_objects import Rule, make_service_account
from sandbox.servers.openbao import OpenBaoServer
from tests.external_secrets.cluster_world import TOKEN, ClusterWorld
from tests.external_secrets.rotations import Issuer, consuming, figure, published, rotate

READER = "reader"
TIMES = 5
KV = 'path "secret/{kind}/token-rotation/*" {{ capabilities = [{verbs}] }}'


def _synced(world: ClusterWorld, *, every: timedelta = timedelta(hours=1)) -> ExternalSecretPlace:
    store = StoreRef(kind="SecretStore", name="store")
    return ExternalSecretPlace(namespace=world.namespace, name=TOKEN, store=store, refreshInterval=every)


def _entry(world: ClusterWorld) -> EntryPlace:
    return EntryPlace(mount="secret", path=f"token-rotation/{world.namespace}")


def _open_vault_store(world: ClusterWorld, vault: OpenBaoServer, *, verbs: str = '"read"') -> None:
    """A store for the KV mount, by Kubernetes auth, whose account may do no more than `verbs` below our path."""
    rules = "\n".join(KV.format(kind=kind, verbs=verbs) for kind in ("data", "metadata"))
    vault.as_root("PUT", f"sys/policies/acl/{world.namespace}", {"policy": rules})
    make_service_account(world.api, world.namespace, READER)
    kubernetes_auth.let_in(
        vault, world.api, role=world.namespace, policies=[world.namespace], namespace=world.namespace, account=READER
    )
    account = ServiceAccountRef(namespace=world.namespace, name=READER)
    through = VaultStore(server=vault.url, mount="secret", role=world.namespace, serviceAccount=account)
    world.declare_store("store", Store(kind="SecretStore", namespace=world.namespace, vault=through))


@pytest.fixture
def issuer(vault: OpenBaoServer) -> Issuer:
    return Issuer(vault)


def test_a_token_rotated_in_openbao_reaches_its_consumers(
    world: ClusterWorld, vault: OpenBaoServer, issuer: Issuer, record_property: Callable[[str, object], None]
) -> None:
    """From KV to the Secret, by Kubernetes auth: both generations in the overlap, the facts beside them, no refusal."""
    place = _entry(world)
    _open_vault_store(world, vault)
    world.declare_external_secret(place, _synced(world))
    path = f"secret/data/{place.path}"
    took = rotate(world, issuer, lambda told: vault.as_root("POST", path, {"data": told}), TOKEN, times=TIMES)
    assert world.annotations(TOKEN)["token-rotation/generation"] == f"g{TIMES}"
    record_property("figure", figure("External Secrets from OpenBao", took))


def test_without_an_overlap_the_consumer_is_refused(world: ClusterWorld, vault: OpenBaoServer, issuer: Issuer) -> None:
    """The consumer would notice: a value that is revoked before its successor was synced is refused."""
    place = _entry(world)
    _open_vault_store(world, vault)
    world.declare_external_secret(place, _synced(world))
    current = issuer.mint()
    vault.as_root("POST", f"secret/data/{place.path}", {"data": published(0, current)})
    world.poke_and_wait(TOKEN, "g0", published(0, current))
    with consuming(world, vault, TOKEN) as consumer:
        world.wait_for(lambda: consumer.calls > 1, what="the consumer is at work")
        issuer.revoke(current)
        world.wait_for(lambda: bool(consumer.failures), what="the consumer is refused")


@dataclass(frozen=True)
class OnePassword:
    """A simulated Connect on a socket, with a vault for us; readers see a write after a second."""

    api: Connect
    url: str
    vault: str
    access: str = field(repr=False)


@pytest.fixture
def one_password() -> Iterator[OnePassword]:
    api = Connect(clocks.system_clock)
    vault = api.add_vault("Homelab")
    with mounted(api.handle, api) as url:
        yield OnePassword(api, url, vault, api.grant("external-secrets", vault, writes=False))


def _open_connect_store(world: ClusterWorld, one_password: OnePassword) -> None:
    world.make_secret("connect", {"token": one_password.access})
    reference = SecretKeyRef(namespace=world.namespace, name="connect")
    through = ConnectStore(connectHost=one_password.url, vaults=("Homelab",), connectToken=reference)
    world.declare_store("store", Store(kind="SecretStore", namespace=world.namespace, onePassword=through))


def test_a_token_rotated_in_1password_reaches_its_consumers(
    world: ClusterWorld, one_password: OnePassword, issuer: Issuer, record_property: Callable[[str, object], None]
) -> None:
    """From the item to the Secret: both generations in the overlap, no refusal, although Connect's reads lag."""
    _open_connect_store(world, one_password)
    world.declare_external_secret(ItemPlace(vault="Homelab", item="Token one"), _synced(world))

    def publish(told: Mapping[str, str]) -> None:
        one_password.api.write_by_hand(one_password.vault, "Token one", told)
        one_password.api.sweep()  # a publication is read back before anything is poked

    took = rotate(world, issuer, publish, TOKEN, times=TIMES)
    record_property("figure", figure("External Secrets from 1Password Connect (simulated)", took))


def test_a_poke_that_comes_too_early_is_made_good(
    world: ClusterWorld, one_password: OnePassword, issuer: Issuer
) -> None:
    """A poke while Connect still tells the old content syncs nothing new; the next interval does."""
    _open_connect_store(world, one_password)
    every = timedelta(seconds=2)
    world.declare_external_secret(ItemPlace(vault="Homelab", item="Token one"), _synced(world, every=every))
    rotate(
        world,
        issuer,
        lambda told: one_password.api.write_by_hand(one_password.vault, "Token one", told),
        TOKEN,
        times=2,
    )


def test_a_token_is_brought_from_one_namespace_to_another(world: ClusterWorld, issuer: Issuer) -> None:
    """From the published Secret to a Secret beside it: values by key, facts from its annotations, no refusal."""
    reads = Rule(["get", "list", "watch"], ["secrets"])
    make_service_account(world.api, world.namespace, READER, [reads])
    account = ServiceAccountRef(namespace=world.namespace, name=READER)
    through = KubernetesStore(remoteNamespace=world.namespace, serviceAccount=account, server=world.cluster.url)
    world.declare_store("store", Store(kind="SecretStore", namespace=world.namespace, kubernetes=through))
    source = SecretPlace(namespace=world.namespace, name="published")
    world.declare_external_secret(source, _synced(world))

    def publish(told: Mapping[str, str]) -> None:
        values = {key: value for key, value in told.items() if key.startswith("token")}
        facts = {f"token-rotation/{key}": value for key, value in told.items() if key not in values}
        world.make_secret("published", values, facts)

    rotate(world, issuer, publish, TOKEN, times=2)


def test_a_published_secret_is_pushed_to_openbao(world: ClusterWorld, vault: OpenBaoServer, issuer: Issuer) -> None:
    """From the Secret to KV: the whole pair, and `token-previous` goes when the overlap is over."""
    _open_vault_store(world, vault, verbs='"create", "update", "read", "patch"')
    place = SecretPlace(namespace=world.namespace, name="published")
    push = PushSecretPlace(name="push", store=StoreRef(kind="SecretStore", name="store"), remote=_entry(world).path)

    def remote() -> object:
        return vault.as_root("GET", f"secret/data/{push.remote}")["data"]["data"]

    world.make_secret("published", {"token": "a"})
    world.declare_push_secret(place, push)
    world.wait_until_ready("v1alpha1", "pushsecrets", "push")
    assert remote() == {"token": "a"}
    for number, pair in enumerate(({"token": "b", "token-previous": "a"}, {"token": "b"})):
        world.make_secret("published", pair)
        world.poke("push", f"g{number}", kind=("v1alpha1", "pushsecrets"))
        world.wait_for(lambda: remote() == pair, what=f"OpenBao holds {sorted(pair)}")  # noqa: B023
