"""What the conformance kit does not ask of an operator's tokens: leases and graces, keepers, teams, and the records."""

from __future__ import annotations

import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from rotation.backends.operator import KIND, Operator, Spec, connect
from rotation.backends.registry import KINDS
from rotation.backends.transport import Request, Response
from rotation.errors import NotFound, Refused, Unauthorised
from rotation.operator_tokens import changes
from rotation.operator_tokens.record import RecordPlace, State, hash_of
from rotation.operator_tokens.store import UnreadableRecord
from rotation.testing.builders import DAY, SECOND, a_generation, an_order
from rotation.testing.secrecy import reveals, told_by
from rotation.testing.worlds import mint, order_of
from tests.backends.operator_world import OTHERS, TEAM, OperatorWorld


@pytest.fixture
def world() -> OperatorWorld:
    return OperatorWorld(lived_in=False)


def states(world: OperatorWorld, namespace: str = TEAM) -> dict[str, State]:
    """Where each generation of a namespace stands, by the server's word."""
    return {entry.generation: entry.state for entry in world.record(namespace).entries.values()}


def test_the_hash_is_written_before_the_value_leaves(world: OperatorWorld) -> None:
    """When the mint returns, the server holds the hash as pending; no object of the cluster holds the value."""
    minted = mint(world)
    [(hashed, entry)] = world.record().entries.items()
    assert (hashed, entry.state, entry.version) == (hash_of(minted.value), State.PENDING, 1)
    assert (entry.generation, entry.kept_by, entry.made_by) == (minted.handle, "stack", "")
    assert entry.lease_until == minted.expires == world.now() + timedelta(minutes=10)
    assert not reveals(json.dumps(world.server.objects("configmaps")), minted.value)


def test_a_confirmation_begins_the_life_and_opens_the_grace(world: OperatorWorld) -> None:
    """Active for its whole life from now on; the one before is let in as long as its own end says."""
    first, second = mint(world), mint(world)
    world.backend.confirm(first.handle, world.lifetime)
    world.pass_time(timedelta(minutes=5))
    end = world.backend.confirm(second.handle, world.lifetime)
    assert end == world.now() + world.lifetime
    assert states(world) == {first.handle: State.SUPERSEDED, second.handle: State.ACTIVE}
    world.pass_time(world.lifetime - timedelta(minutes=5) - SECOND)
    world.backend.probe(first.value)
    world.pass_time(SECOND)
    with pytest.raises(Unauthorised):
        world.backend.probe(first.value)
    world.backend.probe(second.value)


def test_a_confirmation_can_be_repeated(world: OperatorWorld) -> None:
    """A run that was killed before it knew gives the same generation its life again, from now on."""
    minted = mint(world)
    world.backend.confirm(minted.handle, world.lifetime)
    world.pass_time(DAY)
    assert world.backend.confirm(minted.handle, world.lifetime) == world.now() + world.lifetime
    assert states(world) == {minted.handle: State.ACTIVE}


def test_a_lost_answer_to_a_confirmation_is_settled(world: OperatorWorld) -> None:
    """It is told the end that stands there."""
    minted = mint(world)
    world.faults.lose_answer()
    assert world.backend.confirm(minted.handle, world.lifetime) == world.end_of(minted.handle)


def test_what_was_revoked_is_not_confirmed(world: OperatorWorld) -> None:
    """NotFound: the run that tries it mints another."""
    minted = mint(world)
    world.backend.revoke(minted.handle)
    with pytest.raises(NotFound, match="is revoked"):
        world.backend.confirm(minted.handle, world.lifetime)


def test_a_revoked_team_is_minted_nothing(world: OperatorWorld) -> None:
    """Refused with the instant and the remedy, and nothing is entered."""
    now = world.now()
    world.store.change(TEAM, lambda record: changes.revoke_all(record, now))
    with pytest.raises(
        Refused, match=r"mint operator: the team of team-a was revoked at 2026-.*Restore the team first"
    ):
        mint(world)
    assert world.record().entries == {}


