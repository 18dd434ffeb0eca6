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
from tests.end_to_end.coder_stack import ADMIN, WEEK, CoderStack, beside_coder
from tests.end_to_end.stack import Stack
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


def test_a_folder_is_followed(coder: CoderStack) -> None:
    """In the very run that mints the first token; later only where its files changed; a failure changes nothing."""
    stack, server = coder.stack, coder.coder
    _write(coder, MAIN)
    stack.set("coder_templates", {"docker": {"token": "coder-admin", "folder": "workspace"}})
    previewed = stack.preview()
    assert "token-rotation: docker: deploy (TemplateChanged)" in previewed.output
    finished = stack.up()
    first = server.template("docker")
    assert first.active.status == "succeeded"
    assert f"version {first.active.name} is active" in finished.output
    assert "1 files, " in finished.output
    record = _record(coder)
    assert (record["version"], record["deployments"], record["failures"]) == (first.active.name, 1, 0)
    assert (record["files"], record["bytes"], record["error"]) == (1, len(first.active.content), "")
    stack.up("--expect-no-changes")
    assert server.calls["POST", "/files"] == 1

    _write(coder, MAIN + "# changed\n")
    assert "~ digest" in stack.preview("--diff").output
    stack.up()
    second = server.template("docker")
    assert [version.name for version in second.versions] == [first.active.name, second.active.name]

    server.fail_next_job("exit status 1: no such module")
    _write(coder, "this is no Terraform\n")
    ended = scheduled_run(stack, "1s")
    assert ended.returncode == ExitCode.FAILED, ended.stdout
    assert "no such module" in ended.stdout
    assert server.template("docker").active.name == second.active.name
    record = _record(coder)
    assert record["failures"] == 1
    assert "no such module" in record["error"]
    assert record["version"] == second.active.name

    _write(coder, MAIN + "# changed\n")
    stack.up()
    assert server.template("docker").active.name == second.active.name, "it was built before"
    stack.set(
        "coder_templates", {"docker": {"token": "coder-admin", "folder": "workspace", "active": first.active.name}}
    )
    assert "token-rotation: docker: rollback (RollbackRequested)" in stack.preview().output
    stack.up()
    assert server.template("docker").active.name == first.active.name
    stack.up("--expect-no-changes")
    assert not [text for text in (json.dumps(_record(coder)),) if stack.secret(coder.secret)["token"] in text]


def test_a_config_map_is_followed_and_a_slip_by_hand_is_put_right(coder: CoderStack) -> None:
    """Its entries are the files; another version that a person made active is told and put aside again."""
    stack, server = coder.stack, coder.coder
    place = {"namespace": stack.namespace, "name": "coder-template-files"}
    stack.set("coder_templates", {"docker": {"token": "coder-admin", "configMap": {"namespace": stack.namespace}}})
    missing = scheduled_run(stack, "1s")
    assert missing.returncode != ExitCode.FINE
    assert f"there is no ConfigMap {stack.namespace}/coder-template-files" in missing.stdout
    assert coder.coder.accepts(stack.secret(coder.secret)["token"]), "the token was minted all the same"
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
