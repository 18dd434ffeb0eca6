"""Reads published copies as their consumers do. It never raises for a place: what cannot be read is a finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from operations.cluster import Cluster
from operations.deadlines import answers
from operations.validation.access import CONNECT_URL, connect_token, vault_token
from operations.validation.findings import Held, Reading
from rotation.backends.transport import Transport
from rotation.clock import Clock
from rotation.copies.connect import Connect as OnePassword
from rotation.copies.vault_kv import read_entry
from rotation.durations import format_duration
from rotation.errors import NotFound, RotationError
from rotation.receipt import secret_target
from rotation.validation_plan import Copy, ItemCopy, KvCopy, SecretCopy

PREVIOUS = "-previous"
"""What the key of the previous value adds to that of the current one, at every kind of place."""
_PREVIOUS_GENERATION = "token-rotation/previous-generation"


@dataclass(frozen=True)
class Consumers:
    """The rights and the ways of those who read copies."""

    cluster: Cluster
    transport: Callable[[str], Transport]
    environ: Mapping[str, str] = field(repr=False)
    clock: Clock
    limit: timedelta

    def read_all(self, copies: Sequence[Copy]) -> list[Reading]:
        """What stands at each place, in order."""
        found = answers([partial(self._read, copy) for copy in copies], self.limit)
        overdue = f"no answer within {format_duration(self.limit)}"
        return [reading or Reading(place_of(copy), None, overdue) for copy, reading in zip(copies, found, strict=True)]

    def _read(self, copy: Copy) -> Reading:
        try:
            return Reading(place_of(copy), self._held(copy))
        except RotationError as error:
            return Reading(place_of(copy), None, error.cause)
        except OSError as error:
            return Reading(place_of(copy), None, f"the authority's certificate cannot be read ({type(error).__name__})")

    def _held(self, copy: Copy) -> Held:
        if copy.kubernetes_secret:
            return self._secret(copy.kubernetes_secret)
        if copy.one_password:
            return self._item(copy.one_password)
        assert copy.vault_kv is not None, "a copy is one of the three"
        return self._entry(copy.vault_kv)

    def _secret(self, copy: SecretCopy) -> Held:
        act = f"read the Secret {copy.namespace}/{copy.name}"
        found = self.cluster.secret(copy.namespace, copy.name)
        if found is None:
            raise NotFound(act, "there is no such Secret")
        if copy.key not in found.data:
            raise NotFound(act, f"it has no key {copy.key}")
        tells = copy.generation_annotation
        return Held(
            found.data[copy.key],
            found.annotations.get(tells, "") if tells else "",
            found.data.get(copy.key + PREVIOUS, ""),
            found.annotations.get(_PREVIOUS_GENERATION, "") if tells else "",
        )

    def _item(self, copy: ItemCopy) -> Held:
        """Both values of one answer, so that no write between two reads makes a mixed pair."""
        url = copy.url or self.environ.get(CONNECT_URL, "")
        server = OnePassword(self.transport(url), connect_token(self.environ, url), self.clock)
        item = server.item(server.vault_id(copy.vault), copy.item)
        values = item.values(copy.field)
        if len(values) != 1:
            raise NotFound(f"read the item {copy.item}", f"{len(values)} fields are labelled {copy.field}")
        return Held(values[0], _first(item.values("generation")), _first(item.values(copy.field + PREVIOUS)))

    def _entry(self, copy: KvCopy) -> Held:
        transport, previous = self.transport(copy.url), ""
        with vault_token(self.environ, copy.url, transport, self.clock) as credential:
            found = read_entry(transport, credential, copy.mount, copy.path, copy.key, clock=self.clock)
            with suppress(NotFound):
                key = copy.key + PREVIOUS
                previous = read_entry(transport, credential, copy.mount, copy.path, key, clock=self.clock).value
        return Held(found.value, found.generation, previous)


def place_of(copy: Copy) -> str:
    """A place as receipts name it."""
    if copy.kubernetes_secret:
        return secret_target(f"{copy.kubernetes_secret.namespace}/{copy.kubernetes_secret.name}")
    if copy.one_password:
        return f"onePassword:{copy.one_password.vault}/{copy.one_password.item}"
    assert copy.vault_kv is not None, "a copy is one of the three"
    return f"vaultKv:{copy.vault_kv.mount}/{copy.vault_kv.path}"


def _first(values: Sequence[str]) -> str:
    return values[0] if values else ""
