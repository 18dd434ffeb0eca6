"""One unattended run: what it does about locks, what it tells, and the code it ends with."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from operations.exit_code import ExitCode
from operations.pulumi_process import Stop
from rotation.reasons import Action, Decision, Reason, reason_line
from tests.operations.conftest import Outcome
from tests.operations.scripted_cli import ScriptedCli

Run = Callable[..., Outcome]


def locked_by(pid: int, host: str = "", taken: datetime | None = None) -> str:
    """The CLI's refusal for a lock."""
    at = (taken or datetime.now(UTC)).isoformat()
    return (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end\n"
        f"  file:///state/.pulumi/locks/x.json: created by me@{host or socket.gethostname()} (pid {pid}) at {at}"
    )


def ended_process() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def events(log: list[dict[str, object]]) -> list[object]:
    """What the log tells, in order."""
    return [line["event"] for line in log]


def test_a_quiet_run_says_that_nothing_was_due(cli: ScriptedCli, run: Run) -> None:
    """A run that changes nothing ends with 0 and says so in its record."""
    cli.answer("up", "Resources:\n    15 unchanged")
    code, log = run()
    assert code is ExitCode.FINE
    assert log[-1]["changes"] == "nothing due"


def test_the_record_counts_what_changed(cli: ScriptedCli, run: Run) -> None:
    """A run that rotated tells how many resources it replaced and updated."""
    cli.answer("up", "Resources:\n    ~ 6 updated\n    +-2 replaced\n    8 changes. 7 unchanged")
    assert run()[1][-1]["changes"] == {"updated": 6, "replaced": 2}


def test_every_log_line_carries_the_run_id(cli: ScriptedCli, run: Run) -> None:
    """All log lines of a run are JSON with its id and its instant."""
    cli.answer("up", reason_line("admin", Decision(Action.ROTATE, Reason.MAXIMUM_AGE, "it is old")))
    _, log = run()
    assert {line["run"] for line in log} == {"run-1"}
    assert all(line["at"] == "2026-01-31T02:00:00Z" for line in log)


def test_a_decision_is_told_once(cli: ScriptedCli, run: Run) -> None:
    """The CLI prints a provider's line twice; the record tells the decision once, with token, action and reason."""
    line = reason_line("admin", Decision(Action.ROTATE, Reason.MAXIMUM_AGE, "it is old"))
    cli.answer("up", f" +  pulumi:pulumi:Stack x creating {line}\n    {line}")
    told = [entry for entry in run()[1] if entry["event"] == "decision"]
    assert [(entry["token"], entry["action"], entry["reason"]) for entry in told] == [("admin", "rotate", "MaximumAge")]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (Reason.STATE_IS_OLDER, ExitCode.NEEDS_A_PERSON),
        (Reason.LEDGER_FULL, ExitCode.NEEDS_A_PERSON),
        (Reason.REVOCATION_FAILED, ExitCode.NEEDS_A_PERSON),
        (Reason.NOTHING_TO_ROLL_BACK_TO, ExitCode.NEEDS_A_PERSON),
        (Reason.SECOND_WRITER, ExitCode.NEEDS_A_PERSON),
        (Reason.BOOTSTRAP_NEEDED, ExitCode.NEEDS_BOOTSTRAP),
        (Reason.BACKEND_UNREACHABLE, ExitCode.FAILED),
        (Reason.PREVIOUS_UNPUBLISHED, ExitCode.FAILED),
        (Reason.CLUSTER_AWAY, ExitCode.FAILED),
        (Reason.RENEWAL_GAINS_NOTHING, ExitCode.FINE),
    ],
)
def test_a_deferral_decides_the_exit_code(cli: ScriptedCli, run: Run, reason: Reason, expected: ExitCode) -> None:
    """A run that put something off does not end as if all were fine, although `pulumi up` succeeded."""
    cli.answer("up", reason_line("admin", Decision(Action.DEFER, reason, "why")))
    assert run()[0] is expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("error: InvalidSettings: read token-rotation:tokens: this key is unknown.", ExitCode.REFUSED_INPUT),
        ("error: getting secrets manager: incorrect passphrase", ExitCode.REFUSED_INPUT),
        ("error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE", ExitCode.REFUSED_INPUT),
        ("error: Unavailable: mint wifi-passphrase at authentik: HTTP 500.", ExitCode.FAILED),
        ("error: no stack named 'homelab' found", ExitCode.REFUSED_INPUT),
        ("error: Unavailable: mint admin at vault: no answer.", ExitCode.FAILED),
    ],
)
def test_bad_input_has_an_exit_code_of_its_own(cli: ScriptedCli, run: Run, output: str, expected: ExitCode) -> None:
    """Refused input ends with 2 and anything else that fails with 1."""
    cli.answer("up", output, code=255)
    assert run()[0] is expected


