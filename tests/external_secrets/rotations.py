"""Tokens of a real OpenBao, rotated under a consumer's eyes: mint, publish, see it synced, retire the one before."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sandbox.consumer import Consumer, vault_accepts
from sandbox.servers import openbao
from sandbox.servers.openbao import OpenBaoServer
from tests.external_secrets.cluster_world import ClusterWorld

Publish = Callable[[Mapping[str, str]], object]
"""Puts what is told at the source, whole: values and facts by their names."""


@dataclass
class Issuer:
    """Mints and revokes at OpenBao, as the rotator does."""

    vault: OpenBaoServer
    role: str = field(default_factory=lambda: f"role-{secrets.token_hex(4)}")

    def __post_init__(self) -> None:
        names = {"admin_policy": f"{self.role}-admin", "rotator_policy": f"{self.role}-rotator"}
        openbao.prepare_rotation(self.vault, role=self.role, **names)

    def mint(self) -> str:
        return str(self.vault.as_root("POST", f"auth/token/create/{self.role}", {"ttl": "1h"})["auth"]["client_token"])

    def revoke(self, value: str) -> None:
        self.vault.as_root("POST", "auth/token/revoke", {"token": value})


def published(number: int, current: str, previous: str = "") -> dict[str, str]:
    """What a place holds of generation `number`; the previous value only in the overlap."""
    status = "overlap" if previous else "active"
    told = {
        "generation": f"g{number}",
        "created": "2030-01-01T00:00:00Z",
        "expires": "2030-02-01T00:00:00Z",
        "description": "a token of the tests",
        "last_rotation": "2030-01-01T00:00:00Z",
        "rotation_status": status,
    }
    return {"token": current, **({"token-previous": previous} if previous else {}), **told}


@contextmanager
def consuming(world: ClusterWorld, vault: OpenBaoServer, secret: str) -> Iterator[Consumer]:
    """A program that reads the Secret every second, and calls OpenBao four times in that second."""
    consumer = Consumer(secret, world.api, world.namespace, secret, vault_accepts(vault.url), hold_seconds=1.0)
    consumer.start()
    try:
        yield consumer
    finally:
        consumer.stop()


def rotate(world: ClusterWorld, issuer: Issuer, publish: Publish, secret: str, *, times: int) -> list[float]:
    """Rotate under a consumer's eyes; seconds from each poke to its sync.

    In each overlap both values are accepted, and the Secret holds both. The old one ends when the consumer has moved.
    """
    current = issuer.mint()
    publish(published(0, current))
    took = [world.poke_and_wait(secret, "g0", published(0, current))]
    with consuming(world, issuer.vault, secret) as consumer:
        _wait_for_use(world, consumer, current)
        for number in range(1, times + 1):
            previous, current = current, issuer.mint()
            publish(published(number, current, previous))
            took.append(world.poke_and_wait(secret, f"g{number}", published(number, current, previous)))
            _wait_for_use(world, consumer, current)
            issuer.revoke(previous)
            publish(published(number, current))
            took.append(world.poke_and_wait(secret, f"g{number}.after", published(number, current)))
    assert consumer.failures == []
    assert len(consumer.values_used) == times + 1
    return took


def _wait_for_use(world: ClusterWorld, consumer: Consumer, value: str) -> None:
    world.wait_for(lambda: hash(value) in consumer.values_used, what="the consumer calls with what was published")


def figure(what: str, took: list[float]) -> str:
    """One line for the summary."""
    ordered = sorted(took)
    return f"{what}: {ordered[len(took) // 2]:.1f} s from poke to sync (worst {ordered[-1]:.1f} s of {len(took)})"
