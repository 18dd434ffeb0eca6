"""A rotation as its consumers see it: one write with both values, and never a moment without a valid token."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import client, watch

from sandbox.consumer import Accepts, Consumer, authentik_accepts
from tests.end_to_end.stack import POLICY, ROLE, SHORT, Stack

Record = Callable[[str, object], None]
"""Tells a figure at the end of the tests."""


def _changes_since(stack: Stack, token: str, version: str) -> list[tuple[str, dict[str, str]]]:
    """Every event that the API server recorded of the Secret after a resource version, with the data it then had."""
    with stack.cluster.admin_client() as api:
        events = watch.Watch().stream(
            client.CoreV1Api(api).list_namespaced_secret,
            stack.namespace,
            field_selector=f"metadata.name={token}",
            resource_version=version,
            timeout_seconds=1,
        )
        return [(event["type"], _decoded(event["object"])) for event in events]


def _decoded(secret: Any) -> dict[str, str]:
    return {key: base64.b64decode(text).decode() for key, text in (secret.data or {}).items()}


@contextmanager
def _consumer(stack: Stack, token: str, accepts: Accepts) -> Iterator[Consumer]:
    """A program that reads the Secret before each of its calls."""
    with stack.cluster.admin_client() as api:
        consumer = Consumer(token, api, stack.namespace, token, accepts, hold_seconds=0)
        consumer.start()
        try:
            yield consumer
        finally:
            consumer.stop()


def _told(consumer: Consumer) -> str:
    calls, values = consumer.calls, len(consumer.values_used)
    return (
        f"a consumer of {consumer.name} made {calls} calls with {values} values and {len(consumer.failures)} failures"
    )


def test_an_authentik_rotation_is_one_write_and_no_failure(stack: Stack, record_property: Record) -> None:
    """Through rotation, retirement and its aftermath the Secret changes twice, keeps its uid, and always works."""
    stack.declare(admin={"backend": "authentik", "policy": POLICY})
    stack.up()
    first, metadata = stack.secret("admin")["token"], stack.secret_metadata("admin")
    with _consumer(stack, "admin", authentik_accepts(stack.authentik_url)) as consumer:
        stack.pass_days(61)
        stack.up()
        ((kind, data),) = _changes_since(stack, "admin", metadata.resource_version)
        assert (kind, set(data)) == ("MODIFIED", {"token", "token-previous"})
        assert data["token-previous"] == first
        assert data["token"] != first
        rotated = stack.secret_metadata("admin")

        stack.pass_days(31)
        stack.up()
        stack.up()
        assert _changes_since(stack, "admin", rotated.resource_version) == [("MODIFIED", {"token": data["token"]})]
        assert stack.secret_metadata("admin").uid == metadata.uid
    record_property("figure", _told(consumer))
    assert consumer.failures == []
    assert consumer.values_used == {hash(first), hash(data["token"])}


def test_a_vault_rotation_is_one_write_and_no_failure(stack: Stack, record_property: Record) -> None:
    """No lease reaches consumers, and what is published with its predecessor is accepted from the first moment."""
    root = {"backend": "vault", "spec": {"role": ROLE}, "policy": SHORT}
    stack.declare(root=root)
    stack.up()
    first, metadata = stack.secret("root")["token"], stack.secret_metadata("root")
    with _consumer(stack, "root", stack.vault_accepts) as consumer:
        stack.declare(root={**root, "force": "1"})
        stack.up()
        ((kind, data),) = _changes_since(stack, "root", metadata.resource_version)
        assert (kind, data["token-previous"]) == ("MODIFIED", first)
        assert stack.secret_metadata("root").uid == metadata.uid
        stack.wait_until(lambda: len(consumer.values_used) == 2, "the consumer has read the new token")
    record_property("figure", _told(consumer))
    assert consumer.failures == []
    assert stack.vault_accepts(first)
