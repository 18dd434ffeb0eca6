"""A template as the engine sees it: what a dry run shows, what a run does, and what is told afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dynamic_providers.verbs import VerbError
from rotation.errors import ClusterAway
from tests.dynamic_providers.template_world import MAIN, PLACE, TemplateWorld

BROKEN = "this is no Terraform\n"


@pytest.fixture
def world(tmp_path: Path) -> TemplateWorld:
    """A folder with one file; nothing has run."""
    made = TemplateWorld(tmp_path / "docker")
    made.write()
    return made


def _reasons(world: TemplateWorld) -> list[str]:
    return [line.split("(")[1].split(")")[0] for line in world.said if line.startswith("token-rotation: docker: ")]


def test_a_dry_run_tells_and_does_nothing(world: TemplateWorld) -> None:
    """That it will be deployed, and why; the server is not asked to change anything."""
    assert world.preview()
    assert world.said == ["token-rotation: docker: deploy (TemplateChanged): this stack has not deployed it"]
    assert sum(world.server.calls.values()) == 0
    assert world.cluster.entries == {}


def test_a_run_deploys_and_tells_of_it(world: TemplateWorld) -> None:
    """Files, bytes, seconds and version stand in the output, in the outputs and in the record."""
    world.up()
    look, state = world.server.template("docker"), world.state or {}
    size = len(look.active.content)
    facts = f"1 file, {size} bytes, built in 0.5 s"
    assert f"token-rotation: the template docker: {facts}; version {look.active.name} is active" in world.said
    told = {name: state[name] for name in ("template", "version", "version_name", "files", "bytes", "job_seconds")}
    expected = {"template": look.id, "version": look.active.id, "version_name": look.active.name}
    assert told == {**expected, "files": 1, "bytes": size, "job_seconds": 0.5}
    record = world.record
    assert (record.version, record.digest) == (world.active, state["digest"])
    assert record.deployed_at == world.clock().replace(microsecond=0)
    assert (record.files, record.bytes, record.job_seconds) == (1, size, 0.5)
    assert (record.deployments, record.failures, record.error) == (1, 0, "")


def test_nothing_that_is_told_holds_the_token(world: TemplateWorld) -> None:
    """Neither state nor record nor output."""
    world.up()
    assert world.value not in json.dumps(world.state) + str(world.cluster.entries) + str(world.said)


def test_the_same_content_is_no_change(world: TemplateWorld) -> None:
    """One look at what is active, and nothing else; files that were only touched are the same."""
    world.up()
    before = world.server.calls.copy()
    (world.folder / "main.tf").touch()
    assert not world.up()
    assert world.server.calls - before == {("GET", "/organizations/{org}/templates/{name}"): 1}
    assert world.said == []


def test_a_change_is_a_new_version_and_counted(world: TemplateWorld) -> None:
    """The dry run shows the digest; the version before stays in the list."""
    world.up()
    first = world.active
    world.later()
    world.write(MAIN + "# more\n")
    assert world.up()
    assert _reasons(world) == ["TemplateChanged"]
    assert [version.name for version in world.server.template("docker").versions] == [first, world.active]
    assert world.record.deployments == 2


def test_variables_are_part_of_the_content(world: TemplateWorld) -> None:
    """Another value is another version."""
    world.up(variables={"region": "north"})
    first = world.active
    world.later()
    assert world.up(variables={"region": "south"})
    assert world.active != first


def test_a_failure_is_told_counted_and_leaves_the_active_version(world: TemplateWorld) -> None:
    """Its record keeps the version that is active, and says why the last attempt failed; success clears that."""
    world.up()
    first, stored = world.active, world.state
    world.later()
    world.write(BROKEN)
    world.server.fail_next_job("exit status 1: no such module")
    with pytest.raises(VerbError, match="build the template docker at coder: exit status 1: no such module"):
        world.up()
    assert _reasons(world) == ["TemplateChanged", "TemplateFailed"]
    assert (world.active, world.state) == (first, stored)
    record = world.record
    assert (record.version, record.deployments, record.failures) == (first, 1, 1)
    assert record.error == "build the template docker: exit status 1: no such module"
    assert record.failed_at == world.clock().replace(microsecond=0)
    world.later()
    world.write(MAIN + "# repaired\n")
    world.up()
    assert (world.record.error, world.record.failures, world.record.deployments) == ("", 1, 2)


def test_files_that_cannot_be_packed_are_told_by_the_act_alone(world: TemplateWorld) -> None:
    """A check that raised would end the run for all; the dry run tells it, and each run tries again."""
    world.up()
    (world.folder / "passwd").symlink_to("/etc/passwd")
    assert world.preview()
    assert _reasons(world) == ["TemplateFailed"]
    for failures in (1, 2):
        with pytest.raises(VerbError, match=r"UnfitTemplate: pack the template docker at coder: .*is a link"):
            world.up()
        assert world.record.failures == failures
    (world.folder / "passwd").unlink()
    assert world.up(), "what was told is taken back"
    assert (world.record.error, world.record.failures, world.record.deployments) == ("", 2, 1)
    assert not world.up(), "what is active is of this content"


def test_a_failure_that_was_taken_back_is_told_no_more(world: TemplateWorld) -> None:
    """The files are again what is active: nothing is built, and the record's error, and with it the alert, goes."""
    world.up()
    first, uploads = world.active, world.server.calls["POST", "/files"]
    world.later()
    world.write(BROKEN)
    world.server.fail_next_job("no such module")
    with pytest.raises(VerbError, match="no such module"):
        world.up()
    world.write()
    assert world.preview()
    assert world.up()
    assert (world.record.error, world.active) == ("", first)
    assert world.server.calls["POST", "/files"] == uploads + 1
    assert not world.up()


