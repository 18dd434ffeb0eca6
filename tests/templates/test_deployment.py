"""A deployment at a simulated Coder: built before it is active, once for the same content, no rest of a failure."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.backends.api_client import ApiClient
from rotation.backends.coder_api import client
from rotation.errors import Refused, Unauthorised, Unavailable
from rotation.templates.archive import Archive, File, pack
from rotation.templates.deployment import Templates, Wanted
from rotation.testing.builders import HandClock
from sandbox.apis.coder import Coder
from sandbox.faults import Faults

DOCKER = Wanted("docker", description="A container")
MAIN = File("main.tf", b'resource "null_resource" "x" {}\n')


class Place:
    """A server, an administrator of its templates, and a clock that sleeping moves."""

    def __init__(self, **options: int) -> None:
        self.clock = HandClock()
        self.server = Coder(self.clock, seed=1, **options)  # type: ignore[arg-type]
        self.server.add_user("templates", roles=("template-admin",))
        self.value = self.server.issue("templates", "by-hand", lifetime=timedelta(days=30))
        self.faults = Faults(self.server.handle, sleep=lambda _seconds: None)
        self.templates = Templates(self._client(self.value), self.clock, self._sleep)

    def _client(self, value: str) -> ApiClient:
        return client("coder", self.faults, value, self.clock)

    def _sleep(self, seconds: float) -> None:
        self.clock.move(timedelta(seconds=seconds))

    def versions(self) -> list[str]:
        return [version.name for version in self.server.template("docker").versions if not version.archived]


def _content(text: str = "") -> Archive:
    return pack([MAIN, File("README.md", text.encode())])


def test_the_first_deployment_makes_a_template_of_a_version_that_was_built() -> None:
    """Its version has succeeded, is active, belongs to the template, and is named after its content."""
    place = Place(job_polls=4)
    deployed = place.templates.deploy(DOCKER, _content())
    look = place.server.template("docker")
    assert (look.active.id, look.active.status) == (deployed.version, "succeeded")
    assert look.active.name == deployed.name
    assert deployed.name.endswith(_content().digest[:12])
    assert look.fields["description"] == "A container"
    assert deployed.job_seconds > 0
    assert place.server.loose_versions() == []


def test_a_change_becomes_a_version_and_is_made_active() -> None:
    """The template stays the same one; the version before stays in its list."""
    place = Place()
    first = place.templates.deploy(DOCKER, _content())
    second = place.templates.deploy(DOCKER, _content("changed"))
    assert second.template == first.template
    assert place.server.template("docker").active.name == second.name
    assert place.versions() == [first.name, second.name]


def test_the_same_content_is_built_once() -> None:
    """What was built before is made active again, also when another was active in between, and without a state."""
    place = Place()
    first = place.templates.deploy(DOCKER, _content())
    place.templates.deploy(DOCKER, _content("changed"))
    assert place.templates.deploy(DOCKER, _content()).version == first.version
    assert place.server.template("docker").active.id == first.version
    assert len(place.versions()) == 2
    assert place.server.calls["POST", "/files"] == 2


def test_other_variables_are_another_version() -> None:
    """A value that is not given fails the build, by its name; one that is given is part of what a version is."""
    place = Place()
    needs = pack([File("main.tf", b'variable "region" {\n  type = string\n}\n')])
    with pytest.raises(Refused, match=r"region \(REQUIRED_TEMPLATE_VARIABLES\)"):
        place.templates.deploy(DOCKER, needs)
    north = place.templates.deploy(Wanted("docker", variables={"region": "north"}), needs)
    south = place.templates.deploy(Wanted("docker", variables={"region": "south"}), needs)
    assert north.version != south.version


def test_a_build_that_fails_leaves_the_active_version_and_nothing_of_itself() -> None:
    """The failed version is archived: in no list, and never to be promoted."""
    place = Place()
    first = place.templates.deploy(DOCKER, _content())
    place.server.fail_next_job("exit status 1: module not found")
    with pytest.raises(Refused, match="module not found") as refused:
        place.templates.deploy(DOCKER, _content("broken"))
    assert "the active version was left as it is" in str(refused.value)
    assert place.server.template("docker").active.id == first.version
    assert place.versions() == [first.name]


def test_a_first_build_that_fails_makes_no_template() -> None:
    """There is no template then, and its version is archived."""
    place = Place()
    place.server.fail_next_job("no")
    with pytest.raises(Refused):
        place.templates.deploy(DOCKER, _content())
    assert place.templates.active(DOCKER) is None
    assert [version.archived for version in place.server.loose_versions()] == [True]


def test_a_job_that_does_not_end_is_cancelled() -> None:
    """After the time limit its job is stopped, and nothing of it stays to be used."""
    place = Place(job_polls=10_000)
    with pytest.raises(Unavailable, match="within 30s"):
        place.templates.deploy(Wanted("docker", time_limit=timedelta(seconds=30)), _content())
    assert [(one.status, one.archived) for one in place.server.loose_versions()] == [("canceled", True)]


def test_an_earlier_version_comes_back_by_its_name() -> None:
    """A roll-back uploads and builds nothing; a name that is not there is refused."""
    place = Place()
    first = place.templates.deploy(DOCKER, _content())
    place.templates.deploy(DOCKER, _content("changed"))
    before = dict(place.server.calls)
    assert place.templates.roll_back(DOCKER, first.name).version == first.version
    assert place.server.template("docker").active.id == first.version
    with pytest.raises(Refused, match="has no version yesterday"):
        place.templates.roll_back(DOCKER, "yesterday")
    for path in ("/files", "/organizations/{org}/templateversions"):
        assert place.server.calls["POST", path] == before["POST", path]


@pytest.mark.parametrize(
    "path", ["/api/v2/files", "/api/v2/organizations/default/templateversions", "/api/v2/templates"]
)
def test_a_lost_answer_makes_nothing_twice(path: str) -> None:
    """An upload, a version or a promotion whose answer is lost is found, and the deployment ends well."""
    place = Place()
    place.templates.deploy(DOCKER, _content())
    place.faults.lose_answer(path=f"/api/v2{path}")
    second = place.templates.deploy(DOCKER, _content("changed"))
    assert place.server.template("docker").active.id == second.version
    assert len(place.versions()) == 2


def test_a_template_whose_creation_got_no_answer_is_found() -> None:
    """The version that we built is its active one: it is ours."""
    place = Place()
    place.faults.lose_answer(method="POST", path="/api/v2/organizations/default/templates")
    deployed = place.templates.deploy(DOCKER, _content())
    assert place.faults.pending == []
    assert place.server.template("docker").active.id == deployed.version


def test_a_first_version_whose_answer_is_lost_is_left_alone() -> None:
    """It belongs to no template and stands in no list; the next deployment makes its own."""
    place = Place()
    place.faults.lose_answer(method="POST", path="/api/v2/organizations/default/templateversions")
    with pytest.raises(Unavailable):
        place.templates.deploy(DOCKER, _content())
    place.clock.move(timedelta(minutes=1))
    deployed = place.templates.deploy(DOCKER, _content())
    assert place.server.template("docker").active.id == deployed.version


def test_who_may_not_write_templates_is_told_so() -> None:
    """A dead token is Unauthorised, before anything is made; no value stands in the error."""
    place = Place()
    dead = Templates(place._client("abcdefghij-0123456789012345678901"), place.clock, place._sleep)
    with pytest.raises(Unauthorised) as refused:
        dead.deploy(DOCKER, _content())
    assert "0123456789012345678901" not in str(refused.value)
    assert place.server.loose_versions() == []
