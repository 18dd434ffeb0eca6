"""Records as they are read: damage hides no other team, pages are complete, and only the server's word counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from rotation.backends.transport import Request, Response, json_request, json_response
from rotation.errors import ClockSkew, Refused, Unauthorised, Unavailable
from rotation.operator_tokens import changes
from rotation.operator_tokens.published import TYPE_LABEL, PublishedSecrets
from rotation.operator_tokens.record import Record, RecordPlace, new_value
from rotation.operator_tokens.store import RecordStore, UnreadableRecord, cluster_client
from rotation.testing.builders import START
from tests.operator_tokens.store_world import PATH, PLACE, TEAM, StoreWorld, adding


@pytest.fixture
def world() -> StoreWorld:
    return StoreWorld()


DAMAGE: dict[str, Callable[[dict[str, Any]], None]] = {
    "an entry that is no JSON": lambda body: body["data"].update({"f" * 64: "{"}),
    "an entry that lacks what it must have": lambda body: body["data"].update({"f" * 64: "{}"}),
    "a team that is no record": lambda body: body["data"].update({"team": '{"status": "unheard of"}'}),
    "another team's entry": lambda body: body["data"].update(
        {hashed: text.replace(TEAM, "team-x") for hashed, text in body["data"].items() if len(hashed) == 64}
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_record_hides_no_other_and_is_not_written_over(
    world: StoreWorld, damage: Callable[[dict[str, Any]], None]
) -> None:
    """It raises a typed error that names its namespace and what to do; every other record is read as ever."""
    for team in (TEAM, "team-b"):
        world.store.change(team, adding())
    generation = next(iter(world.store.read(TEAM).entries.values())).generation
    body = world.object_of()
    damage(body)
    world.put(body)
    acts: list[Callable[[], Record]] = [lambda: world.store.read(TEAM), lambda: world.store.change(TEAM, adding())]
    for act in acts:
        with pytest.raises(UnreadableRecord, match=r"that of team-a cannot be read .* Repair or delete") as raised:
            act()
        assert raised.value.namespace == TEAM
    survey = world.store.survey()
    assert [record.namespace for record in survey.records] == ["team-b"] == [one.namespace for one in world.store.all()]
    assert list(survey.unreadable) == [TEAM]
    assert generation in survey.unreadable[TEAM].generations, "what can still be read is not taken for gone"
    assert world.object_of()["data"] == body["data"]


def test_a_revoked_entry_of_a_damaged_record_is_not_named(world: StoreWorld) -> None:
    """It is dead, whatever the rest says."""
    world.store.change(TEAM, adding())
    world.store.change(TEAM, lambda record: changes.revoke_all(record, START))
    body = world.object_of()
    body["data"]["f" * 64] = "{"
    world.put(body)
    assert world.store.survey().unreadable[TEAM].generations == ()


def test_records_of_another_name_are_not_ours(world: StoreWorld) -> None:
    """Where one name begins as another does, one place's object is neither listed nor written by the other's store."""
    theirs = RecordPlace(name=f"{PLACE.name}-team")
    world.another(theirs).change("a", adding())  # its object has the name that ours of team-a would have
    assert world.store.all() == []
    with pytest.raises(UnreadableRecord, match=f"of the records {theirs.name}"):
        world.store.change(TEAM, adding())
    assert len(world.another(theirs).all()) == 1


def test_all_records_are_read_by_pages(world: StoreWorld) -> None:
    """1,201 namespaces in three requests, each once; what else is in the namespace is not asked for."""
    body = {"metadata": {"name": "of-somebody-else"}, "data": {"f" * 64: "{"}}
    assert world.server.handle(json_request("POST", PATH, body)).status == 201
    teams = [f"team-{number}" for number in range(1201)]
    for team in teams:
        world.store.change(team, lambda record: record.with_team(secret="s"))  # a name
    world.server.calls.clear()
    assert sorted(record.namespace for record in world.store.all()) == sorted(teams)
    assert world.server.calls.total() == 3


class ForgetfulServer:
    """Forgets the list after its first page, as a server does that compacts meanwhile; so often, and no more."""

    def __init__(self, world: StoreWorld, times: int) -> None:
        self._world = world
        self.times = times

    def __call__(self, request: Request) -> Response:
        if "continue" in request.query and self.times:
            self.times -= 1
            self._world.server.forget_lists()
        return self._world.server.handle(request)


def test_a_list_that_the_server_forgot_is_begun_anew(world: StoreWorld) -> None:
    """410 Expired within the pages: all are read from the first page on; a server that always forgets is refused."""
    for number in range(501):
        world.store.change(f"team-{number}", lambda record: record.with_team(secret="s"))  # a name
    assert len(world.another(send=ForgetfulServer(world, 2)).all()) == 501
    with pytest.raises(Refused, match="HTTP 410"):
        world.another(send=ForgetfulServer(world, 3)).all()


def test_a_list_of_secrets_that_the_server_forgot_is_begun_anew(world: StoreWorld) -> None:
    """The same for the Secrets of teams: none is missing, and none is there twice."""
    world.server.add_namespace(TEAM)
    for number in range(501):
        body = {"metadata": {"name": f"of-{number}", "labels": {TYPE_LABEL: "operational"}}}
        assert world.server.handle(json_request("POST", f"/api/v1/namespaces/{TEAM}/secrets", body)).status == 201
    client = cluster_client("the cluster", ForgetfulServer(world, 2), world.clock, lambda _text: None)
    found = PublishedSecrets(client, PLACE).labelled()
    assert found is not None
    assert sorted(secret.name for secret in found) == sorted(f"of-{number}" for number in range(501))


def test_the_missing_namespace_of_the_records_is_named(world: StoreWorld) -> None:
    """The first write says what to create; a read finds nothing, as the server does."""
    store = world.another(RecordPlace(namespace="is-not-there"))
    assert store.all() == []
    with pytest.raises(Refused, match=r'namespaces "is-not-there" not found.*Create the namespace is-not-there'):
        store.change(TEAM, adding())


STRANGE: dict[str, Response] = {
    "a proxy's page": Response(404, {}, b"<html>no backend</html>"),
    "a path that leads nowhere": json_response(
        404, {"kind": "Status", "code": 404, "message": "the server could not find it", "details": {}}
    ),
    "no answer of ours": json_response(200, {"hello": "there"}),
    "no JSON": Response(200, {}, b"welcome"),
}


@pytest.mark.parametrize("answer", STRANGE.values(), ids=STRANGE.keys())
def test_a_strange_answer_does_not_mean_that_there_is_none(world: StoreWorld, answer: Response) -> None:
    """Only the server's own word about the object counts; everything else is Unavailable, and nothing is created."""
    store = world.another(send=lambda _request: answer)
    for act in (lambda: store.read(TEAM), store.all, lambda: store.change(TEAM, adding())):
        with pytest.raises((Unavailable, UnreadableRecord)):
            act()


