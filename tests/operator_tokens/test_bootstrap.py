"""A team comes by its operational token: once, for its own namespace, and only by its admission token."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.transport import Request, Response
from rotation.clock import from_rfc3339
from rotation.errors import BackendError, Refused, Unauthorised
from rotation.operator_tokens import changes
from rotation.operator_tokens.admission import SLOTS, AdmissionRefused, Refusal, admitted_by
from rotation.operator_tokens.published import LABELS, OPERATOR_LABEL, TOKEN, OwnerObject
from rotation.operator_tokens.record import Record, State, Status, hash_of, new_value
from rotation.testing.builders import DAY, START
from rotation.testing.secrecy import reveals, told_by
from sandbox.servers.kubernetes import KubernetesServer
from tests.operator_tokens.team_world import LIFE, OTHER, OWNED_BY, TEAM, RealTeams, TeamWorld
from tests.operator_tokens.trouble import WRITES, Cut, KilledError, Unlucky, killed


def test_the_first_presentation_makes_the_token(world: TeamWorld) -> None:
    """The value stands in the Secret and nowhere else, its hash is let in for 90 days, the admission made it."""
    admission = world.enter()
    outcome = world.present(admission)
    value = world.secret()[TOKEN]
    (hashed, entry), *more = world.accepted().items()
    assert (outcome.minted, more, hashed) == (True, [], hash_of(value))
    assert (entry.state, entry.kept_by, entry.valid_until) == (State.ACTIVE, "admission", START + LIFE)
    assert entry.made_by == next(iter(world.record().of_type("admission").values())).generation
    assert (outcome.state.status, outcome.state.reason) == (Status.AUTHORIZED, "Accepted")
    assert (outcome.state.generation, outcome.state.expires) == (entry.generation, START + LIFE)
    assert outcome.state.secret == f"{TEAM}/{TEAM}-operator-token"
    assert (world.team().bootstraps, world.told()) == (1, ["Accepted"])
    assert len(value) == 43
    assert not reveals(repr(outcome), value)


def test_the_secret_tells_of_its_token(world: TeamWorld) -> None:
    """Labels and annotations say what it is and until when; there is no previous yet."""
    world.bootstrapped()
    told = world.annotations()
    assert world.metadata()["labels"] == {**LABELS, OPERATOR_LABEL: world.place.mark}
    assert world.secret().keys() == {TOKEN}
    assert told.keys() == {"generation", "created", "expires"}
    entry = next(iter(world.accepted().values()))
    assert told["generation"] == entry.generation
    assert (from_rfc3339(told["created"]), from_rfc3339(told["expires"])) == (entry.issued_at, entry.valid_until)


def test_the_secret_and_the_record_agree_though_it_took_a_while(world: TeamWorld) -> None:
    """Half a minute between claim and confirmation: the end that was published is the one that counts."""
    admission = world.enter()

    def slow(request: Request) -> Response:
        if request.method in WRITES:
            world.clock.move(timedelta(seconds=15))
        return world.send(request)

    assert world.present(admission, send=slow).minted
    (entry,) = world.accepted().values()
    assert from_rfc3339(world.annotations()["expires"]) == entry.valid_until == entry.issued_at + LIFE


def test_a_later_presentation_makes_nothing(world: TeamWorld) -> None:
    """It tells the same state; record and Secret stay as they were, and no Event is told."""
    admission = world.bootstrapped()
    record, secret = world.record(), world.metadata()["resourceVersion"]
    world.clock.move(30 * DAY)
    outcome = world.present(admission)
    assert (outcome.minted, outcome.state.status) == (False, Status.AUTHORIZED)
    assert outcome.state.generation == next(iter(world.accepted().values())).generation
    assert (world.record(), world.metadata()["resourceVersion"]) == (record, secret)
    assert len(world.told()) == 1


def _refused(world: TeamWorld, value: str, namespace: str = TEAM) -> Refusal:
    before = world.record(namespace)
    with pytest.raises(AdmissionRefused) as raised:
        world.present(value, namespace)
    assert not reveals(told_by(raised.value), value)
    assert (world.record(namespace), world.secret(namespace)) == (before, {})
    return raised.value.reason


def test_another_namespaces_admission_is_refused(world: TeamWorld) -> None:
    """It is unknown there, also when that namespace has one of its own, and when it has none."""
    admission = world.enter(TEAM)
    assert _refused(world, admission, OTHER) is Refusal.UNKNOWN
    world.enter(OTHER)
    assert _refused(world, admission, OTHER) is Refusal.UNKNOWN


def test_an_unknown_value_is_refused(world: TeamWorld) -> None:
    """Whatever its form."""
    world.enter()
    for value in (new_value(), "", "ü\ud800", "x" * 100_000):
        with pytest.raises(AdmissionRefused) as raised:
            world.present(value)
        assert raised.value.reason is Refusal.UNKNOWN


def test_an_expired_admission_is_refused(world: TeamWorld) -> None:
    """From its end on; a second before it still admits."""
    admission = world.enter(life=DAY)
    world.clock.move(DAY)
    assert _refused(world, admission) is Refusal.EXPIRED


def test_a_revoked_admission_is_refused(world: TeamWorld) -> None:
    """It alone, and the team is as it was."""
    admission = world.enter()
    generation = next(iter(world.record().entries.values())).generation
    world.store().change(TEAM, lambda record: changes.revoke(record, generation, START))
    assert _refused(world, admission) is Refusal.REVOKED


def test_a_superseded_admission_admits_in_its_grace(world: TeamWorld) -> None:
    """The platform team rotates admission tokens too; the one before works until its grace ends."""
    first, second = world.enter(), world.enter()
    generation = min(world.record().entries.values(), key=lambda one: one.version).generation
    world.store().change(TEAM, lambda record: changes.supersede(record, generation, START + DAY))
    assert world.present(first).minted
    world.clock.move(DAY)
    with pytest.raises(AdmissionRefused) as raised:
        world.present(first)
    assert raised.value.reason is Refusal.EXPIRED
    assert not world.present(second).minted


def test_an_operational_token_admits_nobody(world: TeamWorld) -> None:
    """What a team's workloads hold must not be good for another token."""
    world.bootstrapped()
    with pytest.raises(AdmissionRefused) as raised:
        world.present(world.secret()[TOKEN])
    assert raised.value.reason is Refusal.WRONG_TYPE


