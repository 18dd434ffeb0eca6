"""What a validation leaves behind: nothing but its record, an Event and a notification; and what it is told to do."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
from kubernetes import client

from operations.exit_code import ExitCode
from rotation.backends.transport import Request, Response, json_response
from rotation.testing.secrecy import reveals
from sandbox.apis.authentik import BOOTSTRAP_USER
from sandbox.serve import mounted
from tests.operations.validation.world import RECEIPTS, ValidationWorld


def test_validation_changes_nothing(world: ValidationWorld, url: str) -> None:
    """After a validation that fails, every object but its own record is the same object."""
    world.plan(url, world.secret("apps-admin"), world.secret("web-admin", "nonsense"))
    before = world.versions()
    asked = dict(world.authentik.calls)
    world.validate()
    after = world.versions()
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {f"{RECEIPTS}-runs"}
    more = {call for call, count in world.authentik.calls.items() if count != asked.get(call, 0)}
    assert {method for method, _ in more} == {"GET"}


def test_each_count_goes_on_from_the_last_record(world: ValidationWorld, url: str) -> None:
    """Failures are counted by token and by run, and a success takes none of them back."""
    world.plan(url, world.secret("apps-admin"))
    world.faults.down = True
    world.validate()
    world.validate()
    world.faults.down = False
    world.validate()
    record = world.record()
    assert (record.runs, record.failures, record.tokens["admin"].validation_failures) == (3, 2, 2)
    assert record.validated["admin"].works


def test_a_failure_is_an_event_on_the_receipts(world: ValidationWorld, url: str) -> None:
    """`kubectl describe` of the receipts tells which token and why."""
    world.plan(url, world.secret("apps-admin", "nonsense"))
    _, log = world.validate()
    assert "an Event was not taken" not in [line["event"] for line in log], log
    (event,) = world.events()
    assert (event.reason, event.type, event.regarding.name) == ("ValidationFailed", "Warning", RECEIPTS)
    assert event.note.startswith("admin: kubernetesSecret:")


def test_a_failure_is_notified_and_waits_while_nobody_takes_it(
    world: ValidationWorld, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A webhook that is down changes no exit code; the next validation sends what waits, and its own."""
    taken: list[str] = []

    def take(request: Request) -> Response:
        taken.append(request.json()["text"])
        return json_response(200, {})

    world.plan(url, world.secret("apps-admin", "nonsense"))
    with mounted(take) as webhook:
        monkeypatch.setenv("NOTIFICATION_WEBHOOK", f"{webhook}/planted-key-of-the-webhook")
    assert world.validate()[0] is ExitCode.FAILED
    assert len(world.record().undelivered) == 1
    with mounted(take) as webhook:
        monkeypatch.setenv("NOTIFICATION_WEBHOOK", f"{webhook}/planted-key-of-the-webhook")
        _, log = world.validate()
    assert len(taken) == 2
    assert "1 of 1 tokens failed validation" in taken[0]
    assert world.record().undelivered == ()
    assert "planted-key" not in json.dumps(log) + world.record().model_dump_json()


def test_no_value_is_told(world: ValidationWorld, url: str) -> None:
    """Neither record, nor log, nor Event holds a value, in whatever form, also where a server echoes it."""
    world.authentik.issue(BOOTSTRAP_USER, "stray", expiring=False)
    strange = f"planted-value-{secrets.token_hex(16)}"
    world.plan(url, world.secret("apps-admin", strange, previous=strange[::-1]))
    echo = json_response(403, {"detail": f"the key {strange} is invalid"})
    with mounted(lambda _request: echo) as echoing:
        world.plan(echoing, world.secret("web-admin", strange))
        _, log = world.validate()
    told = json.dumps(log) + world.record().model_dump_json() + str(world.events())
    assert "[credential]" in told
    assert not [value for value in (strange, world.value, world.earlier) if reveals(told, value)]


def test_switched_off_it_says_so_and_is_fine(world: ValidationWorld, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """VALIDATION_ENABLED=false reads no copy, tells it, and ends with 0."""
    monkeypatch.setenv("VALIDATION_ENABLED", "false")
    world.plan(url, world.secret("apps-admin", "nonsense"))
    code, log = world.validate()
    assert code is ExitCode.FINE
    assert (log[0]["event"], log[0]["source"]) == ("validation is switched off", "environment")
    assert world.record().validated == {}
    assert world.authentik.calls == {}


def test_the_plan_switches_it_off_where_no_setting_speaks(world: ValidationWorld, url: str) -> None:
    """A stack whose preferences say so is not validated, also by a job that knows no settings."""
    world.plan(url, world.secret("apps-admin", "nonsense"), enabled=False)
    assert world.validate()[1][0]["event"] == "validation is switched off"


def test_the_limit_of_the_settings_counts(world: ValidationWorld, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """validation_timeout of the Secret of the settings goes before that of the plan."""
    sources = {"token-rotation/sources": json.dumps({"validation_timeout": "1Password item"})}
    body = client.V1Secret(
        metadata=client.V1ObjectMeta(name="settings", annotations=sources), string_data={"validation_timeout": "7s"}
    )
    world.core.create_namespaced_secret(world.namespace, body)
    monkeypatch.setenv("TOKEN_ROTATION_SETTINGS", f"{world.namespace}/settings")
    world.plan(url, world.secret("apps-admin"))
    assert world.validate()[1][0]["limit"] == "7s"


def test_a_token_without_a_receipt_is_told(world: ValidationWorld, url: str) -> None:
    """What works may still be what nobody published."""
    world.config_map(RECEIPTS, {})
    world.plan(url, world.secret("apps-admin"))
    assert world.validate()[0] is ExitCode.FAILED
    assert world.causes() == "there is no receipt that tells what was published"
    assert world.record().validated["admin"].generation == ""


@pytest.mark.parametrize("plan", ["", "{}", '{"tokens": {"admin": {"surprise": 1}}}'])
def test_a_plan_that_cannot_be_read_is_refused_input(world: ValidationWorld, plan: str) -> None:
    """The code is 2 and the line names the ConfigMap and the remedy."""
    world.config_map(f"{RECEIPTS}-validation", {"plan.json": plan} if plan else {})
    code, log = world.validate()
    assert code is ExitCode.REFUSED_INPUT
    assert f"{world.namespace}/{RECEIPTS}-validation" in log[0]["cause"]
    assert "pulumi up" in log[0]["remedy"]


def test_an_api_server_that_is_away_is_a_failure(world: ValidationWorld, tmp_path: Path) -> None:
    """It is no refused input: the next validation may find it again."""
    text = world.kubeconfig.read_text()
    port = text.partition("https://127.0.0.1:")[2].split()[0]
    away = tmp_path / "away"
    away.write_text(text.replace(f"127.0.0.1:{port}", "127.0.0.1:1"))
    world.kubeconfig = away
    code, log = world.validate()
    assert code is ExitCode.FAILED
    assert "no answer" in log[0]["cause"]
