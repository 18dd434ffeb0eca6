"""Template versions of the simulated Coder: what is taken, how a job goes, how it is stopped, what is hidden."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from rotation.backends.transport import json_request
from tests.sandbox.coder_world import MAIN, CoderWorld, a_tar, told

GONE = (404, "Resource not found or you do not have access to this resource")
TAR = a_tar({"main.tf": MAIN})
CREATE = "/organizations/default/templateversions"


@pytest.fixture
def coder() -> CoderWorld:
    return CoderWorld()


def _after(coder: CoderWorld, version: str, looks: int) -> list[str]:
    return [coder.job(version)["status"] for _ in range(looks)]


@pytest.mark.parametrize("polls", [1, 2, 5])
def test_a_job_waits_then_runs_then_ends(polls: int) -> None:
    """It goes on a step with each look, and stays what it became."""
    coder = CoderWorld(job_polls=polls)
    answer = coder.ask_version()
    assert (answer.status, answer.json()["job"]["status"]) == (201, "pending")
    assert _after(coder, answer.json()["id"], polls + 1) == ["running"] * (polls - 1) + ["succeeded"] * 2


def test_a_version_tells_what_it_is(coder: CoderWorld) -> None:
    """Its name is found when none is given; one of no template has the id of nothing as its template."""
    version = coder.ask_version(name="1.0_a", message="by hand").json()
    assert (version["name"], version["message"], version["archived"]) == ("1.0_a", "by hand", False)
    assert version["template_id"] == "00000000-0000-0000-0000-000000000000"
    assert version["job"]["id"] != version["id"]
    assert coder.ask_version().json()["name"]
    (first, _) = coder.server.loose_versions()
    assert first.content == TAR


def test_a_job_that_fails_says_why(coder: CoderWorld) -> None:
    """An error that was ordered strikes the next version and no other; a folder without Terraform fails by itself."""
    coder.server.fail_next_job("exit status 1: no such module")
    failed, fine, empty = coder.built(), coder.built(), coder.built(a_tar({"README.md": "x"}))
    job = coder.job(failed)
    assert (job["status"], job["error"]) == ("failed", "exit status 1: no such module")
    assert coder.job(fine)["status"] == "succeeded"
    assert coder.job(empty)["status"] == "failed"
    assert "error" not in coder.job(fine)


VARIABLES = """
variable "region" {
  type = object({ name = string })
  validation {
    condition     = true
    error_message = "none"
  }
}
variable "size" {
  validation { condition = true }
  default = 1
}
  variable "zone" { type = string }
"""


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({}, "region, zone"),
        ({"region": "north"}, "zone"),
        ({"region": "", "zone": "a", "unknown": "ignored"}, ""),
    ],
)
def test_a_variable_needs_a_default_or_a_value(coder: CoderWorld, given: dict[str, str], lacking: str) -> None:
    """Else the job fails with a code of its own and the names; values of variables that are not there are ignored."""
    values = [{"name": name, "value": value} for name, value in given.items()]
    job = coder.job(coder.built(a_tar({"main.tf": MAIN, "vars.tf": VARIABLES}), user_variable_values=values))
    wanted = ("failed", "REQUIRED_TEMPLATE_VARIABLES") if lacking else ("succeeded", None)
    assert (job["status"], job.get("error_code")) == wanted
    assert job.get("error", "").removeprefix("required template variables need values: ") == lacking


def test_a_modules_variables_are_its_own(coder: CoderWorld) -> None:
    """Only the files at the top are the template; those in folders are called by it."""
    content = a_tar({"./main.tf": MAIN, "modules/net/main.tf": 'variable "cidr" {}'})
    assert coder.job(coder.built(content))["status"] == "succeeded"
    below = a_tar({"template/main.tf": MAIN})
    assert coder.job(coder.built(below))["status"] == "failed"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"file_id": str(uuid.UUID(int=7))}, (404, "File not found.")),
        ({"template_id": str(uuid.UUID(int=7))}, (404, "Template does not exist.")),
        ({"example_id": "docker"}, (400, "You cannot specify both an example_id and a file_id.")),
        ({"file_id": None}, (400, "Validation failed.")),
        ({"storage_method": None}, (400, "Validation failed.")),
        ({"provisioner": "pulumi"}, (400, "Validation failed.")),
        ({"name": "no spaces"}, (400, "Validation failed.")),
        ({"name": "x" * 65}, (400, "Validation failed.")),
        ({"user_variable_values": [{"key": "a"}]}, (400, "Request body must be valid JSON.")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_request_that_does_not_fit_makes_no_version(
    coder: CoderWorld, changed: dict[str, Any], message: tuple[int, str]
) -> None:
    """Each has its status, and nothing is left of it."""
    assert told(coder.ask_version(**changed)) == message
    assert coder.server.loose_versions() == []


def test_a_name_is_taken_within_a_template(coder: CoderWorld) -> None:
    """409 for a second version of one template; in another, and while they belong to none, names may be alike."""
    first, second = coder.built(name="one"), coder.built(name="one")
    template = coder.template("docker", first)
    refused = coder.ask_version(name="one", template_id=template)
    assert told(refused) == (409, 'A template version with name "one" already exists for this template.')
    other = coder.template("podman", second)
    assert coder.ask_version(name="two", template_id=other).status == 201


def test_another_members_file_is_not_there(coder: CoderWorld) -> None:
    """One's own and, for who writes templates, anybody's can be built."""
    file = coder.upload(TAR, by="root").json()["hash"]
    fields = {"storage_method": "file", "file_id": file, "provisioner": "terraform"}
    assert told(coder.call("POST", CREATE, fields, by="ann")) == (404, "File not found.")
    assert coder.call("POST", CREATE, fields, by="maker").status == 201


def test_a_member_may_upload_and_build_nothing(coder: CoderWorld) -> None:
    """The server finds out when it writes the version, and says so with 500."""
    assert coder.upload(TAR, by="ann").status == 201
    refused = coder.ask_version(by="ann")
    assert told(refused) == (500, "Internal error creating template version.")
    assert refused.json()["detail"].endswith("forbidden")


def test_a_job_that_waits_is_canceled_at_once(coder: CoderWorld) -> None:
    """Whoever looks sees it; one that runs is `canceling` first."""
    waiting, running = coder.version(), coder.version()
    coder.job(running)
    for version in (waiting, running):
        answer = coder.call("PATCH", f"/templateversions/{version}/cancel", by="maker")
        assert told(answer) == (200, "Job has been marked as canceled...")
    assert _after(coder, waiting, 1) == ["canceled"]
    assert _after(coder, running, 3) == ["canceling", "canceled", "canceled"]


def test_a_job_is_canceled_once(coder: CoderWorld) -> None:
    """Again is 412, and so it is for one that has ended."""
    running, ended = coder.version(), coder.built()
    coder.job(running)
    coder.call("PATCH", f"/templateversions/{running}/cancel", by="maker")
    again = coder.call("PATCH", f"/templateversions/{running}/cancel", by="maker")
    assert told(again) == (412, "Job has already been marked as canceled!")
    late = coder.call("PATCH", f"/templateversions/{ended}/cancel", by="maker")
    assert told(late) == (412, "Job has already completed!")


def test_inside_what_was_stopped_has_stopped(coder: CoderWorld) -> None:
    """The provisioner needs nobody's look for it."""
    version = coder.version()
    coder.job(version)
    coder.call("PATCH", f"/templateversions/{version}/cancel", by="maker")
    assert [one.status for one in coder.server.loose_versions()] == ["canceled"]


