"""The whole life of a token: first run, no change, dry run, rotation, overlap, retirement, destroy."""

from __future__ import annotations

from tests.end_to_end.stack import POLICY, SHORT, Stack


def mints_at_authentik(stack: Stack) -> int:
    """How many rows were created there."""
    return stack.authentik.calls[("POST", "/core/tokens/")]


def test_an_authentik_token_lives_its_whole_life(stack: Stack) -> None:
    """A token is minted, published, kept, rotated with overlap, retired and destroyed; no step costs a live value."""
    stack.declare(admin={"backend": "authentik", "policy": POLICY})

    stack.up()
    first = stack.secret("admin")["token"]
    assert stack.authentik.accepts(first)
    assert mints_at_authentik(stack) == 1

    stack.up("--expect-no-changes")
    assert mints_at_authentik(stack) == 1

    stack.pass_days(61)
    live_before, events_before = stack.live_at_authentik(), len(stack.authentik.events)
    dry_run = stack.preview()
    assert "token-rotation: admin: rotate (NearingExpiry)" in dry_run.output
    assert "~ generation" in dry_run.output
    assert (stack.live_at_authentik(), len(stack.authentik.events)) == (live_before, events_before)

    stack.up()
    published = stack.secret("admin")
    assert published["token-previous"] == first
    assert published["token"] != first
    assert stack.authentik.accepts(published["token"])
    assert stack.authentik.accepts(first)

    stack.pass_days(31)
    retiring = stack.up()
    assert "retire (DeadlinePassed)" in retiring.output
    assert not stack.authentik.accepts(first)
    assert stack.authentik.accepts(published["token"])

    stack.up()
    assert "token-previous" not in stack.secret("admin")
    stack.up("--expect-no-changes")

    stack.decommission()
    stack.destroy()
    assert stack.live_at_authentik() == []


def test_a_vault_token_lives_its_whole_life(stack: Stack) -> None:
    """A Vault token is leased, confirmed, published, rotated at its age, retired and destroyed on the real server."""
    stack.declare(admin={"backend": "vault", "spec": {"role": "homelab-admin"}, "policy": SHORT})
    stack.up()
    first = stack.secret("admin")["token"]
    assert stack.vault_accepts(first)
    stack.up("--expect-no-changes")
    stack.decommission()
    stack.destroy()
    assert not stack.vault_accepts(first)