def test_a_wrong_passphrase_is_told_with_its_remedy(cli: ScriptedCli, run: Run) -> None:
    """A person who reads the record learns which variable holds the passphrase."""
    cli.answer("up", "error: getting secrets manager: incorrect passphrase", code=255)
    told = [line for line in run()[1] if "remedy" in line]
    assert "PULUMI_CONFIG_PASSPHRASE" in str(told[0]["remedy"])


def test_the_lock_of_a_live_process_is_respected(cli: ScriptedCli, run: Run) -> None:
    """A lock whose process runs is left alone: exit code 4, and nothing is cancelled."""
    cli.answer("up", locked_by(os.getpid(), taken=datetime.now(UTC) + timedelta(hours=1)), code=255)
    code, _ = run()
    assert code is ExitCode.LOCKED
    assert [call[0] for call in cli.calls()] == ["up"]


def test_the_lock_of_another_machine_is_respected(cli: ScriptedCli, run: Run) -> None:
    """Nothing can be known of a process elsewhere, so its lock counts as live."""
    cli.answer("up", locked_by(ended_process(), host="another-host"), code=255)
    assert run()[0] is ExitCode.LOCKED
    assert [call[0] for call in cli.calls()] == ["up"]


def test_one_live_lock_among_stale_ones_is_enough_to_wait(cli: ScriptedCli, run: Run) -> None:
    """Locks are broken together or not at all."""
    live = locked_by(os.getpid(), taken=datetime.now(UTC) + timedelta(hours=1))
    cli.answer("up", f"{locked_by(ended_process())}\n{live}", code=255)
    assert run()[0] is ExitCode.LOCKED
    assert [call[0] for call in cli.calls()] == ["up"]


def test_a_stale_lock_is_broken_after_the_longest_call(cli: ScriptedCli, run: Run) -> None:
    """The lock of a dead run of this machine is broken once its last call must have ended; then the run goes on."""
    cli.answer("up", locked_by(ended_process()), code=255)
    cli.answer("up", "Resources:\n    + 5 created")
    waited: list[float] = []
    code, log = run(waited)
    assert code is ExitCode.FINE
    assert waited == [30.0]
    assert [call[0] for call in cli.calls()] == ["up", "cancel", "up"]
    assert log[-1]["changes"] == {"created": 5}


def test_a_reused_process_number_does_not_keep_a_lock_alive(cli: ScriptedCli, run: Run) -> None:
    """A process that began after the lock was taken is not the one that took it: the lock goes, the process stays."""
    stranger = subprocess.Popen(["sleep", "300"], start_new_session=True)
    cli.answer("up", locked_by(stranger.pid, taken=datetime(2020, 1, 1, tzinfo=UTC)), code=255)
    cli.answer("up", "Resources:\n    5 unchanged")
    code, _ = run()
    survived = stranger.poll() is None
    stranger.kill()
    stranger.wait()
    assert (code, survived) == (ExitCode.FINE, True)


def test_what_a_dead_run_left_behind_is_ended_first(cli: ScriptedCli, run: Run) -> None:
    """A provider that outlived its CLI could still mint, so its session is ended before the lock is broken."""
    script = ["bash", "-c", "set -m; sleep 300 >/dev/null & echo $!"]  # a group of its own, as the CLI's plugins have
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True, start_new_session=True) as leader:
        assert leader.stdout is not None
        orphan = int(leader.stdout.read())
    cli.answer("up", locked_by(leader.pid), code=255)
    cli.answer("up", "")
    run()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _is_running(orphan):
        time.sleep(0.05)
    assert not _is_running(orphan)


def test_a_stale_lock_that_cannot_be_broken_is_a_failure(cli: ScriptedCli, run: Run) -> None:
    """Nobody lives behind it, so nobody else leaves a record of what happened here."""
    cli.answer("up", locked_by(ended_process()), code=255)
    del cli.answers["cancel"]
    cli.answer("cancel", "error: 503", code=255)
    code, log = run([])
    assert code is ExitCode.FAILED, log
    assert "the stale lock could not be broken" in events(log)
    assert "stale lock broken" not in events(log)


def test_a_run_that_takes_too_long_is_ended_with_its_children(cli: ScriptedCli, run: Run) -> None:
    """A run past its limit is ended and counts as failed."""
    cli.answer("up", "", seconds=60)
    code, log = run(limit=timedelta(seconds=1))
    assert code is ExitCode.FAILED
    assert "pulumi was ended" in events(log)


