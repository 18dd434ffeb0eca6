"""The simulated Coder's templates: what is unpacked, what a job finds, what may be promoted and archived."""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import Any

import pytest

from rotation.backends.transport import Request, Response, json_request
from rotation.testing.builders import HandClock
from sandbox.apis.coder import Coder
from tests.sandbox.tars import tar_of

MAIN = {"main.tf": 'resource "null_resource" "x" {}\n'}
TAR = "application/x-tar"


class Place:
    def __init__(self, **options: Any) -> None:
        self.server = Coder(HandClock(), seed=1, **options)
        self.server.add_user("templates", roles=("template-admin",))
        self.server.add_user("somebody", roles=())
        self.value = self.server.issue("templates", "by-hand", lifetime=timedelta(days=30))

    def ask(self, method: str, path: str, payload: object = None, value: str = "") -> Response:
        headers = {"coder-session-token": value or self.value}
        return self.server.handle(json_request(method, f"/api/v2{path}", payload, headers=headers))

    def upload(self, content: bytes, content_type: str = TAR) -> Response:
        headers = {"coder-session-token": self.value, "content-type": content_type}
        return self.server.handle(Request("POST", "/api/v2/files", {}, headers, content))

    def version(self, content: bytes, name: str = "one", **more: Any) -> Response:
        file = self.upload(content).json()["hash"]
        body = {"storage_method": "file", "file_id": file, "provisioner": "terraform", "name": name, **more}
        return self.ask("POST", "/organizations/default/templateversions", body)

    def built(self, content: bytes, name: str = "one", **more: Any) -> dict[str, Any]:
        version = self.version(content, name, **more).json()["id"]
        while self.ask("GET", f"/templateversions/{version}").json()["job"]["status"] in ("pending", "running"):
            pass
        return dict(self.ask("GET", f"/templateversions/{version}").json())

    def template(self, version: str, name: str = "docker") -> Response:
        return self.ask("POST", "/organizations/default/templates", {"name": name, "template_version_id": version})


@pytest.fixture
def place() -> Place:
    return Place()


def test_the_same_content_is_the_same_file(place: Place) -> None:
    """201 the first time, 200 with the same hash after; another content type is refused."""
    first, again = place.upload(tar_of(MAIN)), place.upload(tar_of(MAIN))
    assert (first.status, again.status, first.json()) == (201, 200, again.json())
    assert place.upload(b"x", "application/gzip").status == 400


def test_a_gzip_is_taken_and_fails_its_job(place: Place) -> None:
    """What seed 004 posts: nobody looks into it before the provisioner does."""
    job = place.built(gzip.compress(tar_of(MAIN)))["job"]
    assert (job["status"], "invalid tar header" in job["error"]) == ("failed", True)


def test_a_job_is_polled_to_its_end(place: Place) -> None:
    """Pending, running, then done; a variable that lacks a value is told by a code."""
    version = place.version(tar_of(MAIN)).json()
    assert version["job"]["status"] == "pending"
    seen = [place.ask("GET", f"/templateversions/{version['id']}").json()["job"]["status"] for _ in range(2)]
    assert seen == ["running", "succeeded"]
    needs = tar_of({"main.tf": 'variable "region" {\n}\n'})
    assert place.built(needs, "two")["job"]["error_code"] == "REQUIRED_TEMPLATE_VARIABLES"
    given = [{"name": "region", "value": "north"}]
    assert place.built(needs, "three", user_variable_values=given)["job"]["status"] == "succeeded"


def test_a_template_is_active_at_once_and_a_promotion_wants_a_build(place: Place) -> None:
    """The trap: made of a version whose job still runs, it is active all the same."""
    first = place.version(tar_of(MAIN)).json()["id"]
    template = place.template(first).json()
    assert template["active_version_id"] == first
    second = place.version(tar_of(MAIN), "two", template_id=template["id"]).json()["id"]
    promote = f"/templates/{template['id']}/versions"
    assert place.ask("PATCH", promote, {"id": second}).status == 403
    place.ask("GET", f"/templateversions/{second}")
    place.ask("GET", f"/templateversions/{second}")
    assert place.ask("PATCH", promote, {"active_version_id": second}).status == 404
    assert place.ask("PATCH", promote, {"id": second}).status == 200
    assert place.server.template("docker").active.id == second


def test_names_and_versions_are_refused_as_the_real_one_does(place: Place) -> None:
    """A name twice is 409 for a template and 500 for a version; a foreign or archived version is 400."""
    one = place.built(tar_of(MAIN))["id"]
    template = place.template(one).json()["id"]
    assert place.template(place.built(tar_of(MAIN), "other")["id"]).status == 409
    assert place.template(one, "second").status == 400
    assert place.version(tar_of(MAIN), "one", template_id=template).status == 500
    assert place.ask("POST", "/organizations/default/templateversions", {"file_id": "x"}).status == 404
    loose = place.built(tar_of(MAIN), "loose")["id"]
    assert place.ask("PATCH", f"/templates/{template}/versions", {"id": loose}).status == 400
    assert place.ask("POST", f"/templateversions/{loose}/archive").status == 200
    assert place.template(loose, "third").status == 400


def test_the_active_version_is_not_archived_and_a_running_job_is_cancelled(place: Place) -> None:
    """An archived version is in the list only for who asks; a job that is done cannot be stopped."""
    one = place.built(tar_of(MAIN))["id"]
    template = place.template(one).json()["id"]
    assert place.ask("POST", f"/templateversions/{one}/archive").status == 400
    two = place.version(tar_of(MAIN), "two", template_id=template).json()["id"]
    assert place.ask("PATCH", f"/templateversions/{two}/cancel").status == 200
    assert place.ask("PATCH", f"/templateversions/{two}/cancel").status == 412
    assert place.ask("POST", f"/templateversions/{two}/archive").status == 200
    assert [one["name"] for one in place.ask("GET", f"/templates/{template}/versions").json()] == ["one"]


def test_who_may_not_write_templates_sees_a_404(place: Place) -> None:
    """The server hides what it refuses; a template can be read by anybody who is signed in."""
    template = place.template(place.built(tar_of(MAIN))["id"]).json()["id"]
    other = place.server.issue("somebody", "mine")
    assert place.ask("PATCH", f"/templates/{template}/versions", {"id": "x"}, value=other).status == 404
    assert place.ask("GET", "/organizations/default/templates/docker", value=other).status == 200
    assert place.ask("GET", "/organizations/default/templates/none", value=other).status == 404
