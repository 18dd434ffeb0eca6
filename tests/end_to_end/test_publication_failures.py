"""A publication that fails: consumers keep what they had, nothing is retired, and no run mints for nothing."""

from __future__ import annotations

import pytest

from operations.exit_code import ExitCode
from rotation.clock import from_rfc3339
from sandbox.servers.kubernetes_objects import Rule
from tests.end_to_end.stack import POLICY, Stack
from tests.end_to_end.unattended import scheduled_run

ADMIN = {"backend": "authentik", "policy": POLICY}
RECEIPTS_ONLY = [Rule(["get", "patch", "create"], ["configmaps"])]
SECRETS_READ = [*RECEIPTS_ONLY, Rule(["get"], ["secrets"])]

TWO_DUE_DATES = {"lifetime": "100d", "rotate_every": "31d", "overlap": "30d", "tolerated_outage": "3d"}
"""The second due date, at day 62, comes long before the end of the first generation less the outage, at day 97."""


def _published_in_full(stack: Stack, first: dict[str, str]) -> None:
    """The one generation that was minted besides the first is current now, and the overlap of the first begins now."""
    published = stack.secret("admin")
    assert stack.mints == 2
    assert stack.published_generation("admin") == stack.live_at_authentik()[-1]
    assert published["token"] != first["token"]
    assert published["token-previous"] == first["token"]
    assert stack.authentik.accepts(published["token"])
    receipt = stack.receipt("admin")
    assert receipt is not None
    (waiting,) = receipt["superseded"]
    overlap = from_rfc3339(waiting["deadline"]) - from_rfc3339(receipt["published_at"])
    assert overlap.days == 30
    assert abs((stack.now - from_rfc3339(receipt["published_at"])).total_seconds()) < 3600
    stack.up("--expect-no-changes")
    assert stack.mints == 2


def _fails_and_costs_nothing(stack: Stack, first: dict[str, str]) -> str:
    """One run fails. What was published stays published, valid and unretired; returns what the run printed."""
    receipt = stack.receipt("admin")
    failed = stack.up(check=False)
    assert failed.code != 0
    assert stack.secret("admin") == first
    assert stack.receipt("admin") == receipt
    assert stack.authentik.accepts(first["token"])
    return failed.output


def test_an_api_server_that_is_gone_at_a_due_rotation(stack: Stack) -> None:
    """The old token stays valid and published; the next run publishes what was minted, and mints nothing more."""
    stack.declare(admin=ADMIN)
    stack.up()
    first = stack.secret("admin")

    stack.pass_days(61)
    stack.lose_cluster()
    told = _fails_and_costs_nothing(stack, first)
    assert "token-rotation: receipt: defer (ClusterAway)" in told
    assert stack.mints == 2

    stack.pass_days(1)
    stack.use_admin_kubeconfig()
    stack.up()
    _published_in_full(stack, first)


def test_the_hourly_run_takes_nothing_for_published_that_was_not(stack: Stack) -> None:
    """While a publication fails, the receipt tells what consumers hold, and that lives on past any overlap."""
    stack.declare(admin=ADMIN)
    stack.up()
    first, receipt = stack.secret("admin"), stack.receipt("admin")
    stack.pass_days(61)
    stack.restrict_cluster(SECRETS_READ)
    _fails_and_costs_nothing(stack, first)
    for _ in range(2):
        ended = scheduled_run(stack, "2s", "--attempts", "1", job="retire")
        assert ended.returncode == ExitCode.FINE, ended.stdout
        assert (stack.receipt("admin"), stack.secret("admin")) == (receipt, first)
        assert stack.authentik.accepts(first["token"])
        stack.pass_days(30.5)


@pytest.mark.parametrize("rights", [SECRETS_READ, RECEIPTS_ONLY], ids=["no-write", "no-right-at-all"])
def test_an_api_server_that_refuses_the_publication(stack: Stack, rights: list[Rule]) -> None:
    """A refused write is as harmless as a server that is gone, and the repaired right is all that it needs."""
    stack.declare(admin=ADMIN)
    stack.up()
    first = stack.secret("admin")

    stack.pass_days(61)
    stack.restrict_cluster(rights)
    told = _fails_and_costs_nothing(stack, first)
    assert "403" in told or "Forbidden" in told

    stack.pass_days(1)
    stack.use_admin_kubeconfig()
    stack.up()
    _published_in_full(stack, first)


@pytest.mark.deep
def test_a_target_that_stays_broken_over_two_due_dates(stack: Stack) -> None:
    """A broken target does not mint at each due date, only once more before the published end; healing settles all."""
    stack.declare(admin={"backend": "authentik", "policy": TWO_DUE_DATES})
    stack.up()
    first, oldest = stack.secret("admin"), stack.published_generation("admin")

    stack.restrict_cluster(SECRETS_READ)
    stack.pass_days(32)
    _fails_and_costs_nothing(stack, first)
    assert stack.mints == 2

    stack.pass_days(32)
    told = _fails_and_costs_nothing(stack, first)
    assert "token-rotation: admin: defer (PreviousUnpublished)" in told
    assert stack.mints == 2

    stack.pass_days(33.5)
    _fails_and_costs_nothing(stack, first)
    assert stack.mints == 3
    _fails_and_costs_nothing(stack, first)
    assert stack.mints == 3

    stack.use_admin_kubeconfig()
    stack.up()
    healed, newest = stack.secret("admin"), stack.published_generation("admin")
    assert stack.mints == 3
    assert newest == stack.live_at_authentik()[-1]
    assert healed["token-previous"] == first["token"]
    assert stack.authentik.accepts(healed["token"])
    _overlap_starts_now(stack, set(stack.live_at_authentik()) - {newest})

    stack.pass_days(31)
    stack.up()
    assert oldest not in stack.live_at_authentik()
    assert stack.live_at_authentik() == [newest, stack.published_generation("admin")]


def _overlap_starts_now(stack: Stack, superseded: set[str]) -> None:
    """The ledger holds exactly these, and each ends an overlap after the publication."""
    entries = stack.outputs_of("admin-retirement")["entries"]
    assert {entry["generation"] for entry in entries} == superseded
    assert len(entries) == 2
    for entry in entries:
        assert 29 <= (from_rfc3339(entry["deadline"]) - stack.now).days <= 30
