"""Templates that follow their files, through the real CLI: created, unchanged, updated, failing, rolled back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from kubernetes import client

from operations.exit_code import ExitCode
from rotation.backends.transport import json_request
from tests.end_to_end.coder_stack import ADMIN, TOKEN, WEEK, CoderStack, beside_coder
from tests.end_to_end.stack import POLICY, Stack
from tests.end_to_end.unattended import scheduled_run

MAIN = 'resource "null_resource" "x" {}\n'


@pytest.fixture
def coder(stack: Stack) -> Iterator[CoderStack]:
    """A Coder with a user, whose token the first run makes by itself."""
    with beside_coder(stack) as made:
        made.declare(policy=WEEK, bootstrap=made.logs_in_by_itself())
        yield made


def _write(coder: CoderStack, text: str) -> None:
    folder = coder.stack.project / "workspace"
    folder.mkdir(exist_ok=True)
    (folder / "main.tf").write_text(text)


def _record(coder: CoderStack) -> dict[str, Any]:
    return coder.stack.receipt("template.docker") or {}


def _refuse_values(coder: CoderStack) -> None:
    """No value stands in what is told or stored of the template."""
    value = coder.stack.secret(coder.secret)["token"]
    assert value not in json.dumps([_record(coder), coder.stack.resources()["docker-template"]])


def _follow_folder(coder: CoderStack, **template: str) -> None:
    coder.stack.set("coder_templates", {"docker": {"token": TOKEN, "folder": "workspace", **template}})


def test_a_folder_is_followed(coder: CoderStack) -> None:
    """From the very run that mints the first token; later only where its files changed, and back when asked."""
    stack, server = coder.stack, coder.coder
    _write(coder, MAIN)
    _follow_folder(coder)
    assert "token-rotation: docker: deploy (TemplateChanged)" in stack.preview().output
    finished = stack.up()
    first = server.template("docker").active
    assert first.status == "succeeded"
    assert f"docker: 1 file, {len(first.content)} bytes, built in " in finished.output
    assert f"version {first.name} is active" in finished.output
    record = _record(coder)
    assert (record["version"], record["deployments"], record["failures"]) == (first.name, 1, 0)
    assert (record["files"], record["bytes"], record["error"]) == (1, len(first.content), "")
    told = stack.outputs_of("docker-template")
    assert (told["version"], told["version_name"], told["files"]) == (first.id, first.name, 1)
    stack.up("--expect-no-changes")
    assert server.calls["POST", "/files"] == 1

    _write(coder, MAIN + "# changed\n")
    assert "~ digest" in stack.preview("--diff").output
    stack.up()
    second = server.template("docker").active
    assert [version.name for version in server.template("docker").versions] == [first.name, second.name]

    _follow_folder(coder, active=first.name)
    assert "token-rotation: docker: rollback (RollbackRequested)" in stack.preview().output
    stack.up()
    assert server.template("docker").active.name == first.name
    _write(coder, MAIN + "# not wanted now\n")
    stack.up("--expect-no-changes")
    assert server.calls["POST", "/files"] == 2
    _refuse_values(coder)

    stack.set("coder_templates", None)
    stack.up()
    assert server.template("docker").active.name == first.name, "what leaves the stack stays at the server"
    assert _record(coder) == {}


def test_a_template_that_fails_fails_alone(coder: CoderStack) -> None:
    """The active version stays, nothing of the other can be used, and the run's other resources go on."""
    stack, server = coder.stack, coder.coder
    _write(coder, MAIN)
    _follow_folder(coder)
    stack.up()
    first = server.template("docker").active
    server.fail_next_job("exit status 1: no such module")
    _write(coder, MAIN + "# broken\n")
    coder.declare(policy=WEEK, bootstrap=coder.logs_in_by_itself(), admin={"backend": "authentik", "policy": POLICY})
    ended = scheduled_run(stack, "1s")
    assert ended.returncode == ExitCode.FAILED, ended.stdout
    decided = '"reason": "TemplateFailed", "message": "build the template docker: exit status 1: no such module"'
    assert decided in ended.stdout
    assert stack.authentik.accepts(stack.secret("admin")["token"])
    look = server.template("docker")
    assert look.active.name == first.name
    assert [version.name for version in look.versions if not version.archived] == [first.name]
    record = _record(coder)
    assert (record["failures"], record["version"]) == (1, first.name)
    assert record["error"] == "build the template docker: exit status 1: no such module"
    _write(coder, MAIN)
    assert "token-rotation: docker: repair (TemplateChanged)" in stack.up().output
    assert _record(coder)["error"] == ""
    stack.up("--expect-no-changes")


def test_a_config_map_is_followed_and_a_slip_by_hand_is_put_right(coder: CoderStack) -> None:
    """Its entries are the files; another version that a person made active is told and put aside again."""
    stack, server = coder.stack, coder.coder
    place = {"namespace": stack.namespace, "name": "coder-template-files"}
    stack.set("coder_templates", {"docker": {"token": TOKEN, "configMap": {"namespace": stack.namespace}}})
    missing = scheduled_run(stack, "1s")
    assert missing.returncode == ExitCode.FAILED
    assert f"there is no ConfigMap {stack.namespace}/coder-template-files" in missing.stdout
    assert server.accepts(stack.secret(coder.secret)["token"]), "the token was minted all the same"
    with stack.cluster.admin_client() as api:
        core = client.CoreV1Api(api)
        body = {"metadata": {"name": place["name"]}, "data": {"main.tf": MAIN, "modules__net.tf": "# net\n"}}
        core.create_namespaced_config_map(stack.namespace, body)
    stack.up()
    wanted = server.template("docker").active.name
    with stack.cluster.admin_client() as api:
        client.CoreV1Api(api).patch_namespaced_config_map(
            place["name"], stack.namespace, {"data": {"main.tf": MAIN + "# second\n"}}
        )
    stack.up()
    newest = server.template("docker").active.name
    assert newest != wanted

    person = server.issue(ADMIN, "in-the-browser", lifetime=timedelta(days=1))
    _promote(coder, person, wanted)
    finished = stack.up()
    assert "token-rotation: docker: repair (DriftFound)" in finished.output
    assert server.template("docker").active.name == newest


def _promote(coder: CoderStack, value: str, version: str) -> None:
    look = coder.coder.template("docker")
    (chosen,) = [one for one in look.versions if one.name == version]
    request = json_request(
        "PATCH", f"/api/v2/templates/{look.id}/versions", {"id": chosen.id}, headers={"coder-session-token": value}
    )
    assert coder.coder.handle(request).status == 200
