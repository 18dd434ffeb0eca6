"""Records in a cluster: no writer undoes another's change, and no answer is guessed at."""

from __future__ import annotations

import pytest

from rotation.backends.transport import json_request
from rotation.errors import Conflict, Refused, Unavailable
from rotation.operator_tokens.record import Record
from rotation.operator_tokens.store import ATTEMPTS, LOST_ATTEMPTS, RECORDS_LABEL
from tests.operator_tokens.store_world import NAME, PATH, PLACE, TEAM, StoreWorld, adding


@pytest.fixture
def world() -> StoreWorld:
    return StoreWorld()


def test_a_record_that_lost_its_labels_is_given_them_back(world: StoreWorld) -> None:
    """It is read by its name, and listed again after the next change."""
    world.store.change(TEAM, adding())
    body = world.object_of()
    body["metadata"]["labels"] = {}
    world.put(body)
    assert world.store.all() == []
    assert len(world.store.change(TEAM, adding()).entries) == 2
    assert len(world.store.all()) == 1


def test_a_record_is_made_and_changed(world: StoreWorld) -> None:
    """Absent it is empty; the first change makes it with its labels, a change of nothing writes nothing."""
    assert world.store.read(TEAM) == Record(TEAM)
    first = world.store.change(TEAM, adding())
    assert first == world.store.read(TEAM)
    assert world.object_of()["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "token-rotation",
        "app.kubernetes.io/component": "token-metadata",
        RECORDS_LABEL: PLACE.name,
    }
    second = world.store.change(TEAM, adding())
    assert (len(second.entries), second.version != first.version) == (2, True)
    writes = world.writes()
    assert world.store.change(TEAM, lambda record: record) == second
    assert world.writes() == writes


def test_what_others_put_beside_stays(world: StoreWorld) -> None:
    """Keys, labels, annotations and owners that are not ours outlive our writes."""
    world.store.change(TEAM, adding())
    body = world.object_of()
    body["data"]["note"] = "by hand"
    body["binaryData"] = {"picture": "eA=="}
    body["metadata"]["labels"]["theirs"] = "kept"
    body["metadata"]["annotations"] = {"theirs": "kept"}
    body["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "Namespace", "name": "n", "uid": "u"}]
    world.put(body)
    world.store.change(TEAM, adding())
    after = world.object_of()
    assert len(after["data"]) == 4
    assert (after["data"]["note"], after["binaryData"]) == ("by hand", {"picture": "eA=="})
    for part in ("labels", "annotations", "ownerReferences"):
        assert after["metadata"][part] == body["metadata"][part]


@pytest.mark.parametrize("there", [True, False], ids=["replaced", "created"])
def test_a_writer_that_comes_between_loses_nothing(world: StoreWorld, there: bool) -> None:
    """Between our read and our write another process writes: both entries stand in the end."""
    if there:
        world.store.change(TEAM, adding())
    ours = adding()
    seen: list[int] = []

    def change(record: Record) -> Record:
        if not seen:
            world.another().change(TEAM, adding())
        seen.append(len(record.entries))
        return ours(record)

    record = world.store.change(TEAM, change)
    assert seen == [len(record.entries) - 2, len(record.entries) - 1]
    assert len(world.store.read(TEAM).entries) == 2 + there


def test_a_record_that_was_deleted_meanwhile_is_made_anew(world: StoreWorld) -> None:
    """The change is applied again, to the empty one."""
    world.store.change(TEAM, adding())
    seen: list[int] = []

    def change(record: Record) -> Record:
        if not seen:
            world.server.handle(json_request("DELETE", f"{PATH}/{NAME}"))
        seen.append(len(record.entries))
        return adding()(record)

    assert len(world.store.change(TEAM, change).entries) == 1
    assert seen == [1, 0]


def test_one_that_is_always_outrun_gives_up(world: StoreWorld) -> None:
    """Conflict after a bounded number of attempts, with waits that grow to a second and no further."""

    def change(record: Record) -> Record:
        world.another().change(TEAM, adding())
        return adding()(record)

    with pytest.raises(Conflict, match=r"change the record of team-a operator: other writers were quicker"):
        world.store.change(TEAM, change)
    assert len(world.waits) == ATTEMPTS - 1
    assert world.waits[0] <= 0.02
    assert 0.5 <= world.waits[-1] <= 1.0
    assert max(world.waits) <= 1.0


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_lost_answer_is_settled_by_reading_again(world: StoreWorld, method: str) -> None:
    """What was written is found, and not written twice."""
    if method == "PUT":
        world.store.change(TEAM, adding())
    world.faults.lose_answer(method=method)
    before = world.writes()
    assert len(world.store.change(TEAM, adding()).entries) == 1 + (method == "PUT")
    assert world.writes() == before + 1


def test_a_write_that_never_arrived_is_made_again(world: StoreWorld) -> None:
    """A broken connection before the server acted costs another attempt, and few of them are made."""
    world.faults.drop(method="POST", times=LOST_ATTEMPTS - 1)
    assert len(world.store.change(TEAM, adding()).entries) == 1
    world.faults.refuse(500, method="PUT", times=100)
    with pytest.raises(Unavailable, match="HTTP 500"):
        world.store.change(TEAM, adding())
    assert world.faults.met["refuse"] == LOST_ATTEMPTS


def test_a_change_that_refuses_writes_nothing(world: StoreWorld) -> None:
    """Its error is what the caller gets."""

    def change(_record: Record) -> Record:
        raise Refused("mint", "it may not be")

    with pytest.raises(Refused, match="it may not be"):
        world.store.change(TEAM, change)
    assert world.writes() == 0
