"""A job and those who asked to be told: when, what, and what becomes of it when nobody listens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.exit_code import ExitCode
from rotation.backends.transport import Response
from rotation.reasons import Action, Decision, Reason, reason_line
from sandbox.servers.kubernetes import KubernetesServer
from tests.operations.job_world import JobWorld, new_job_world
from tests.operations.webhook_world import KEY, Receiver, receiving

ROTATED = reason_line("admin", Decision(Action.ROTATE, Reason.NEARING_EXPIRY, "it ends at 2026-03-05T02:00:00Z"))
UNREVOKED = reason_line("admin", Decision(Action.DEFER, Reason.REVOCATION_FAILED, "x could not be ended"))
QUIET = "Resources:\n    15 unchanged"


@pytest.fixture
def world(tmp_path: Path, kubernetes_server: KubernetesServer) -> JobWorld:
    """A namespace with a free Lease and nothing recorded."""
    return new_job_world(tmp_path, kubernetes_server)


@pytest.fixture
def receiver(world: JobWorld) -> Iterator[Receiver]:
    """A webhook that the stack's settings name."""
    with receiving() as made:
        world.put_settings(notification_enabled="true", notification_webhook=made.url)
        yield made


def runs(world: JobWorld, output: str, job: str = "run") -> int:
    """One run of a CLI that prints this; what it logs never holds the webhook's key."""
    world.cli.answers.clear()
    world.cli.answer("up", output)
    code, log = world.run(job)
    assert KEY not in json.dumps(log)
    return code


def test_a_rotation_is_told_and_a_quiet_run_is_not(world: JobWorld, receiver: Receiver) -> None:
    """The notification says which stack and job, what was decided of which token, and why."""
    assert runs(world, QUIET) == ExitCode.FINE
    assert receiver.taken == []
    assert runs(world, ROTATED) == ExitCode.FINE
    (body,) = map(json.loads, receiver.bodies)
    assert body["title"] == "token-rotation homelab: rotate done"
    assert body["lines"] == ["admin: rotate (NearingExpiry): it ends at 2026-03-05T02:00:00Z"]
    assert (body["grave"], body["outcome"], body["exit_code"]) == (False, "fine", 0)


def test_what_needs_a_person_is_grave(world: JobWorld, receiver: Receiver) -> None:
    """It is told each day until it is settled."""
    assert [runs(world, UNREVOKED) for _ in range(2)] == [ExitCode.NEEDS_A_PERSON] * 2
    bodies = [json.loads(body) for body in receiver.bodies]
    assert [(body["title"], body["grave"]) for body in bodies] == [
        ("token-rotation homelab: rotate needs a person", True)
    ] * 2


def test_the_hourly_job_tells_of_one_trouble_once(world: JobWorld, receiver: Receiver) -> None:
    """The daily one repeats it; an hourly repetition would teach people to look away."""
    assert [runs(world, UNREVOKED, "retire") for _ in range(2)] == [ExitCode.NEEDS_A_PERSON] * 2
    assert len(receiver.taken) == 1


def test_a_webhook_that_is_down_fails_no_rotation_and_is_told_later(world: JobWorld, receiver: Receiver) -> None:
    """The run ends as it would have, the record keeps the text without the url, and the next run sends it first."""
    receiver.faults.down = True
    assert runs(world, ROTATED) == ExitCode.FINE
    record = world.record()
    assert record is not None
    assert [text.splitlines()[0] for text in record.undelivered] == ["token-rotation homelab: rotate done"]
    assert KEY not in record.model_dump_json()

    receiver.faults.clear()
    assert runs(world, QUIET) == ExitCode.FINE
    (body,) = map(json.loads, receiver.bodies)
    assert body["title"].startswith("(told late) token-rotation homelab: rotate done")
    record = world.record()
    assert record is not None
    assert record.undelivered == ()


def test_settings_that_cannot_be_read_leave_those_of_the_environment(world: JobWorld) -> None:
    """Without the Secret, the variables of the job itself count, and the log says so."""
    with receiving() as receiver:
        world.environment["TOKEN_ROTATION_SETTINGS"] = f"{world.namespace}/gone"
        world.environment["NOTIFICATION_WEBHOOK"] = receiver.url
        assert runs(world, ROTATED) == ExitCode.FINE
    assert len(receiver.taken) == 1


def test_what_waits_is_kept_where_nobody_knows_who_is_to_be_told(world: JobWorld, receiver: Receiver) -> None:
    """The Secret of the settings cannot be read for once: neither what waits nor what happened now is forgotten."""
    receiver.faults.down = True
    runs(world, ROTATED)
    receiver.faults.clear()
    place = world.environment["TOKEN_ROTATION_SETTINGS"]
    world.environment["TOKEN_ROTATION_SETTINGS"] = f"{world.namespace}/gone"
    runs(world, UNREVOKED)
    record = world.record()
    assert record is not None
    assert [text.splitlines()[0].rpartition(": ")[2] for text in record.undelivered] == [
        "rotate done",
        "rotate needs a person",
    ]
    world.environment["TOKEN_ROTATION_SETTINGS"] = place
    runs(world, QUIET)
    assert len(receiver.taken) == 2


def test_a_webhook_that_answers_nonsense_fails_no_run(world: JobWorld, receiver: Receiver) -> None:
    """An answer that cannot be decoded counts as none; the run ends as it would have, with its record."""
    receiver.answer = Response(200, {"content-encoding": "gzip"}, b"no gzip at all")
    assert runs(world, ROTATED) == ExitCode.FINE
    record = world.record()
    assert record is not None
    assert len(record.undelivered) == 1