def test_one_in_both_is_refused(world: OperatorWorld) -> None:
    """A namespace whose operational token an admission keeps is minted none by the stack, until that one is dead."""
    [other, *_rest] = OTHERS
    order = an_order(world.now(), lifetime=world.lifetime, spec={"namespace": other})
    with pytest.raises(Refused, match=f"an admission token made the operational token of {other}"):
        world.backend.mint(order)
    [kept] = states(world, other)
    world.backend.revoke(kept)
    world.backend.mint(order)
    assert set(states(world, other).values()) == {State.REVOKED, State.PENDING}


def test_an_admission_token_is_kept_beside_what_it_made(world: OperatorWorld) -> None:
    """The stack keeps the admission token of a namespace whose operational token it does not keep."""
    [other, *_rest] = OTHERS
    spec = {"namespace": other, "type": "admission"}
    minted = world.backend.mint(an_order(world.now(), lifetime=world.lifetime, spec=spec))
    world.backend.confirm(minted.handle, world.lifetime)
    assert sorted(states(world, other).values()) == [State.ACTIVE, State.ACTIVE]


def test_the_inventory_holds_what_the_stack_keeps(world: OperatorWorld) -> None:
    """Not what admissions made, though it bears our mark, and not what is dead."""
    living, dead, lapsed = mint(world), mint(world), mint(world, 4 * SECOND)
    world.backend.confirm(living.handle, world.lifetime)
    world.backend.revoke(dead.handle)
    world.pass_time(SECOND)
    [found] = world.backend.inventory(world.owner, [])
    assert (found.id, found.handle, found.expires) == (living.id, living.handle, world.end_of(living.handle))
    assert lapsed.handle in states(world)


WRONG_VALUES = {
    "revoked": "is revoked and ended at",
    "expired": "is active and ended at",
    "lapsed": "is pending and ended at",
    "past its grace": "is superseded and ended at",
    "unknown": "no record has this value's hash",
    "truncated": "no record has this value's hash",
    "empty": "no record has this value's hash",
}


@pytest.mark.parametrize("wrong", WRONG_VALUES)
def test_a_value_that_is_not_let_in_is_told_why(world: OperatorWorld, wrong: str) -> None:
    """Unauthorised, with its state and the instant where there is a record of it, and never with the value."""
    minted = mint(world)
    value = {"unknown": minted.value[::-1], "truncated": minted.value[:-1], "empty": ""}.get(wrong, minted.value)
    if wrong in ("expired", "past its grace"):
        world.backend.confirm(minted.handle, 2 * DAY)
    if wrong == "past its grace":
        until = world.now() + DAY
        world.store.change(TEAM, lambda record: changes.supersede(record, minted.handle, until))
    if wrong == "revoked":
        world.backend.revoke(minted.handle)
    world.pass_time(2 * DAY)
    for act in (lambda: world.backend.probe(value), lambda: world.backend.recognise(value, world.spec)):
        with pytest.raises(Unauthorised, match=WRONG_VALUES[wrong]) as raised:
            act()
        assert not value or not reveals(told_by(raised.value), value)
        assert hash_of(value) not in told_by(raised.value)


