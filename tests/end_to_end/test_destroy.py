"""A destroy leaves nothing of ours alive: inside an overlap, after a failure at any step, at a retry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.servers.kubernetes_objects import Rule
from tests.end_to_end.stack import POLICY, ROLE, SHORT, Stack

TOKENS = "/api/v3/core/tokens/"
ME = "/api/v3/core/users/me/"
VAULT = "/v1/auth/token/"
ATTEMPTS = 4
"""How often a call is tried in one go."""

ADMIN: dict[str, Any] = {"backend": "authentik", "policy": POLICY}
ROOT: dict[str, Any] = {"backend": "vault", "spec": {"role": ROLE}, "policy": SHORT}
BRIEF = {"lifetime": "40s", "rotate_every": "15s", "overlap": "5s", "tolerated_outage": "20s"}
"""A quarter of this life is the lease, so that what nobody confirmed dies within ten seconds."""


def _declare_unprotected(stack: Stack, **tokens: dict[str, Any]) -> None:
    """As after the run that lifts the protection: a destroy needs no more steps."""
    stack.declare(**tokens)
    stack.set("decommission", list(tokens))


def _nothing_is_alive(stack: Stack) -> None:
    assert stack.live_at_authentik() == []
    stack.wait_until(lambda: stack.live_at_vault() == [], "what was leased is dead")
    assert stack.published_names() == []


@pytest.mark.parametrize("options", [(), ("--run-program",)], ids=["plain", "with the program"])
def test_destroy_inside_an_overlap(stack: Stack, options: tuple[str, ...]) -> None:
    """A destroy is refused while tokens are protected; after their decommission it ends both generations of each."""
    stack.declare(admin=ADMIN, root=ROOT)
    stack.up()
    assert stack.destroy(*options, check=False).code != 0
    values = {name: [stack.secret(name)["token"]] for name in ("admin", "root")}

    _declare_unprotected(stack, admin={**ADMIN, "force": "1"}, root={**ROOT, "force": "1"})
    stack.up()
    for name, known in values.items():
        known.append(stack.secret(name)["token"])
    assert all(stack.authentik.accepts(value) for value in values["admin"])
    assert all(stack.vault_accepts(value) for value in values["root"])

    stack.destroy(*options)
    assert not any(stack.authentik.accepts(value) for value in values["admin"])
    assert not any(stack.vault_accepts(value) for value in values["root"])
    _nothing_is_alive(stack)


def _mint_refused(stack: Stack) -> None:
    stack.authentik_faults.refuse(500, method="POST", path=TOKENS, times=2)
    stack.vault_faults.refuse(500, path=f"{VAULT}create", times=ATTEMPTS)


def _mint_answer_lost(stack: Stack) -> None:
    """Authentik made a row that the run could neither see nor take back; Vault made a lease at each attempt."""
    stack.authentik_faults.lose_answer(method="POST", path=TOKENS)
    stack.authentik_faults.refuse(500, method="GET", path=f"{TOKENS}{stack.mark}", times=ATTEMPTS)
    stack.vault_faults.lose_answer(path=f"{VAULT}create", times=ATTEMPTS)


def _value_unread(stack: Stack) -> None:
    """Nor can what was minted be taken back."""
    stack.authentik_faults.refuse(500, method="GET", path=f"{TOKENS}{stack.mark}", times=ATTEMPTS)
    stack.authentik_faults.refuse(500, method="DELETE", path=TOKENS, times=ATTEMPTS)
    stack.vault_faults.delay(0, path=f"{VAULT}lookup-self")  # the guard's look at the credential
    stack.vault_faults.refuse(500, path=f"{VAULT}lookup-self", times=ATTEMPTS)
    stack.vault_faults.refuse(500, path=f"{VAULT}revoke-accessor", times=ATTEMPTS)


def _proof_refused(stack: Stack) -> None:
    stack.authentik_faults.delay(0, path=ME)  # the guard's look at the credential
    stack.authentik_faults.refuse(403, path=ME)
    stack.vault_faults.refuse(500, path=f"{VAULT}renew-accessor", times=ATTEMPTS)


def _confirmation_lost(stack: Stack) -> None:
    """Vault gave a full life that the run does not know of; at Authentik the inventory is refused."""
    stack.vault_faults.lose_answer(path=f"{VAULT}renew-accessor", times=ATTEMPTS)
    stack.authentik_faults.delay(0, method="GET", path=TOKENS)  # the reading of the key
    stack.authentik_faults.refuse(403, method="GET", path=TOKENS)


def _publication_refused(stack: Stack) -> None:
    stack.restrict_cluster([Rule(["get", "patch", "create"], ["configmaps"])])


def _receipt_refused(stack: Stack) -> None:
    stack.restrict_cluster([Rule(["get"], ["configmaps"]), Rule(["*"], ["secrets"])])


STEPS: list[Callable[[Stack], None]] = [
    _mint_refused,
    _mint_answer_lost,
    _value_unread,
    _proof_refused,
    _confirmation_lost,
    _publication_refused,
    _receipt_refused,
]


@pytest.mark.parametrize("break_step", STEPS, ids=lambda step: step.__name__.strip("_").replace("_", " "))
def test_destroy_after_a_failed_step(stack: Stack, break_step: Callable[[Stack], None]) -> None:
    """Wherever the first run failed, a destroy succeeds and leaves no live token at any backend."""
    _declare_unprotected(stack, admin=ADMIN, root={**ROOT, "policy": BRIEF})
    break_step(stack)
    failed = stack.up("--continue-on-error", check=False)
    assert failed.code != 0, failed.output
    assert stack.authentik_faults.pending == []
    assert stack.vault_faults.pending == []

    stack.destroy()
    _nothing_is_alive(stack)


def test_destroy_completes_after_a_failed_revocation(stack: Stack) -> None:
    """A destroy that could not revoke everything fails and says what; the next one completes."""
    _declare_unprotected(stack, admin=ADMIN, root=ROOT)
    stack.up()
    stack.authentik_faults.refuse(500, method="DELETE", path=TOKENS, times=ATTEMPTS)
    stack.vault_faults.refuse(500, path=f"{VAULT}revoke-accessor", times=ATTEMPTS)

    failed = stack.destroy("--continue-on-error", check=False)
    assert failed.code != 0
    assert "Unavailable: revoke admin at authentik: HTTP 500" in failed.output
    assert "Unavailable: revoke root at vault: HTTP 500" in failed.output
    assert len(stack.live_at_authentik()) == 1
    assert len(stack.live_at_vault()) == 1

    stack.destroy()
    _nothing_is_alive(stack)