def test_archiving_hides_a_version(coder: CoderWorld) -> None:
    """Its template lists it only when asked to; by its id and its name it is there; unarchiving undoes it."""
    template = coder.template()
    second = coder.built(template_id=template, name="second")
    path, listing = f"/templateversions/{second}", f"/templates/{template}/versions"
    archived = coder.call("POST", f"{path}/archive", by="maker")
    assert (archived.status, archived.json()) == (200, f'template version "{second}" archived')
    assert len(coder.call("GET", listing, by="maker").json()) == 1
    assert len(coder.call("GET", listing, by="maker", include_archived="true").json()) == 2
    assert coder.call("GET", f"{listing}/second", by="maker").json()["archived"]
    again = coder.call("POST", f"{path}/archive", by="maker")
    assert told(again) == (400, "Template version already archived")
    assert coder.call("POST", f"{path}/unarchive", by="maker").status == 200
    assert len(coder.call("GET", listing, by="maker").json()) == 2
    assert told(coder.call("POST", f"{path}/unarchive", by="maker")) == (400, "Template version already unarchived")


def test_a_version_of_no_template_cannot_be_archived(coder: CoderWorld) -> None:
    """400: it stands in no list anyway."""
    for version in (coder.built(), coder.version()):
        refused = coder.call("POST", f"/templateversions/{version}/archive", by="maker")
        assert told(refused) == (400, "Cannot archive template versions not associate with a template.")


def test_what_is_in_use_cannot_be_archived(coder: CoderWorld) -> None:
    """The active version, and one whose job waits or runs: 500. A failed one can."""
    active = coder.built()
    template = coder.template("docker", active)
    waiting, running = coder.version(template_id=template), coder.version(template_id=template)
    coder.job(running)
    for version in (active, waiting, running):
        refused = coder.call("POST", f"/templateversions/{version}/archive", by="maker")
        assert told(refused) == (500, "Internal error fetching template version.")
        assert "the version is likely in use" in refused.json()["detail"]
    coder.server.fail_next_job("no")
    failed = coder.built(template_id=template)
    assert coder.call("POST", f"/templateversions/{failed}/archive", by="maker").status == 200


def test_a_version_of_no_template_is_its_authors(coder: CoderWorld) -> None:
    """A member reads versions of templates only, and stops or hides none."""
    loose = coder.built()
    assert told(coder.call("GET", f"/templateversions/{loose}", by="ann")) == GONE
    coder.template("docker", loose)
    assert coder.call("GET", f"/templateversions/{loose}", by="ann").status == 200
    for method, act in (("PATCH", "cancel"), ("POST", "archive"), ("POST", "unarchive")):
        assert told(coder.call(method, f"/templateversions/{loose}/{act}", by="ann")) == GONE


def test_an_id_is_a_uuid(coder: CoderWorld) -> None:
    """Another text is 400, an unknown one 404."""
    assert told(coder.call("GET", "/templateversions/first")) == (400, 'Invalid UUID "first".')
    assert told(coder.call("GET", f"/templateversions/{uuid.UUID(int=7)}")) == GONE


def test_all_of_it_needs_a_credential(coder: CoderWorld) -> None:
    """A call without one is 401, whatever it asks for."""
    for method, path in (("POST", "/files"), ("POST", CREATE), ("GET", f"/templateversions/{uuid.UUID(int=7)}")):
        assert coder.server.handle(json_request(method, f"/api/v2{path}", {})).status == 401
