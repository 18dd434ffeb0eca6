"""A job as its CronJob runs it, on the real API server with exactly its rights: Lease, record, Events."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from operations.exit_code import ExitCode
from rotation.reasons import Action, Decision, Reason, reason_line
from rotation.run_record import RunRecord, TokenCounts
from sandbox.servers.kubernetes import KubernetesServer
from tests.operations.job_world import RIGHTS, RUNS, JobWorld, ended, new_job_world

ROTATED = reason_line("admin", Decision(Action.ROTATE, Reason.NEARING_EXPIRY, "it ends at 2026-03-05T02:00:00Z"))
UNREVOKED = reason_line("admin", Decision(Action.DEFER, Reason.REVOCATION_FAILED, "x could not be ended"))
ORPHAN = reason_line("authentik", Decision(Action.RETIRE, Reason.ORPHAN_FOUND, "y is alive and known to no ledger"))
UNMINTED = (
    " +  pulumi-python:dynamic/token-rotation:Token admin-token **creating failed** error: Exception calling"
    " application: Unavailable: mint admin at authentik: HTTP 500. See the server's log; the next run tries again."
)


@pytest.fixture
def world(tmp_path: Path, kubernetes_server: KubernetesServer) -> JobWorld:
    """A namespace with a free Lease and nothing recorded."""
    return new_job_world(tmp_path, kubernetes_server)


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for another process."""
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within half a minute: {what}")


def started(world: JobWorld) -> bool:
    """Whether some job has started `pulumi`."""
    return (world.home / "calls").exists()


def test_a_run_leaves_a_record_without_values(world: JobWorld) -> None:
    """When it began and ended, what it came to and when one last succeeded stand beside the receipts."""
    world.cli.answer("up", f"{ROTATED}\nResources:\n    ~ 2 updated")
    before = datetime.now(UTC).replace(microsecond=0)
    code, log = world.run()
    record = world.record()
    assert code == ExitCode.FINE, log
    assert record is not None
    assert before <= record.began <= record.ended <= datetime.now(UTC)
    assert (record.job, record.run, record.outcome, record.exit_code) == ("rotate", log[0]["run"], "fine", 0)
    assert (record.last_success, record.runs, record.failures) == (record.ended, 1, 0)
    assert world.record("retire") is None


def test_counts_go_on_from_the_record(world: JobWorld) -> None:
    """Failures are counted by token and never fall; the last success stands while runs fail."""
    world.cli.answer("up")
    world.run()
    first = world.record()
    world.cli.answers.clear()
    world.cli.answer("up", f"{ROTATED}\n{UNMINTED}\n{ORPHAN}", code=255)
    assert [world.run("run", "--attempts", "1")[0] for _ in range(2)] == [ExitCode.FAILED, ExitCode.FAILED]
    record = world.record()
    assert first is not None
    assert record is not None
    assert (record.runs, record.failures, record.last_success) == (3, 2, first.last_success)
    assert record.tokens == {"admin": TokenCounts(mint_failures=2)}
    assert record.orphans == {"authentik": 1}


def test_each_job_has_a_record_of_its_own(world: JobWorld) -> None:
    """The hourly retirement writes its entry and leaves that of the daily run as it is."""
    world.cli.answer("up")
    world.run()
    rotate = world.record()
    code, log = world.run("retire")
    assert code == ExitCode.FINE, log
    assert world.record() == rotate
    assert world.record("retire") is not None


def test_a_run_without_receipts_says_so_once(world: JobWorld) -> None:
    """A person who runs it at home is told how to keep a record, and nothing fails."""
    world.cli.answer("up")
    del world.environment["TOKEN_ROTATION_RECEIPTS"], world.environment["TOKEN_ROTATION_LEASE"]
    code, log = world.run()
    assert code == ExitCode.FINE
    assert [line["remedy"] for line in log if line["event"] == "no record is left"] == [
        "Name the receipts: --receipts or TOKEN_ROTATION_RECEIPTS."
    ]