def test_a_record_that_was_damaged_begins_anew(world: TemplateWorld) -> None:
    """It only counts: no deployment fails for it, and no failure is hidden by it."""
    world.up()
    for text, wrong in ((MAIN + "# more\n", ""), (BROKEN, "no such module")):
        world.cluster.entries["template.docker"] = '{"template": 1'
        world.later()
        world.write(text)
        if wrong:
            world.server.fail_next_job(wrong)
            with pytest.raises(VerbError, match=wrong):
                world.up()
        else:
            world.up()
    assert (world.record.deployments, world.record.failures) == (0, 1)


def test_a_config_map_is_a_source(world: TemplateWorld) -> None:
    """Text and binary entries are its files; one that is not there yet is told, and found by a later run."""
    source = {"folder": "", "config_map": "coder/coder-template-files"}
    with pytest.raises(VerbError, match=r"ClusterError: .*there is no ConfigMap coder/coder-template-files"):
        world.up(**source)
    world.cluster.config_maps["coder/coder-template-files"] = {"main.tf": MAIN.encode(), "icon.png": b"\x89PNG\x00"}
    world.up()
    assert (world.state or {})["files"] == 2


def test_a_cluster_that_is_away_fails_what_is_read_from_it(world: TemplateWorld) -> None:
    """Its cause is told, not that of the record which could not be written either."""
    world.cluster.config_maps["coder/files"] = {"main.tf": MAIN.encode()}
    world.cluster.fail = {"look": ClusterAway, "write": ClusterAway}
    with pytest.raises(VerbError, match="ClusterAway: look the template docker at coder: the test asked for it"):
        world.up(folder="", config_map="coder/files")


@pytest.mark.parametrize("value", ["", "placeholder-2026-01-01T12:00:00Z"])
def test_without_a_published_token_nothing_is_sent(world: TemplateWorld, value: str) -> None:
    """A placeholder is no token either; the error names the place."""
    world.cluster.publish(PLACE, {"token": value} if value else {})
    with pytest.raises(VerbError, match=f"no token can be read at {PLACE}"):
        world.up()
    assert sum(world.server.calls.values()) == 0
    assert world.record.failures == 1


