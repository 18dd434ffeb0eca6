"""Templates of the simulated Coder: made of a version, promoted, described, deleted."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.sandbox.coder_world import CoderWorld, told

GONE = (404, "Resource not found or you do not have access to this resource")
CREATE = "/organizations/default/templates"


@pytest.fixture
def coder() -> CoderWorld:
    return CoderWorld()


def _create(coder: CoderWorld, *, by: str = "maker", **fields: Any) -> Any:
    return coder.call("POST", CREATE, fields, by=by)


def _promote(coder: CoderWorld, template: str, body: object) -> Any:
    return coder.call("PATCH", f"/templates/{template}/versions", body, by="maker")


def test_a_template_is_made_of_a_version(coder: CoderWorld) -> None:
    """Which is active and belongs to it from then on; it is found by its name in any case, and by its id."""
    version = coder.built(name="first")
    made = _create(coder, name="docker", template_version_id=version, description="A container", icon="/i.svg")
    assert (made.status, made.json()["active_version_id"]) == (201, version)
    assert (made.json()["description"], made.json()["icon"]) == ("A container", "/i.svg")
    for path in (f"{CREATE}/DOCKER", f"/templates/{made.json()['id']}", "/organizations/coder/templates/docker"):
        assert coder.call("GET", path, by="ann").json() == made.json()
    assert coder.call("GET", f"/templateversions/{version}").json()["template_id"] == made.json()["id"]
    look = coder.server.template("docker")
    assert (look.active.name, [one.id for one in look.versions]) == ("first", [version])
    assert coder.server.loose_versions() == []


def test_a_version_is_active_before_it_is_built(coder: CoderWorld) -> None:
    """A template may be made of a version whose job waits; it stays active when the job fails."""
    coder.server.fail_next_job("no")
    version = coder.version()
    template = coder.template("docker", version)
    assert coder.call("GET", f"/templates/{template}").json()["active_version_id"] == version
    while coder.job(version)["status"] != "failed":
        pass
    assert coder.server.template("docker").active.status == "failed"


def test_a_template_that_is_not_there(coder: CoderWorld) -> None:
    """404 by its name and by its id: the switch between making and changing one."""
    assert told(coder.call("GET", f"{CREATE}/docker", by="maker")) == GONE
    assert told(coder.call("GET", f"/templates/{uuid.UUID(int=7)}", by="maker")) == GONE
    assert told(coder.call("GET", "/organizations/elsewhere/templates/docker", by="maker")) == GONE
    with pytest.raises(KeyError, match="docker"):
        coder.server.template("docker")


def test_a_name_is_taken_once(coder: CoderWorld) -> None:
    """409, before the version is looked at; in another case it is the same name."""
    coder.template("docker")
    refused = _create(coder, name="Docker", template_version_id=str(uuid.UUID(int=7)))
    assert told(refused) == (409, 'Template with name "Docker" already exists.')


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "a b"}, {"name": "x" * 33}, {"description": "x" * 128}])
def test_names_and_descriptions_have_their_limits(coder: CoderWorld, fields: dict[str, str]) -> None:
    """400 with the field: 32 letters, digits and dashes, and fewer than 128 characters."""
    refused = _create(coder, **{"name": "docker", "template_version_id": coder.built(), **fields})
    assert told(refused) == (400, "Validation failed.")
    assert [one["field"] for one in refused.json()["validations"]] == list(fields)


def test_a_version_makes_one_template(coder: CoderWorld) -> None:
    """400 for one that belongs to a template, 404 for one that is not there or not seen."""
    version = coder.built()
    coder.template("docker", version)
    assert told(_create(coder, name="second", template_version_id=version)) == (
        400,
        f"Template version {version} is already part of a template",
    )
    absent = str(uuid.UUID(int=7))
    assert told(_create(coder, name="second", template_version_id=absent)) == (
        404,
        f'Template version "{absent}" does not exist.',
    )
    assert _create(coder, by="ann", name="second", template_version_id=coder.built()).status == 404


def test_a_version_is_promoted_by_its_id(coder: CoderWorld) -> None:
    """The body's field is `id`; the one that was active before stays in the list, oldest first."""
    template = coder.template("docker", coder.built(name="first"))
    second = coder.built(template_id=template, name="second")
    assert told(_promote(coder, template, {"active_version_id": second})) == (400, "Validation failed.")
    assert told(_promote(coder, template, {"id": second})) == (200, "Updated the active template version!")
    assert coder.call("GET", f"/templates/{template}").json()["active_version_id"] == second
    listed = coder.call("GET", f"/templates/{template}/versions", by="ann").json()
    assert [version["name"] for version in listed] == ["first", "second"]


def test_only_what_was_built_is_promoted(coder: CoderWorld) -> None:
    """403 while its job waits or runs, and when it failed or was canceled; the active version stays."""
    first = coder.built()
    template = coder.template("docker", first)
    waiting, running, canceled = (coder.version(template_id=template) for _ in range(3))
    coder.job(running)
    coder.call("PATCH", f"/templateversions/{canceled}/cancel", by="maker")
    coder.server.fail_next_job("no")
    failed = coder.built(template_id=template)
    states = {waiting: "pending", running: "running", failed: "failed", canceled: "canceled"}
    for version, state in states.items():
        refused = _promote(coder, template, {"id": version})
        assert told(refused) == (403, "Only versions that have been built successfully can be promoted.")
        assert refused.json()["detail"] == f"Attempted to promote a version with a {state} build"
    assert coder.server.template("docker").active.id == first