def test_a_record_that_cannot_be_read_is_not_begun_anew(world: JobWorld, tmp_path: Path) -> None:
    """Without the right to read it the run goes on, says so, and lets the counts stand as they are."""
    world.cli.answer("up")
    world.run()
    blind = new_job_world(tmp_path / "blind", world.server, [rule for rule in RIGHTS if RUNS not in rule.names])
    blind.cli.answer("up")
    blind.put_config_map(RUNS, {"rotate": "as it was"})
    code, log = blind.run()
    assert code == ExitCode.FINE
    assert "no record is left: that of the last run could not be read" in [line["event"] for line in log]
    assert blind.config_map(RUNS) == {"rotate": "as it was"}


def test_of_two_runs_on_one_lease_exactly_one_runs(world: JobWorld) -> None:
    """The other one sees it renewed and ends with 4, without having started `pulumi`."""
    world.cli.answer("up", seconds=10)
    outcomes = [ended(process) for process in [world.start(), world.start()]]
    codes = sorted(code for code, _ in outcomes)
    assert codes == [ExitCode.FINE, ExitCode.LOCKED], outcomes
    assert [call[0] for call in world.cli.calls()] == ["up"]
    assert world.lease().holder_identity == ""
    record = world.record()
    assert record is not None
    assert (record.runs, record.exit_code) == (1, 0), "the one that did nothing leaves the record alone"


def test_all_jobs_share_the_lease(world: JobWorld) -> None:
    """A retirement does not start while a run holds it."""
    world.cli.answer("up", seconds=10)
    run = world.start()
    until(lambda: started(world), "the run starts pulumi")
    code, log = world.run("retire")
    assert code == ExitCode.LOCKED, log
    assert log[-1]["event"] == "another run holds the Lease"
    assert str(run.pid) in log[-1]["holder"]
    assert ended(run)[0] == ExitCode.FINE


def test_a_lease_that_is_missing_is_refused_by_name(world: JobWorld) -> None:
    """Nothing runs without the Lease that was asked for."""
    world.drop_lease()
    code, log = world.run()
    assert code == ExitCode.REFUSED_INPUT
    assert log[-1]["cause"] == f"there is no Lease {world.namespace}/token-rotation"
    assert not started(world)


def test_a_lease_that_may_not_be_written_is_refused_with_the_cause(world: JobWorld, tmp_path: Path) -> None:
    """A missing right reads as what it is."""
    limited = new_job_world(tmp_path / "limited", world.server, RIGHTS[1:])
    code, log = limited.run()
    assert code == ExitCode.REFUSED_INPUT
    assert "HTTP 403" in log[-1]["cause"]
    assert not started(limited)


def test_a_run_that_loses_its_lease_ends_pulumi(world: JobWorld) -> None:
    """Somebody else holds it now: the CLI and its session are ended at the next renewal, and the run has failed."""
    world.cli.answer("up", seconds=100)
    run = world.start()
    until(lambda: started(world), "the run starts pulumi")
    world.patch_lease(holderIdentity="another/1/run")
    began = time.monotonic()
    code, log = ended(run)
    assert code == ExitCode.FAILED, log
    assert time.monotonic() - began < 12
    assert "the Lease was lost, so pulumi was ended" in [line["event"] for line in log]
    assert [call[0] for call in world.cli.calls()] == ["up"], "it is not tried again"
    assert world.lease().holder_identity == "another/1/run"


def test_a_run_that_is_asked_to_end_gives_the_lease_back(world: JobWorld) -> None:
    """A pod that is evicted leaves nothing to wait for."""
    world.cli.answer("up", seconds=100)
    run = world.start()
    until(lambda: started(world), "the run starts pulumi")
    run.send_signal(signal.SIGTERM)
    assert ended(run)[0] == 128 + signal.SIGTERM
    assert world.lease().holder_identity == ""