def test_the_token_is_taken_as_it_stands_published_now(world: TemplateWorld) -> None:
    """A rotation in the same run was published before; the value before it may be dead."""
    world.up()
    fresh = world.server.issue("templates", "fresh")
    world.ask("DELETE", f"/users/templates/keys/{world.value.partition('-')[0]}")
    world.cluster.publish(PLACE, {"token": fresh})
    world.later()
    world.write(MAIN + "# more\n")
    assert world.up()
    assert world.record.deployments == 2


def test_an_earlier_version_is_made_active_and_held(world: TemplateWorld) -> None:
    """While the config asks for it nothing is uploaded, whatever the files say; then they are followed again."""
    world.up()
    first = world.active
    world.later()
    world.write(MAIN + "# second\n")
    world.up()
    second, uploads = world.active, world.server.calls["POST", "/files"]
    assert world.up(active=first)
    assert _reasons(world) == ["RollbackRequested"]
    assert f"nothing was uploaded; version {first} is active" in world.said[-1]
    assert (world.active, world.record.version, world.record.digest) == (first, first, "")
    world.write(MAIN + "# third\n")
    assert not world.up()
    assert world.server.calls["POST", "/files"] == uploads
    world.write(MAIN + "# second\n")
    assert world.up(active="")
    assert world.active == second, "it was built before"
    assert world.server.calls["POST", "/files"] == uploads


def test_an_unknown_version_is_refused(world: TemplateWorld) -> None:
    """By its name; the active one stays."""
    world.up()
    first = world.active
    with pytest.raises(VerbError, match="docker has no version yesterday"):
        world.up(active="yesterday")
    assert world.active == first


def test_what_somebody_else_made_active_is_put_aside(world: TemplateWorld) -> None:
    """It is told in the dry run, and ours is active again without an upload; also while a version is held."""
    world.up()
    first = world.active
    world.later()
    world.write(MAIN + "# second\n")
    world.up()
    second, uploads = world.active, world.server.calls["POST", "/files"]
    world.promote(first)
    assert world.preview()
    assert world.active == first
    assert world.up()
    assert _reasons(world) == ["DriftFound"]
    assert f"version {first} is active, and {second} is wanted" in world.said[0]
    assert (world.active, world.record.deployments) == (second, 2)
    world.up(active=first)
    world.promote(second)
    assert world.up()
    assert world.active == first
    assert world.server.calls["POST", "/files"] == uploads


def test_a_template_that_was_removed_is_made_again(world: TemplateWorld) -> None:
    """The state still names it; the server does not."""
    world.up()
    world.ask("DELETE", f"/templates/{world.server.template('docker').id}")
    world.later()
    assert world.up()
    assert "the server does not have it" in world.said[0]
    assert world.server.template("docker").active.status == "succeeded"


def test_a_server_that_does_not_tell_is_no_drift(world: TemplateWorld) -> None:
    """A template whose files are the same is no reason for a run to fail."""
    world.up()
    world.faults.down = True
    assert not world.up()


def test_a_state_that_was_lost_builds_nothing(world: TemplateWorld) -> None:
    """The version of the same content is found at the server."""
    world.up()
    first, world.state = world.active, None
    world.later()
    world.up()
    assert world.active == first
    assert "built before" in world.said[-1]


def test_what_is_told_beside_the_content_follows_the_config(world: TemplateWorld) -> None:
    """A description alone is no new version; what was left out of the config stays as a person set it."""
    world.up()
    first = world.active
    world.ask("PATCH", f"/templates/{world.server.template('docker').id}", {"icon": "/by-hand.png"})
    assert world.up(description="A container")
    look = world.server.template("docker")
    assert (look.fields["description"], look.fields["icon"], look.active.name) == ("A container", "/by-hand.png", first)
    assert (world.record.deployments, world.record.job_seconds) == (1, 0.5)


def test_a_template_that_leaves_the_stack_stays_at_the_server(world: TemplateWorld) -> None:
    """Workspaces may have been made of it; only what we told of it goes."""
    world.up()
    first = world.active
    world.remove()
    assert world.active == first
    assert world.cluster.entries == {}