def test_a_version_of_elsewhere_is_not_promoted(coder: CoderWorld) -> None:
    """400 for another template's and for one of none, 404 for one that is not there, 400 for an archived one."""
    template = coder.template("docker")
    stranger = "The provided template version doesn't belong to the specified template."
    for version in (coder.server.template("docker").active.id, coder.built()):
        other = coder.template(f"other-{version[:8]}")
        assert told(_promote(coder, other, {"id": version})) == (400, stranger)
    assert told(_promote(coder, template, {"id": str(uuid.UUID(int=7))})) == (404, "Template version not found.")
    hidden = coder.built(template_id=template)
    coder.call("POST", f"/templateversions/{hidden}/archive", by="maker")
    assert told(_promote(coder, template, {"id": hidden})) == (400, "The provided template version is archived.")


def test_a_version_is_found_by_its_name(coder: CoderWorld) -> None:
    """Within its template."""
    template = coder.template("docker", coder.built(name="first"))
    found = coder.call("GET", f"/templates/{template}/versions/first", by="maker").json()
    assert found["id"] == coder.server.template("docker").active.id
    refused = coder.call("GET", f"/templates/{template}/versions/second", by="maker")
    assert told(refused) == (404, 'No template version found by name "second".')


def test_a_change_leaves_what_it_does_not_name(coder: CoderWorld) -> None:
    """Since May 2026; the answer is the whole template, also when nothing changed."""
    template = coder.template("docker", icon="/i.svg", default_ttl_ms=1000)
    for _ in range(2):
        changed = coder.call("PATCH", f"/templates/{template}", {"description": "new"}, by="maker")
        assert changed.status == 200
        told_of = changed.json()
        assert (told_of["name"], told_of["description"], told_of["icon"]) == ("docker", "new", "/i.svg")
        assert (told_of["default_ttl_ms"], told_of["allow_user_autostart"]) == (1000, True)
    assert coder.server.template("docker").fields["description"] == "new"


def test_on_an_older_server_a_change_resets_what_it_does_not_name() -> None:
    """All but the name: users may no longer start and stop by themselves. What changes nothing is an empty 304."""
    coder = CoderWorld(patches_whole=True)
    template = coder.template("docker", icon="/i.svg", default_ttl_ms=1000)
    changed = coder.call("PATCH", f"/templates/{template}", {"description": "new"}, by="maker").json()
    assert (changed["name"], changed["description"], changed["icon"]) == ("docker", "new", "")
    assert (changed["default_ttl_ms"], changed["allow_user_autostart"]) == (0, False)
    same = coder.call("PATCH", f"/templates/{template}", {"name": "docker", "description": "new"}, by="maker")
    assert (same.status, same.body) == (304, b"")


def test_a_template_is_renamed_to_a_free_name(coder: CoderWorld) -> None:
    """409 for another's name."""
    template = coder.template("docker")
    coder.template("podman")
    refused = coder.call("PATCH", f"/templates/{template}", {"name": "podman"}, by="maker")
    assert told(refused) == (409, 'Template with name "podman" already exists.')
    assert coder.call("PATCH", f"/templates/{template}", {"name": "crio"}, by="maker").json()["name"] == "crio"


def test_a_deleted_template_is_gone_and_its_name_free(coder: CoderWorld) -> None:
    """Nobody finds it, nothing is added to it; its versions are still there by their ids, in no other template."""
    version = coder.built()
    template = coder.template("docker", version)
    gone = coder.call("DELETE", f"/templates/{template}", by="maker")
    assert told(gone) == (200, "Template has been deleted!")
    for method, path in (
        ("GET", f"/templates/{template}"),
        ("DELETE", f"/templates/{template}"),
        ("GET", f"/templates/{template}/versions"),
        ("GET", f"{CREATE}/docker"),
    ):
        assert told(coder.call(method, path, by="maker")) == GONE
    assert told(coder.ask_version(template_id=template)) == (404, "Template does not exist.")
    assert coder.call("GET", f"/templateversions/{version}", by="maker").status == 200
    assert coder.call("POST", f"/templateversions/{version}/archive", by="maker").status == 500, "it was active"
    assert _create(coder, name="docker", template_version_id=version).status == 400
    assert coder.template("docker") != template


def test_a_member_changes_nothing(coder: CoderWorld) -> None:
    """It sees a template and its versions; changing, promoting and deleting are 404."""
    template = coder.template("docker")
    version = coder.server.template("docker").active.id
    assert coder.call("GET", f"/templates/{template}", by="ann").status == 200
    for method, path, body in (
        ("PATCH", f"/templates/{template}", {"description": "x"}),
        ("PATCH", f"/templates/{template}/versions", {"id": version}),
        ("DELETE", f"/templates/{template}", None),
    ):
        assert told(coder.call(method, path, body, by="ann")) == GONE