@pytest.mark.parametrize("first", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_twice_to_end_still_waits_for_its_cli(world: JobWorld, first: signal.Signals) -> None:
    """As when a terminal closes, or by Ctrl-C once more: the CLI saves what is done, and then the Lease is free."""
    world.cli.answer("up", seconds=100, ending=2)
    run = world.start()
    until((world.home / "ready").exists, "the CLI is at work")
    run.send_signal(first)
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        time.sleep(0.2)
        run.send_signal(again)
    assert ended(run)[0] != ExitCode.FINE
    assert (world.home / "ended").exists()
    assert world.lease().holder_identity == ""


def test_what_happened_is_told_as_events(world: JobWorld) -> None:
    """A rotation as a normal Event, what needs a person as a warning, both on the receipts."""
    world.cli.answer("up", f"{ROTATED}\n{UNREVOKED}")
    code, log = world.run()
    assert code == ExitCode.NEEDS_A_PERSON, log
    told = {(event.type, event.reason, event.action): event for event in world.events()}
    assert set(told) == {("Warning", "RevocationFailed", "defer"), ("Normal", "NearingExpiry", "rotate")}
    event = told["Normal", "NearingExpiry", "rotate"]
    assert event.note == "admin: it ends at 2026-03-05T02:00:00Z"
    assert (event.regarding.kind, event.regarding.name) == ("ConfigMap", "token-receipts")
    assert event.regarding.uid
    assert event.reporting_controller == "token-rotation/operations"


def test_a_few_events_at_most(world: JobWorld) -> None:
    """A run that rotates everything tells five Events, the gravest first, and how many more there are."""
    rotated = [reason_line(f"t{number}", Decision(Action.ROTATE, Reason.MAXIMUM_AGE, "old")) for number in range(20)]
    world.cli.answer("up", "\n".join([*rotated, UNREVOKED]))
    world.run()
    events = world.events()
    assert len(events) == 5
    assert {"RevocationFailed", "More"} < {event.reason for event in events}
    assert "17 more" in next(event.note for event in events if event.reason == "More")


def test_a_quiet_run_tells_no_event(world: JobWorld) -> None:
    """Nothing due is no news."""
    world.cli.answer("up", "Resources:\n    15 unchanged")
    world.run()
    assert world.events() == []


def test_a_refused_event_fails_no_run(world: JobWorld, tmp_path: Path) -> None:
    """The right is missing: the run says so and ends as it would have."""
    mute = new_job_world(tmp_path / "mute", world.server, RIGHTS[:-1])
    mute.cli.answer("up", ROTATED)
    code, log = mute.run()
    assert code == ExitCode.FINE
    assert "an Event was not told" in [line["event"] for line in log]
    assert isinstance(mute.record(), RunRecord)


def test_a_failure_that_heals_is_tried_again_under_the_same_lease(world: JobWorld) -> None:
    """The second attempt succeeds, the run is fine, and the failed mint is counted all the same."""
    world.cli.answer("up", f"{ROTATED}\n{UNMINTED}", code=255)
    world.cli.answer("up", f"{ROTATED}\nResources:\n    + 5 created")
    code, log = world.run("run", "--backoff", "1s")
    assert code == ExitCode.FINE, log
    record = world.record()
    assert record is not None
    assert record.tokens == {"admin": TokenCounts(mint_failures=1)}
    assert (record.runs, record.failures) == (1, 0)
    assert world.lease().lease_transitions == 1


def test_a_killed_run_leaves_the_lease_to_expire(world: JobWorld) -> None:
    """The next one waits until the Lease stood still for as long as its holder had asked for, and takes it."""
    world.cli.answer("up", seconds=100)
    run = world.start()
    until(lambda: started(world), "the run starts pulumi")
    (cli,) = psutil.Process(run.pid).children()
    for process in (run, cli):
        process.kill()
    run.communicate()
    assert str(run.pid) in world.lease().holder_identity
    world.cli.answers.clear()
    world.cli.answer("up", "Resources:\n    5 unchanged")
    began = time.monotonic()
    code, log = world.run()
    assert code == ExitCode.FINE, log
    assert time.monotonic() - began > 12
    assert world.lease().lease_transitions == 2
