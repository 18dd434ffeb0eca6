"""Validation against real and simulated servers: what works, what does not, and that nothing is changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest

from operations.exit_code import ExitCode
from rotation.backends.transport import Request, Response, json_response
from rotation.receipt import Waiting
from sandbox.apis.authentik import BOOTSTRAP_USER
from sandbox.faults import Fault
from sandbox.serve import mounted
from tests.operations.validation.world import CURRENT, DAY, EARLIER, RECEIPTS, ValidationWorld


def test_copies_that_work_are_told_as_such(world: ValidationWorld, url: str) -> None:
    """Every copy is read and used, with no more rights than `get` on named objects and a record of its own."""
    world.plan(url, world.secret("apps-admin"), world.secret("web-admin"))
    code, log = world.validate()
    record = world.record()
    assert code is ExitCode.FINE, log
    assert record.validated["admin"].works
    assert (record.job, record.runs, record.failures, record.exit_code) == ("validate", 1, 0, 0)
    assert record.last_success == world.now
    assert [line["event"] for line in log] == ["validation started", "token works", "validation finished"]
    assert world.events() == []


def test_a_wrong_value_in_one_place_is_found(world: ValidationWorld, url: str) -> None:
    """The place is named, and what stands elsewhere is not blamed, nor is the current generation called rejected."""
    world.plan(url, world.secret("apps-admin"), world.secret("web-admin", "nonsense"))
    code, _ = world.validate()
    found = world.record().validated["admin"]
    assert code is ExitCode.FAILED
    assert (found.works, found.rejected, len(found.causes)) == (False, False, 1)
    assert found.causes[0].startswith(f"kubernetesSecret:{world.namespace}/web-admin: it holds another value")
    assert "the backend refuses its value (HTTP 403" in found.causes[0]


def test_a_working_value_that_was_never_published_is_found(world: ValidationWorld, url: str) -> None:
    """A token that somebody put there by hand works, and is no published one."""
    other = world.authentik.issue(BOOTSTRAP_USER, "by-hand", expiring=False)
    world.plan(url, world.secret("apps-admin", other))
    assert world.validate()[0] is ExitCode.FAILED
    assert "it holds another value than was published" in world.causes()
    assert "(it works)" in world.causes()


def test_a_generation_that_differs_between_targets_is_found(world: ValidationWorld, url: str) -> None:
    """A copy that was not synced since the rotation holds what still works, and is told all the same."""
    late = world.secret("web-admin", world.earlier, previous="", generation=EARLIER)
    world.plan(url, world.secret("apps-admin"), late)
    assert world.validate()[0] is ExitCode.FAILED
    assert world.causes() == (
        f"kubernetesSecret:{world.namespace}/web-admin: it holds {EARLIER}, and the receipt names {CURRENT} (it works)"
    )


def test_a_refused_current_value_is_rejected(world: ValidationWorld, url: str) -> None:
    """Only this tells the next run that the backend no longer takes what was published."""
    world.plan(url, world.secret("apps-admin"))
    world.faults.refuse(403, path="/api/v3/core/users/me/", times=1)
    world.faults.refuse(403, path="/api/v3/core/users/me/", times=1)
    code, log = world.validate()
    found = world.record().validated["admin"]
    assert code is ExitCode.FAILED
    assert (found.generation, found.works, found.rejected) == (CURRENT, False, True)
    assert [line["rejected"] for line in log if line["event"] == "token does not work"] == [True]


def test_a_backend_that_is_away_is_no_refusal(world: ValidationWorld, url: str) -> None:
    """No answer says nothing of the value: it does not work as far as we know, and it is not rejected."""
    world.plan(url, world.secret("apps-admin"))
    world.faults.down = True
    code, _ = world.validate()
    found = world.record().validated["admin"]
    assert (code, found.works, found.rejected) == (ExitCode.FAILED, False, False)
    assert "its value could not be tried" in world.causes()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_a_proxy_is_no_refusal_of_the_backend(world: ValidationWorld, status: int) -> None:
    """A login page in front of the server must not make the next run mint a successor."""
    page = Response(status, {"content-type": "text/html"}, b"<html>please log in</html>")
    with mounted(lambda _request: page) as proxy:
        world.plan(proxy, world.secret("apps-admin"))
        world.validate()
    assert not world.record().validated["admin"].rejected
    assert f"HTTP {status} without the server's own words" in world.causes()


def test_a_server_that_never_answers_is_a_cause_and_not_a_hang(world: ValidationWorld) -> None:
    """The limit of the plan ends a probe, whatever the server does in the meantime."""
    released = threading.Event()

    def hang(_request: Request) -> Response:
        released.wait(30)
        return json_response(200, {})

    began = time.monotonic()
    with mounted(hang) as slow:
        world.plan(slow, world.secret("apps-admin"), timeout="1s")
        code, _ = world.validate()
        took = time.monotonic() - began
        released.set()
    assert code is ExitCode.FAILED
    assert "the backend gave no answer within 1s" in world.causes()
    assert took < 10


def test_the_command_ends_although_a_probe_hangs(world: ValidationWorld) -> None:
    """As a process of its own: JSON lines, code 1, and no thread that holds up the exit."""
    released = threading.Event()

    def hang(_request: Request) -> Response:
        released.wait(60)
        return json_response(200, {})

    place = f"{world.namespace}/{RECEIPTS}"
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(world.kubeconfig), "TOKEN_ROTATION_RECEIPTS": place}
    with mounted(hang) as slow:
        world.plan(slow, world.secret("apps-admin"), timeout="1s")
        command = [sys.executable, "-m", "operations", "validate", "--settle", "0s"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)
        released.set()
    assert (ended.returncode, ended.stderr) == (1, "")
    assert [json.loads(line)["event"] for line in ended.stdout.splitlines()] == [
        *("validation started", "token does not work", "validation finished")
    ]


def test_a_slow_server_is_waited_for_within_the_limit(world: ValidationWorld, url: str) -> None:
    """Slow is not dead."""
    world.faults.add(Fault("delay", path="/api/v3/core/users/me/", times=2, seconds=1.0))
    world.plan(url, world.secret("apps-admin"), timeout="20s")
    assert world.validate()[0] is ExitCode.FINE


def test_a_previous_value_that_died_before_its_time_is_found(world: ValidationWorld, url: str) -> None:
    """Whoever still holds it was promised that it works until the overlap ends."""
    world.plan(url, world.secret("apps-admin", previous="a-dead-one"))
    code, _ = world.validate()
    assert code is ExitCode.FAILED
    assert not world.record().validated["admin"].rejected
    assert "the backend refuses its previous value" in world.causes()
    assert "its overlap lasts until" in world.causes()


def test_a_previous_value_may_be_dead_after_its_overlap(world: ValidationWorld, url: str) -> None:
    """Past its deadline nothing is promised, although it still stands there until the next run."""
    past = Waiting(generation=EARLIER, deadline=world.now - DAY, published_at=world.now - 2 * DAY)
    world.receipt(superseded=(past,))
    world.plan(url, world.secret("apps-admin", previous="a-dead-one"))
    assert world.validate()[0] is ExitCode.FINE


def test_a_place_that_lacks_the_previous_value_is_found(world: ValidationWorld, url: str) -> None:
    """All places tell the same pair."""
    world.plan(url, world.secret("apps-admin"), world.secret("web-admin", previous=""))
    assert world.validate()[0] is ExitCode.FAILED
    place = f"kubernetesSecret:{world.namespace}"
    assert world.causes() == f"{place}/web-admin: it lacks the previous value, which {place}/apps-admin holds"


def test_a_copy_that_cannot_be_read_is_found(world: ValidationWorld, url: str) -> None:
    """A Secret that is gone, and one that the job may not read, are each told with their cause."""
    gone = {"kubernetesSecret": {"namespace": world.namespace, "name": "web-admin"}}
    world.plan(url, world.secret("apps-admin"), type(world.secret("foreign")).model_validate(gone))
    assert world.validate()[0] is ExitCode.FAILED
    assert "web-admin: it could not be read: there is no such Secret" in world.causes()
    forbidden = {"kubernetesSecret": {"namespace": world.namespace, "name": "foreign"}}
    world.plan(url, type(world.secret("other")).model_validate(forbidden))
    assert world.validate()[0] is ExitCode.FAILED
    assert "foreign: it could not be read: HTTP 403" in world.causes()


def test_a_fault_that_is_gone_at_the_second_look_is_none(world: ValidationWorld, url: str) -> None:
    """A run that was publishing, or a sync on its way, wakes nobody."""
    world.plan(url, world.secret("apps-admin"))
    world.faults.refuse(500, path="/api/v3/core/users/me/", times=8)
    code, log = world.validate(settle=timedelta(milliseconds=1))
    assert code is ExitCode.FINE
    assert "looking once more" in [line["event"] for line in log]