def test_one_in_both_is_refused(world: TeamWorld) -> None:
    """Where the stack declares the operational token, none is made beside it, and the text says so."""
    admission = world.enter()
    world.enter(token_type="operational")
    with pytest.raises(AdmissionRefused, match="one in both") as raised:
        world.present(admission)
    assert raised.value.reason is Refusal.IN_BOTH
    assert (len(world.accepted()), world.secret()) == (1, {})


@pytest.mark.parametrize("entries", [0, 1, 7, 8, 9])
def test_every_value_is_compared_equally_often(entries: int) -> None:
    """The right one, a wrong one, an expired one: all slots are compared, up to the next eight."""
    value, record = new_value(), Record(TEAM)
    for number in range(entries):
        one = value if number == 0 else new_value()
        newcomer = changes.Newcomer(f"g{number}", START, DAY, START + DAY, "admission")
        record = changes.admit(record, hash_of(one), newcomer)
    counts = set()
    for presented in (value, new_value(), "", "short"):
        for now in (START, START + 9 * DAY):
            counts.add(_comparisons(record, presented, now))
    assert counts == {max(SLOTS, -(-entries // SLOTS) * SLOTS)}


def _comparisons(record: Record, value: str, now: datetime) -> int:
    compared = []

    def same(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        return one == other

    with suppress(AdmissionRefused):
        admitted_by(record, value, now, same)
    assert set(compared) == {32}
    return len(compared)


def test_the_owner_is_named_by_its_uid(world: TeamWorld) -> None:
    """Its deletion takes the Secret with it, and is not held up by it."""
    uid = world.make_owner()
    world.bootstrapped(owner=OWNED_BY)
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": f"realm-of-{TEAM}", "uid": uid}
    assert world.metadata()["ownerReferences"] == [{**reference, "blockOwnerDeletion": False}]
    world.unmake_owner()
    world.server.collect_garbage()
    assert world.secret() == {}


def test_without_its_owner_nothing_is_made(world: TeamWorld) -> None:
    """A Secret that nobody owns would be an orphan from the first; with the owner the same presentation is taken."""
    admission = world.enter()
    with pytest.raises(AdmissionRefused, match=f"no ConfigMap {TEAM}/realm-of-{TEAM}") as raised:
        world.present(admission, owner=OWNED_BY)
    assert raised.value.reason is Refusal.OWNER_MISSING
    assert (world.accepted(), world.secret()) == ({}, {})
    world.make_owner()
    assert world.present(admission, owner=OWNED_BY).minted


def test_an_owner_has_a_path() -> None:
    """Of the core group and of another; the plural is told where it is not the usual one."""
    core = OwnerObject(api_version="v1", kind="ConfigMap", name="x")
    other = OwnerObject(api_version="example.com/v1", kind="Proxy", name="{namespace}", plural="proxies")
    assert core.path_in(TEAM) == f"/api/v1/namespaces/{TEAM}/configmaps/x"
    assert other.path_in(TEAM) == f"/apis/example.com/v1/namespaces/{TEAM}/proxies/{TEAM}"


def test_a_namespace_that_is_not_there_gets_nothing(world: TeamWorld) -> None:
    """The Secret cannot stand there: it is refused with what to do, and no hash is left that is let in."""
    admission = world.enter("team-z")
    with pytest.raises(Refused, match="Create the namespace team-z first"):
        world.present(admission, "team-z")
    assert world.accepted("team-z") == {}


@pytest.mark.parametrize("name", ["", "../../default", "Team", "a" * 64, "team/a"])
def test_what_is_no_namespace_is_asked_for_nowhere(world: TeamWorld, name: str) -> None:
    """A name becomes a part of a path."""
    asked = Unlucky(world.send, at=0, kind="drop", times=0)
    with pytest.raises(Refused, match="is no name of a namespace"):
        world.present(new_value(), name, send=asked)
    assert asked.calls == 0


def test_what_others_put_into_the_secret_stays(world: TeamWorld) -> None:
    """Its other keys, labels and annotations outlive the bootstrap; a token by hand that nobody lets in does not."""
    world.put_secret({TOKEN: "by hand", "note": "kept"}, labels={"theirs": "kept"}, annotations={"theirs": "kept"})
    world.bootstrapped()
    assert world.secret()["note"] == "kept"
    assert world.lets_in(world.secret()[TOKEN])
    assert world.metadata()["labels"]["theirs"] == world.annotations()["theirs"] == "kept"


CUTS = {1: "claimed", 2: "published", 3: "confirmed"}


@pytest.mark.parametrize("at", CUTS, ids=CUTS.values())
@pytest.mark.parametrize("arrives", [True, False], ids=["written", "not written"])
def test_a_bootstrap_that_was_killed_leaves_no_unknown_token(world: TeamWorld, at: int, arrives: bool) -> None:
    """Around each of its three writes: what is left is the token or dies within a minute, and the next one ends it."""
    admission = world.enter()
    with killed():
        world.present(admission, send=Cut(world.send, at, arrives))
    done = (at, arrives) == (3, True)
    outcome = world.present(admission)
    assert outcome.minted is not done
    assert len(world.accepted()) == 1
    assert world.unknown() == []
    assert world.lets_in(world.secret()[TOKEN])
    assert world.waited < 65
    assert len([one for one in world.record().of_type("operational").values() if one.state is State.ACTIVE]) == 1


def test_a_claim_that_nobody_follows_dies_by_itself(world: TeamWorld) -> None:
    """A minute after the claim nothing is let in, though nobody comes by."""
    admission = world.enter()
    with pytest.raises(KilledError):
        world.present(admission, send=Cut(world.send, 1, arrives=True))
    assert len(world.accepted()) == 1
    world._wait(60)
    assert world.accepted() == {}


def test_what_the_api_refuses_leaves_nothing(world: TeamWorld) -> None:
    """The right to write Secrets is missing: typed, and what was claimed is revoked at once."""
    admission = world.enter()
    world.faults.refuse(403, method="POST", path=f"/api/v1/namespaces/{TEAM}/secrets")
    with pytest.raises(Unauthorised):
        world.present(admission)
    assert (world.accepted(), world.secret()) == ({}, {})


def test_an_event_that_is_refused_decides_nothing(world: TeamWorld) -> None:
    """Without the right to tell Events the token is made all the same."""
    admission = world.enter()
    world.faults.refuse(403, method="POST", path="/apis/events.k8s.io")
    assert world.present(admission).minted
    assert world.told() == []


def test_on_a_real_server(kubernetes_server: KubernetesServer) -> None:
    """First, later, unknown; the Secret, the record and the Event as a real API server takes them."""
    teams = RealTeams(kubernetes_transport(connection(str(kubernetes_server.kubeconfig))), lambda _seconds: None)
    admission = teams.enter(teams.mine)
    assert teams.present(admission, teams.mine).minted
    assert not teams.present(admission, teams.mine).minted
    assert teams.lets_in(teams.secret(teams.mine)[TOKEN], teams.mine)
    assert teams.told(teams.mine) == ["Accepted"]
    with pytest.raises(BackendError):
        teams.present(new_value(), teams.mine)
    teams.assert_nothing_is_revealed()
