"""An older copy of the state is put back: nothing that consumers hold may be undone by it."""

from __future__ import annotations

import shutil

from rotation.clock import from_rfc3339
from rotation.model import new_generation_id
from tests.end_to_end.stack import POLICY, Stack

ADMIN = {"backend": "authentik", "policy": POLICY}


def _untouched(stack: Stack, live: list[str], published: dict[str, str], receipt: object) -> None:
    assert stack.live_at_authentik() == live
    assert stack.secret("admin") == published
    assert stack.receipt("admin") == receipt
    assert stack.mints == 2


def test_an_older_copy_of_the_state(stack: Stack) -> None:
    """A restored state is told, changes nothing, is not refreshed, and is accepted only by an explicit replacement."""
    stack.declare(admin=ADMIN)
    stack.up()
    oldest = stack.published_generation("admin")
    copy = shutil.copytree(stack.directory / "state", stack.directory / "copy")
    token = stack.resources()["admin-token"]["urn"]
    stack.pass_days(61)
    stack.up()
    unknown = stack.published_generation("admin")  # to the state that is put back below
    orphan = new_generation_id(stack.mark, "admin", stack.now)
    stack.authentik.issue("akadmin", orphan, expiring=False)  # as a killed run leaves one
    live, published, receipt = stack.live_at_authentik(), stack.secret("admin"), stack.receipt("admin")

    shutil.rmtree(stack.directory / "state")
    shutil.copytree(copy, stack.directory / "state")
    stack.pass_days(31)  # the deadline of the oldest, which the restored state holds to be current, is past
    restored = stack.up().output
    assert "token-rotation: admin: defer (StateIsOlder)" in restored
    assert "OrphanFound" not in restored
    _untouched(stack, live, published, receipt)

    refreshed = stack.up("--refresh", check=False)
    assert refreshed.code != 0
    assert "StateIsOlder" in refreshed.output
    _untouched(stack, live, published, receipt)

    stack.up("--replace", token)
    newest = stack.published_generation("admin")
    alive = sorted([oldest, unknown, orphan, newest])  # two may have been minted in one second
    assert stack.live_at_authentik() == alive
    assert stack.authentik.accepts(stack.secret("admin")["token"])

    # The receipt that the accepting run read still answered for the unknown one; the next run finds that nobody does.
    assert f"{unknown} is alive and known to no ledger" in stack.up().output
    assert stack.live_at_authentik() == alive
    entries = stack.outputs_of("authentik-sweep")["entries"]
    assert {entry["generation"] for entry in entries} == {unknown, orphan}
    assert all(29 <= (from_rfc3339(entry["deadline"]) - stack.now).days <= 30 for entry in entries)

    stack.pass_days(31)
    stack.up()
    assert stack.live_at_authentik() == [newest]