@pytest.mark.parametrize("version", ["", None])
def test_what_has_no_version_is_not_written_over(world: StoreWorld, version: str | None) -> None:
    """An empty version would ask for none, and undo what others wrote."""
    world.store.change(TEAM, adding())
    asked: list[str] = []

    def send(request: Request) -> Response:
        asked.append(request.method)
        body = world.server.handle(request).json()
        body["metadata"]["resourceVersion"] = version
        return json_response(200, body)

    with pytest.raises(UnreadableRecord, match="no version to write over"):
        world.another(send=send).change(TEAM, adding())
    assert asked == ["GET"]


def test_errors_show_the_servers_sentence_alone(world: StoreWorld) -> None:
    """The message of its Status, not its body; a value that was hashed is nowhere."""
    value = new_value()
    status = {"kind": "Status", "code": 403, "message": "configmaps is forbidden", "details": {"note": "planted"}}
    with pytest.raises(Unauthorised, match=r"HTTP 403 \(configmaps is forbidden\)") as raised:
        world.another(send=lambda _request: json_response(403, status)).change(TEAM, adding(value))
    assert "planted" not in str(raised.value)
    world.store.change(TEAM, adding(value))
    assert value not in json.dumps(world.server.objects("configmaps"))


def test_a_clock_that_is_off_is_refused(world: StoreWorld) -> None:
    """The cheap look before anything is begun tells it: ends could not be judged."""
    world.store.check()
    client = cluster_client("operator", world.faults, lambda: world.clock() + timedelta(minutes=10), lambda _: None)
    with pytest.raises(ClockSkew):
        RecordStore(client, PLACE).check()
