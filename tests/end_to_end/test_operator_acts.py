"""What an operator does to a token by its config: rename, change, force, call an emergency, or lose it by a slip."""

from __future__ import annotations

from typing import Any

import pytest

from rotation.clock import from_rfc3339
from tests.end_to_end.stack import POLICY, ROLE, SHORT, Stack

ADMIN: dict[str, Any] = {"backend": "authentik", "policy": POLICY}


def _deadlines(stack: Stack, token: str) -> dict[str, str]:
    """The deadline of each generation that waits for its end."""
    receipt = stack.receipt(token)
    assert receipt is not None
    return {waiting["generation"]: waiting["deadline"] for waiting in receipt["superseded"]}


def test_a_renamed_token_keeps_its_value(stack: Stack) -> None:
    """With `was`, a new name mints nothing, keeps the published value, and moves the receipt's entry."""
    stack.declare(admin=ADMIN)
    place = [{"kubernetesSecret": {"namespace": stack.namespace, "name": "admin"}}]
    stack.up()
    before, entry = stack.secret("admin"), stack.receipt("admin")
    assert entry is not None

    stack.declare(root_admin={**ADMIN, "was": ["admin"], "publish": place})
    renamed = stack.up()

    assert stack.mints == 1
    assert stack.secret("admin") == before
    assert stack.receipt("admin") is None
    moved = stack.receipt("root-admin")
    assert moved is not None
    assert (moved["generation"], moved["published_at"]) == (entry["generation"], entry["published_at"])
    assert "delete" not in renamed.output

    stack.up("--expect-no-changes")
    assert stack.mints == 1
    assert stack.authentik.accepts(before["token"])


def test_spec_change_and_force_inside_an_overlap(stack: Stack) -> None:
    """A changed spec and a new nonce each rotate once, and neither moves the deadline of what is superseded already."""
    owner = stack.authentik.add_user("homelab-automation")
    stack.declare(admin=ADMIN)
    stack.up()
    first = stack.secret("admin")["token"]

    stack.declare(admin={**ADMIN, "spec": {"user": owner.username}})
    changed = stack.up()
    assert "token-rotation: admin: rotate (SpecChanged)" in changed.output
    second = stack.secret("admin")["token"]
    assert [t.username for t in stack.authentik.live_tokens() if t.identifier.startswith(stack.mark)] == [
        "akadmin",
        owner.username,
    ]
    assert stack.authentik.accepts(first)
    deadlines = _deadlines(stack, "admin")

    stack.pass_days(10)
    stack.declare(admin={**ADMIN, "spec": {"user": owner.username}, "force": "2026-a"})
    forced = stack.up()
    assert "token-rotation: admin: rotate (ForcedByOperator)" in forced.output
    third = stack.secret("admin")
    assert third["token-previous"] == second
    assert all(stack.authentik.accepts(value) for value in (first, second, third["token"]))
    assert deadlines.items() <= _deadlines(stack, "admin").items()
    assert len(_deadlines(stack, "admin")) == 2

    stack.up("--expect-no-changes")
    assert stack.mints == 3

    stack.pass_days(21)  # the overlap of the first is over, that of the second is not
    stack.up()
    assert not stack.authentik.accepts(first)
    assert stack.secret("admin") == third
    assert stack.authentik.accepts(second)
    assert stack.mints == 3


def test_an_emergency_ends_every_earlier_generation(stack: Stack) -> None:
    """An emergency nonce publishes a new generation and ends all earlier ones in the same run, at every backend."""
    tokens: dict[str, dict[str, Any]] = {
        "admin": ADMIN,
        "root": {"backend": "vault", "spec": {"role": ROLE}, "policy": SHORT},
    }
    accepts = {"admin": stack.authentik.accepts, "root": stack.vault_accepts}
    earlier: dict[str, list[str]] = {}
    stack.declare(**tokens)
    stack.up()
    earlier = {name: [stack.secret(name)["token"]] for name in tokens}
    stack.declare(**{name: {**token, "force": "1"} for name, token in tokens.items()})
    stack.up()
    for name, values in earlier.items():
        values.append(stack.secret(name)["token"])
        assert all(accepts[name](value) for value in values)

    stack.declare(**{name: {**token, "force": "1", "emergency": "leaked"} for name, token in tokens.items()})
    run = stack.up()

    for name, values in earlier.items():
        assert f"token-rotation: {name}: rotate (Emergency)" in run.output
        published = stack.secret(name)
        assert set(published) == {"token"}
        assert published["token"] not in values
        assert accepts[name](published["token"])
        assert [accepts[name](value) for value in values] == [False, False]
    stack.up()  # the pair forgets what the receipt tells to be dead
    stack.up("--expect-no-changes")
    assert stack.mints == 3


def test_a_token_missing_by_mistake_is_no_outage(stack: Stack) -> None:
    """A token that vanished from the config is refused by preview and up, and lives on, however often they run."""
    stack.declare(admin=ADMIN, other={**ADMIN, "policy": {**POLICY, "overlap": "5d"}})
    declared = dict(stack.config["token-rotation:tokens"])
    stack.up()
    values = {name: stack.secret(name)["token"] for name in declared}
    live = stack.live_at_authentik()

    stack.set("tokens", {"other": declared["other"]})
    assert "protect" in _refused(stack, values)
    stack.pass_days(6)  # longer than the overlap that an orphan would be given
    _refused(stack, values)
    stack.set("tokens", {})  # no token of the backend is left: its guard would go, too
    _refused(stack, values)
    assert stack.live_at_authentik() == live

    stack.set("tokens", declared)
    stack.up()
    assert stack.mints == 2
    assert stack.live_at_authentik() == live


def _refused(stack: Stack, values: dict[str, str]) -> str:
    """Preview and up both refuse, also as an unattended run calls it; every value is still published and valid."""
    assert stack.preview(check=False).code != 0
    refused = stack.up("--continue-on-error", check=False)
    assert refused.code != 0
    for name, value in values.items():
        assert stack.secret(name)["token"] == value
        assert stack.authentik.accepts(value)
    return refused.output


@pytest.mark.parametrize(("lifetime", "mints"), [("90d", 1), ("72d", 2)], ids=["not due", "due by it"])
def test_a_policy_change_mints_only_what_is_due(stack: Stack, lifetime: str, mints: int) -> None:
    """A shorter lifetime alone moves the rotation, and rotates only what is due by it."""
    stack.declare(admin=ADMIN)
    stack.up()
    before = stack.receipt("admin")
    stack.pass_days(35)

    stack.declare(admin={**ADMIN, "policy": {**POLICY, "lifetime": lifetime}})
    stack.up()

    after = stack.receipt("admin")
    assert before is not None
    assert after is not None
    assert stack.mints == mints
    if mints == 1:
        assert after["generation"] == before["generation"]
        moved = from_rfc3339(before["rotates"]) - from_rfc3339(after["rotates"])
        assert moved.days == 10
