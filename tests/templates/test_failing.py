"""What a deployment that fails leaves: the active version as it was, and nothing of itself that could be used."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotation.errors import Conflict, Refused, Unauthorised, Unavailable
from rotation.templates.deployment import Templates, Wanted
from tests.templates.place import DOCKER, Place, content

STOPPED = {"canceling", "canceled"}
LOST = [("POST", "/files"), ("POST", "/organizations/default/templateversions"), ("PATCH", "/templates")]


def test_a_build_that_fails_leaves_the_active_version_and_nothing_of_itself() -> None:
    """The failed version is archived: in no list, and never to be promoted."""
    place = Place()
    first = place.templates.deploy(DOCKER, content())
    place.server.fail_next_job("exit status 1: module not found")
    with pytest.raises(Refused, match="module not found") as refused:
        place.templates.deploy(DOCKER, content("broken"))
    assert "the active version was left as it is" in str(refused.value)
    assert place.server.template("docker").active.id == first.version
    assert place.versions() == [first.name]


def test_a_first_build_that_fails_makes_no_template() -> None:
    """Its version is of no template, stands in no list, and is never to be promoted; no server archives such a one."""
    place = Place()
    place.server.fail_next_job("no")
    with pytest.raises(Refused):
        place.templates.deploy(DOCKER, content())
    assert place.templates.active(DOCKER) is None
    assert [version.status for version in place.server.loose_versions()] == ["failed"]
    assert place.server.calls["POST", "/templateversions/{version}/archive"] == 0


def test_a_job_that_does_not_end_is_cancelled() -> None:
    """After the time limit its job is stopped, and nothing of it stays to be used."""
    slow = Wanted("docker", time_limit=timedelta(seconds=30))
    place = Place(job_polls=10_000)
    with pytest.raises(Unavailable, match=r"within 30s.*raise `time_limit`"):
        place.templates.deploy(slow, content())
    assert [one.status in STOPPED for one in place.server.loose_versions()] == [True]
    place = Place(job_polls=4)
    place.templates.deploy(DOCKER, content())
    with pytest.raises(Unavailable, match="within 1s"):
        place.templates.deploy(Wanted("docker", time_limit=timedelta(seconds=1)), content("changed"))
    newest = place.server.template("docker").versions[-1]
    assert (newest.status in STOPPED, newest.archived) == (True, True)


def test_a_server_that_goes_away_while_it_builds_fails_the_deployment() -> None:
    """What it built in the meantime is no loss: the next deployment finds it by its content, and builds nothing."""
    place = Place(job_polls=2)
    first = place.templates.deploy(DOCKER, content())
    place.faults.refuse(502, path="/api/v2/templateversions", times=20)
    with pytest.raises(Unavailable, match="could not be archived"):
        place.templates.deploy(DOCKER, content("changed"))
    assert place.server.template("docker").active.id == first.version
    place.faults.clear()
    (built,) = [one for one in place.server.template("docker").versions if one.id != first.version]
    for _ in range(2):
        place.ask("GET", f"/templateversions/{built.id}")
    assert place.templates.deploy(DOCKER, content("changed")).version == built.id
    assert place.server.calls["POST", "/organizations/{org}/templateversions"] == 2


def test_what_a_job_says_is_shown_in_part_and_without_the_credential() -> None:
    """An error may be long, and a build may show what it was given."""
    place = Place()
    place.server.fail_next_job(f"{'x' * 180} {place.value} {'y' * 100}")
    with pytest.raises(Refused) as refused:
        place.templates.deploy(DOCKER, content())
    assert place.value[:5] not in str(refused.value)
    assert "[credential]" in str(refused.value)
    assert "yyyyyyyyyyy" not in str(refused.value)


@pytest.mark.parametrize(("method", "path"), LOST)
def test_a_lost_answer_makes_nothing_twice(method: str, path: str) -> None:
    """An upload, a version or a promotion whose answer is lost is found, and the deployment ends well."""
    place = Place()
    place.templates.deploy(DOCKER, content())
    place.faults.lose_answer(method=method, path=f"/api/v2{path}")
    second = place.templates.deploy(DOCKER, content("changed"))
    assert place.faults.pending == []
    assert place.server.template("docker").active.id == second.version
    assert len(place.versions()) == 2


def test_a_template_whose_creation_got_no_answer_is_found() -> None:
    """The version that we built is its active one: it is ours."""
    place = Place()
    place.faults.lose_answer(method="POST", path="/api/v2/organizations/default/templates")
    deployed = place.templates.deploy(DOCKER, content())
    assert place.faults.pending == []
    assert place.server.template("docker").active.id == deployed.version


def test_a_first_version_whose_answer_is_lost_is_left_alone() -> None:
    """It belongs to no template and stands in no list; the next deployment makes its own."""
    place = Place()
    place.faults.lose_answer(method="POST", path="/api/v2/organizations/default/templateversions")
    with pytest.raises(Unavailable):
        place.templates.deploy(DOCKER, content())
    place.clock.move(timedelta(minutes=1))
    deployed = place.templates.deploy(DOCKER, content())
    assert place.server.template("docker").active.id == deployed.version


def test_who_may_not_write_templates_is_told_so() -> None:
    """A dead token is Unauthorised, before anything is made; no value stands in the error."""
    place = Place()
    dead = Templates(place.client("abcdefghij-0123456789012345678901"), place.clock, place.sleep)
    with pytest.raises(Unauthorised) as refused:
        dead.deploy(DOCKER, content())
    assert "0123456789012345678901" not in str(refused.value)
    assert place.server.loose_versions() == []


def test_a_user_without_the_role_is_told_the_role() -> None:
    """The server says it with a 500; it is no fault of the server that a later run would not meet."""
    place = Place()
    place.server.add_user("plain", roles=())
    plain = Templates(place.client(place.server.issue("plain", "mine")), place.clock, place.sleep)
    with pytest.raises(Unauthorised, match="Give the token's user the role Template Admin"):
        plain.deploy(DOCKER, content())


def test_an_organization_that_is_not_there_is_told() -> None:
    """With what is to be corrected."""
    with pytest.raises(Refused, match=r"there is no organization elsewhere that we may see\. Correct `organization`"):
        Place().templates.deploy(Wanted("docker", organization="elsewhere"), content())


def test_a_server_that_is_asked_too_often_is_waited_for() -> None:
    """An upload and a version that are refused for a while are sent again, and nothing is made twice."""
    place = Place()
    for path in ("/api/v2/files", "/api/v2/organizations/default/templateversions"):
        place.faults.refuse(429, method="POST", path=path)
    deployed = place.templates.deploy(DOCKER, content())
    assert (place.faults.pending, place.versions()) == ([], [deployed.name])


def test_a_build_that_a_killed_run_left_is_waited_for() -> None:
    """The same content is not built beside it; what it becomes is made active."""
    place = Place(job_polls=3)
    place.templates.deploy(DOCKER, content())

    def killed(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Templates(place.client(place.value), place.clock, killed).deploy(DOCKER, content("changed"))
    place.clock.move(timedelta(minutes=1))
    deployed = place.templates.deploy(DOCKER, content("changed"))
    assert place.versions()[-1] == deployed.name
    assert len(place.versions()) == 2
    assert place.server.template("docker").active.id == deployed.version


def test_a_build_that_is_being_cancelled_is_not_waited_for() -> None:
    """As one that took too long and could not be archived: the same content is built anew."""
    place = Place(job_polls=4)
    place.templates.deploy(DOCKER, content())
    place.faults.refuse(500, method="POST", path="/api/v2/templateversions")
    with pytest.raises(Unavailable, match="within 1s"):
        place.templates.deploy(Wanted("docker", time_limit=timedelta(seconds=1)), content("changed"))
    place.clock.move(timedelta(minutes=1))
    deployed = place.templates.deploy(DOCKER, content("changed"))
    assert [version.name for version in place.server.template("docker").versions][-1] == deployed.name
    assert place.server.template("docker").active.id == deployed.version


def test_a_template_that_somebody_else_made_meanwhile_is_not_ours() -> None:
    """Its name is taken then: theirs stays as it is, and ours is told."""
    place = Place()
    rival = Templates(place.client(place.value), place.clock, place.sleep)

    def meanwhile(seconds: float) -> None:
        place.sleep(seconds)
        if rival.active(DOCKER) is None:
            rival.deploy(DOCKER, content("theirs"))

    ours = Templates(place.client(place.value), place.clock, meanwhile)
    with pytest.raises(Conflict, match="already exists"):
        ours.deploy(DOCKER, content())
    assert place.server.template("docker").active.content == content("theirs").content


def test_a_failed_version_that_could_not_be_archived_is_not_taken() -> None:
    """The same content is built anew; the error told that it was left."""
    place = Place()
    place.templates.deploy(DOCKER, content())
    place.server.fail_next_job("no network")
    place.faults.refuse(500, method="POST", path="/api/v2/templateversions")
    with pytest.raises(Refused, match=r"no network\..* could not be archived \(HTTP 500"):
        place.templates.deploy(DOCKER, content("changed"))
    place.clock.move(timedelta(minutes=1))
    place.templates.deploy(DOCKER, content("changed"))
    assert [one.status for one in place.server.template("docker").versions] == ["succeeded", "failed", "succeeded"]
