"""Weeks without a run, revocations that fail, leases that die: the next run that can, heals."""

from __future__ import annotations

import json
import time

import httpx

from tests.end_to_end.stack import POLICY, Stack

ADMIN = {"backend": "authentik", "policy": POLICY}
GRANTED_LESS = {"lifetime": "100d", "rotate_before": "10d", "overlap": "5d", "tolerated_outage": "3d"}
"""The server grants 45 days. By the end that it sets when it gives a new key, nothing would be due before day 80."""
LEASED = {"lifetime": "40s", "rotate_every": "30s", "overlap": "2s", "tolerated_outage": "2s"}
"""A lease of ten seconds: a quarter of the lifetime."""


def _tenant_default(stack: Stack, duration: str) -> None:
    """Set the tenant's default token duration, as an administrator of Authentik would."""
    headers = {"Authorization": f"Bearer {stack.authentik.bootstrap_key}"}
    url = f"{stack.authentik_url}/api/v3/admin/settings/"
    body = {"default_token_duration": duration}
    httpx.patch(url, headers=headers, json=body, trust_env=False).raise_for_status()


def _is_healed_by_one_mint(stack: Stack, oldest: str) -> None:
    """One run mints once and publishes; the run after it changes nothing; the old one goes after its overlap."""
    stack.up()
    assert stack.mints == 2
    assert stack.authentik.accepts(stack.secret("admin")["token"])
    newest = stack.published_generation("admin")
    assert stack.live_at_authentik() == [oldest, newest]

    stack.pass_days(31)
    stack.up()
    assert stack.mints == 2
    assert stack.live_at_authentik() == [newest]


def test_weeks_without_a_run(stack: Stack) -> None:
    """A generation whose end passed while nothing ran is rotated by one run with one mint, and works until then."""
    stack.declare(admin=ADMIN)
    stack.up()
    first, oldest = stack.secret("admin")["token"], stack.published_generation("admin")

    stack.pass_days(150)
    assert stack.authentik.accepts(first)
    _is_healed_by_one_mint(stack, oldest)


def test_weeks_without_a_run_where_the_server_ended_the_token(stack: Stack) -> None:
    """A row that the server gave a new key in place, with a new end, is not taken for a living token: one run heals."""
    _tenant_default(stack, "days=45")
    stack.declare(admin={**ADMIN, "spec": {"mode": "server"}, "policy": GRANTED_LESS})
    stack.up()
    first, oldest = stack.secret("admin")["token"], stack.published_generation("admin")

    stack.pass_days(47)
    assert not stack.authentik.accepts(first)
    assert stack.live_at_authentik() == [oldest]
    _is_healed_by_one_mint(stack, oldest)


def test_a_revocation_that_fails_for_three_rotations(stack: Stack) -> None:
    """A failing revocation stops no rotation and loses no generation: each is tried again until it is verified dead."""
    stack.declare(admin=ADMIN)
    stack.up()
    stack.pass_days(61)
    stack.up()

    stack.authentik_faults.refuse(500, method="DELETE", times=1000)
    for generation_count in (3, 4, 5):
        stack.pass_days(61)
        told = stack.up().output
        assert "token-rotation: admin: defer (RevocationFailed)" in told
        assert len(stack.live_at_authentik()) == generation_count
    *superseded, newest = stack.live_at_authentik()
    resources = stack.resources()
    entries = resources["admin-retirement"]["outputs"]["entries"]
    assert [entry["generation"] for entry in entries] == superseded
    assert [entry["attempts"] for entry in entries] == [3, 2, 1, 0]
    assert [bool(entry["error"]) for entry in entries] == [True, True, True, False]
    held = resources["admin-pair"]["outputs"]["superseded"]
    assert [item["generation"] for item in held] == superseded

    stack.authentik_faults.clear()
    stack.up()
    assert stack.live_at_authentik() == [superseded[-1], newest]
    stack.up()
    held = stack.outputs_of("admin-pair")["superseded"]
    assert [item["generation"] for item in held] == superseded[-1:]


def test_a_lease_that_died_unconfirmed(stack: Stack) -> None:
    """A mint that could not be confirmed dies by itself, and the next run mints anew and publishes that."""
    stack.set("run_interval", "1s")
    stack.declare(admin={"backend": "vault", "spec": {"role": "homelab-admin"}, "policy": LEASED})
    stack.vault_faults.refuse(500, path="/v1/auth/token/renew-accessor", times=1000)
    stack.vault_faults.refuse(500, path="/v1/auth/token/revoke-accessor", times=1000)
    assert stack.up(check=False).code != 0
    lease = stack.outputs_of("admin-token")
    _wait_for_its_end(stack, json.loads(lease["value"]["plaintext"]))

    stack.vault_faults.clear()
    told = stack.up().output
    assert "token-rotation: admin: rotate (MissingAtBackend)" in told
    assert stack.published_generation("admin") != lease["generation"]
    assert stack.vault_accepts(stack.secret("admin")["token"])


def _wait_for_its_end(stack: Stack, value: str) -> None:
    """The real server's clock cannot be moved, so this takes the seconds that the lease lasts."""
    for _ in range(120):
        if not stack.vault_accepts(value):
            return
        time.sleep(0.25)
    raise AssertionError("the lease is still alive")
