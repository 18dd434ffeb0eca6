"""A deployment at a simulated Coder: built before it is active, and once for the same content."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.errors import Refused
from rotation.templates.archive import File, pack
from rotation.templates.deployment import Wanted
from tests.templates.place import DOCKER, Place, content


def test_the_first_deployment_makes_a_template_of_a_version_that_was_built() -> None:
    """Its version has succeeded, is active, belongs to the template, and is named after its instant and content."""
    place = Place(job_polls=4)
    deployed = place.templates.deploy(DOCKER, content())
    look = place.server.template("docker")
    assert (look.active.id, look.active.status) == (deployed.version, "succeeded")
    assert look.active.name == deployed.name
    assert deployed.name == f"20260101120000-{content().digest[:8]}"
    assert look.fields["description"] == "A container"
    assert deployed.job_seconds == 1.5 + 2.0
    assert place.server.loose_versions() == []


def test_a_change_becomes_a_version_and_is_made_active() -> None:
    """The template stays the same one; the version before stays in its list."""
    place = Place()
    first = place.templates.deploy(DOCKER, content())
    second = place.templates.deploy(DOCKER, content("changed"))
    assert second.template == first.template
    assert place.server.template("docker").active.name == second.name
    assert place.versions() == [first.name, second.name]


def test_the_same_content_is_built_once() -> None:
    """What was built before is made active again, also when another was active in between, and without a state."""
    place = Place()
    first = place.templates.deploy(DOCKER, content())
    place.templates.deploy(DOCKER, content("changed"))
    again = place.templates.deploy(DOCKER, content())
    assert (again.version, again.job_seconds) == (first.version, None)
    assert place.server.template("docker").active.id == first.version
    assert len(place.versions()) == 2
    assert place.server.calls["POST", "/files"] == 2


def test_what_is_active_is_not_made_active() -> None:
    """The same content again is a look, and no write at all."""
    place = Place()
    place.templates.deploy(DOCKER, content())
    before = place.writes()
    place.templates.deploy(DOCKER, content())
    assert place.writes() == before


def test_an_archived_version_is_built_anew() -> None:
    """Somebody put it aside, and the server would refuse to make it active."""
    place = Place()
    first = place.templates.deploy(DOCKER, content())
    place.templates.deploy(DOCKER, content("changed"))
    place.ask("POST", f"/templateversions/{first.version}/archive")
    place.clock.move(timedelta(minutes=1))
    assert place.templates.deploy(DOCKER, content()).version not in {first.version}
    assert place.server.template("docker").active.content == content().content


def test_other_variables_are_another_version() -> None:
    """A value that is not given fails the build, by its name; one that is given is part of what a version is."""
    place = Place()
    needs = pack([File("main.tf", b'variable "region" {\n  type = string\n}\n')])
    with pytest.raises(Refused, match=r"region \(REQUIRED_TEMPLATE_VARIABLES\). Give them under `variables`"):
        place.templates.deploy(DOCKER, needs)
    north = place.templates.deploy(Wanted("docker", variables={"region": "north"}), needs)
    south = place.templates.deploy(Wanted("docker", variables={"region": "south"}), needs)
    assert north.version != south.version


def test_a_job_is_looked_at_ever_less_often() -> None:
    """A build of ten minutes is some hundred looks, and none follows another at once."""
    place = Place(job_polls=120)
    place.templates.deploy(DOCKER, content())
    waits = place.slept
    assert waits[:5] == [0.5, 1.0, 2.0, 4.0, 5.0]
    assert set(waits[5:]) == {5.0}


def test_an_earlier_version_comes_back_by_its_name() -> None:
    """A roll-back uploads and builds nothing; a name that is not there is refused."""
    place = Place()
    first = place.templates.deploy(DOCKER, content())
    place.templates.deploy(DOCKER, content("changed"))
    before = dict(place.server.calls)
    assert place.templates.roll_back(DOCKER, first.name).version == first.version
    assert place.server.template("docker").active.id == first.version
    with pytest.raises(Refused, match="has no version yesterday"):
        place.templates.roll_back(DOCKER, "yesterday")
    for path in ("/files", "/organizations/{org}/templateversions"):
        assert place.server.calls["POST", path] == before["POST", path]


def test_a_version_that_was_not_built_does_not_come_back() -> None:
    """It is refused for what it is, and what is active stays."""
    place = Place()
    first = place.templates.deploy(DOCKER, content())
    place.server.fail_next_job("no")
    place.faults.refuse(500, method="POST", path="/api/v2/templateversions")  # so that it is not archived
    with pytest.raises(Refused):
        place.templates.deploy(DOCKER, content("changed"))
    failed = place.server.template("docker").versions[-1].name
    with pytest.raises(Refused, match=rf"the build of {failed} is failed\. Name a version that was built"):
        place.templates.roll_back(DOCKER, failed)
    assert place.server.template("docker").active.id == first.version


def test_a_change_of_what_is_told_whose_answer_is_lost_was_made() -> None:
    """The repetition changes nothing more, which an older server does not take for a success."""
    place = Place(patches_whole=True)
    deployed = place.templates.deploy(DOCKER, content())
    place.faults.lose_answer(method="PATCH", path="/api/v2/templates")
    place.templates.describe(Wanted("docker", description="Another"), deployed.template, ["description"])
    assert place.faults.pending == []
    assert place.server.template("docker").fields["description"] == "Another"


@pytest.mark.parametrize("patches_whole", [False, True])
def test_what_is_told_of_a_template_changes_alone(*, patches_whole: bool) -> None:
    """What people set there is sent along, or an older server would reset it; what is the same already is not sent."""
    place = Place(patches_whole=patches_whole)
    deployed = place.templates.deploy(DOCKER, content())
    place.server.template("docker").fields.update(default_ttl_ms=3_600_000, icon="/icon.png")
    place.templates.describe(Wanted("docker", description="Another"), deployed.template, ["description"])
    fields = place.server.template("docker").fields
    assert (fields["description"], fields["icon"], fields["default_ttl_ms"]) == ("Another", "/icon.png", 3_600_000)
    assert fields["allow_user_autostart"] is True
    before = place.writes()
    place.templates.describe(Wanted("docker", description="Another"), deployed.template, ["description"])
    assert place.writes() == before