def _is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_published_secret_that_is_gone_is_made_anew(cli: ScriptedCli, run: Run) -> None:
    """Only a refresh tells the engine that an object is gone: the run does one more `up`, with it, and no third."""
    gone = reason_line("admin", Decision(Action.REPAIR, Reason.PUBLICATION_MISSING, "the Secret apps/admin is gone"))
    cli.answer("up", gone)
    cli.answer("up", f"{gone}\nResources:\n    + 1 created")
    code, log = run()
    assert (code, log[-1]["changes"]) == (ExitCode.FINE, {"created": 1})
    assert ["--refresh" in call for call in cli.calls()] == [False, True]


UNREACHABLE = reason_line("admin", Decision(Action.DEFER, Reason.BACKEND_UNREACHABLE, "no answer"))


def test_what_heals_is_tried_once_more(cli: ScriptedCli, run: Run) -> None:
    """A backend that was away for a moment costs a pause and no rotation; the run ends as the second attempt did."""
    cli.answer("up", UNREACHABLE)
    cli.answer("up", "Resources:\n    + 5 created")
    waited: list[float] = []
    code, log = run(waited)
    assert (code, waited, log[-1]["changes"]) == (ExitCode.FINE, [30.0], {"created": 5})
    assert "run failed and is tried again" in events(log)


def test_what_does_not_heal_is_tried_as_often_as_asked(cli: ScriptedCli, run: Run) -> None:
    """Two attempts where nothing else is said, and then the next run's turn."""
    cli.answer("up", "error: Unavailable: mint admin at vault: no answer.", code=255)
    assert run()[0] is ExitCode.FAILED
    assert len(cli.calls()) == 2
    assert run(attempts=3)[0] is ExitCode.FAILED
    assert len(cli.calls()) == 5


@pytest.mark.parametrize(
    ("output", "code", "expected"),
    [
        ("error: InvalidSettings: read token-rotation:tokens: this key is unknown.", 255, ExitCode.REFUSED_INPUT),
        (reason_line("admin", Decision(Action.DEFER, Reason.LEDGER_FULL, "16")), 255, ExitCode.NEEDS_A_PERSON),
        (reason_line("admin", Decision(Action.DEFER, Reason.BACKEND_REFUSES, "HTTP 403")), 0, ExitCode.FAILED),
        (reason_line("coder", Decision(Action.DEFER, Reason.BOOTSTRAP_NEEDED, "")), 255, ExitCode.NEEDS_BOOTSTRAP),
        (locked_by(os.getpid(), host="another-host"), 255, ExitCode.LOCKED),
        ("", 0, ExitCode.FINE),
    ],
)
def test_what_would_end_the_same_way_is_not_tried_again(
    cli: ScriptedCli, run: Run, output: str, code: int, expected: ExitCode
) -> None:
    """Refused input, a full ledger, a refused credential, somebody's lock: a second attempt helps none of them."""
    cli.answer("up", output, code=code)
    assert run()[0] is expected
    assert len(cli.calls()) == 1


def test_no_attempt_begins_that_the_limit_would_end(cli: ScriptedCli, run: Run) -> None:
    """The limit is for the run as a whole: where the pause and as much again do not fit, it is left to the next run."""
    cli.answer("up", UNREACHABLE)
    assert run(limit=timedelta(seconds=50))[0] is ExitCode.FAILED
    assert len(cli.calls()) == 1


def test_a_run_that_was_stopped_starts_nothing_more(cli: ScriptedCli, run: Run) -> None:
    """After the Lease is lost no other `pulumi` begins, not even the one that would break a lock."""
    stop = Stop()
    stop()
    cli.answer("up", "")
    assert run(stop=stop)[0] is ExitCode.FAILED
    assert cli.calls() == []


def test_a_retirement_targets_ledgers_sweeps_and_keepers(cli: ScriptedCli, run: Run) -> None:
    """Everything else is left as it is, and what only a whole run may mend is left to that."""
    cli.answer("up", "warning: 1 pending operations\nResources:\n    ~ 1 updated")
    assert run(only_retire=True)[0] is ExitCode.FINE
    (call,) = cli.calls()
    assert [call[number + 1] for number, word in enumerate(call) if word == "--target"] == [
        "**:Retirement::*",
        "**:Sweep::*",
        "**:OperatorKeeper::*",
    ]


def test_a_lock_of_another_host_is_broken_when_its_run_is_known_to_be_over(cli: ScriptedCli, run: Run) -> None:
    """What the Lease knows of a host and an instant decides, and the wait for its last call stays."""
    taken = datetime(2026, 1, 31, 1, tzinfo=UTC)
    cli.answer("up", locked_by(1, host="pod-a", taken=taken), code=255)
    cli.answer("up", "")
    waited: list[float] = []
    code, _ = run(waited, was_over=lambda host, at: (host, at) == ("pod-a", taken))
    assert (code, waited) == (ExitCode.FINE, [30.0])
    assert [call[0] for call in cli.calls()] == ["up", "cancel", "up"]