def test_every_hash_of_a_record_is_compared(world: OperatorWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many constant-time comparisons for the first entry as for the last."""
    values = [mint(world).value for _ in range(5)]
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for value in values:
        world.backend.probe(value)
    assert len(compared) == 25


def test_a_value_of_another_team_is_not_taken(world: OperatorWorld) -> None:
    """Refused with whose it is; so is one of the other type, and one that an admission made."""
    minted = mint(world)
    with pytest.raises(Refused, match=r"it is the operational token of team-a.*Only the operational token of team-x"):
        world.backend.recognise(minted.value, {"namespace": "team-x"})
    with pytest.raises(Refused, match=r"Only the admission token of team-a"):
        world.backend.recognise(minted.value, {"namespace": TEAM, "type": "admission"})
    kept = world.enter("team-d", a_generation(), kept_by="admission")
    with pytest.raises(Refused, match="an admission token made it"):
        world.backend.recognise(kept, {"namespace": "team-d"})


def test_a_fresh_process_finds_what_another_minted(world: OperatorWorld) -> None:
    """A generation or a value that it never saw costs one listing; after that its record is read alone."""
    minted = mint(world)
    fresh = world.connect("")
    world.server.calls.clear()
    fresh.probe(minted.value)
    fresh.probe(minted.value)
    assert fresh.find(minted.handle) is not None
    assert not fresh.is_dead(minted.handle)
    listings = "/api/v1/namespaces/{namespace}/configmaps"
    assert world.server.calls == {("GET", listings): 1, ("GET", f"{listings}/{{name}}"): 4}


def test_a_doubt_is_no_death(world: OperatorWorld) -> None:
    """While some record is damaged, what stands in no other is not called gone, and a value in none not refused."""
    minted = mint(world)
    [other, *_rest] = OTHERS
    broken = world.object_of(other)
    broken["data"] = {**broken["data"], "f" * 64: "{"}
    world.put(broken, other)
    world.backend.probe(minted.value)
    for act in (
        lambda: world.backend.is_dead(world.unknown),
        lambda: world.backend.find(world.unknown),
        lambda: world.backend.probe("unknown"),
        lambda: world.backend.revoke(world.unknown),
    ):
        with pytest.raises(UnreadableRecord, match=f"that of {other} cannot be read"):
            act()
    assert [text for text in world.warnings if f"that of {other}" in text]


def test_what_a_damaged_record_names_of_ours_is_listed(world: OperatorWorld) -> None:
    """Taken for alive, without an end: a destroy must not pass it over, and no rotation mint in its place."""
    minted = mint(world)
    world.backend.confirm(minted.handle, world.lifetime)
    broken = world.object_of()
    broken["data"]["f" * 64] = "{"
    world.put(broken)
    [found] = world.connect("").inventory(world.owner, [])
    assert (found.handle, found.expires) == (minted.handle, None)
    with pytest.raises(UnreadableRecord):
        world.backend.revoke(minted.handle)


def test_the_dead_are_forgotten_in_time(world: OperatorWorld) -> None:
    """A year of weekly rotations leaves a record of few entries, and versions that went on."""
    for _ in range(52):
        one = mint(world)
        world.backend.confirm(one.handle, world.lifetime)
        world.pass_time(7 * DAY)
        for handle, state in states(world).items():
            if state is State.SUPERSEDED:
                world.backend.revoke(handle)
    record = world.record()
    assert len(record.entries) <= changes.REMEMBERED + 1
    assert record.next_version() == 53


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"namespace": ""},
        {"namespace": "Team_A"},
        {"namespace": "a/../b"},
        {"namespace": "a" * 64},
        {"namespace": "team-a\n"},
        {"namespace": TEAM, "type": "other"},
        {"namespace": TEAM, "user": "me"},
    ],
)
def test_a_spec_names_a_namespace(world: OperatorWorld, spec: dict[str, Any]) -> None:
    """What could be no namespace, or is no part of a spec, is refused before anything is asked."""
    with pytest.raises(ValidationError):
        Spec.model_validate(spec)
    before = world.server.calls.copy()
    with pytest.raises(ValidationError):
        world.backend.mint(an_order(world.now(), lifetime=world.lifetime, spec=spec))
    assert world.server.calls == before


def test_its_kind_is_by_the_cluster() -> None:
    """It lists and leases, cannot be renewed, and has no credential of its own."""
    kind = KINDS[KIND]
    assert kind.by_cluster
    told = kind.capabilities
    assert (told.lists, told.leases, told.renews, told.cap, told.own_credential) == (True, True, False, None, False)


def test_no_credential_is_sent(world: OperatorWorld) -> None:
    """What is given as one goes nowhere, and the records' place can be another."""
    seen: list[Request] = []

    def send(request: Request) -> Response:
        seen.append(request)
        return world.server.handle(request)

    world.server.add_namespace("elsewhere")
    place = RecordPlace(namespace="elsewhere", name="records")
    backend: Operator = connect("operator", send, "planted", world.clock, lambda _text: None, records=place)
    backend.mint(order_of(world))
    assert {request.path.split("/")[4] for request in seen} == {"elsewhere"}
    assert not [request for request in seen if "planted" in f"{request.headers}{request.body!r}"]
    assert [one["metadata"]["name"] for one in world.server.objects("configmaps", "elsewhere")] == [f"records-{TEAM}"]
