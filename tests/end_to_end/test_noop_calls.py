"""What a run without changes costs each backend, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.end_to_end.stack import POLICY, SHORT, Stack

FOREIGN = 150
"""Rows of others whose text the fuzzy search finds: with them, one inventory takes two pages."""


def test_calls_of_a_run_that_changes_nothing(stack: Stack, record_property: Callable[[str, object], None]) -> None:
    """Nothing due: one paged inventory at Authentik for all tokens, one look-up per Vault token, and not one mint."""
    authentik = {"backend": "authentik", "policy": POLICY}
    vault = {"backend": "vault", "spec": {"role": "homelab-admin"}, "policy": SHORT}
    stack.declare(first=authentik, second=authentik, third=vault, fourth=vault)
    for number in range(FOREIGN):
        stack.authentik.issue("akadmin", f"{stack.mark}-foreign-{number}")
    stack.up()
    stack.authentik.calls.clear()
    stack.vault_calls.calls.clear()

    stack.up("--expect-no-changes")
    record_property("figure", _told("Authentik", stack.authentik.calls))
    record_property("figure", _told("Vault", stack.vault_calls.calls))
    assert stack.authentik.calls == {("GET", "/core/tokens/"): 2}
    assert stack.vault_calls.calls == {("POST", "/v1/auth/token/lookup-accessor"): 2}


def _told(backend: str, calls: Counter[tuple[str, str]]) -> str:
    each = ", ".join(f"{count} x {method} {path}" for (method, path), count in sorted(calls.items()))
    return f"a run without changes, 2 tokens at {backend}: {sum(calls.values())} calls ({each})"
