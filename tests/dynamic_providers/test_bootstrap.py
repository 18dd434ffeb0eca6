"""A backend that takes no credential of ours yet: who is told what, what is held, and what a dry run never does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from dynamic_providers.credentials import BackendSettings
from dynamic_providers.entrance import Entrance
from dynamic_providers.kubernetes_cluster import KubernetesCluster
from dynamic_providers.scrubber import Scrubber
from dynamic_providers.servers import Servers
from dynamic_providers.verbs import VerbError
from rotation.backends.protocol import Backend
from rotation.backends.transport import Transport
from rotation.bootstrap_note import read_bootstrap_note
from rotation.clock import system_clock
from rotation.reasons import Reason
from sandbox.apis.coder import Coder
from sandbox.faults import Faults
from tests.dynamic_providers.line import Declared, Line
from tests.dynamic_providers.world import MemoryCluster

PLACE = "coder/coder-admin-api-token"
WEEK = {"lifetime": "7d", "rotate_before": "3d", "overlap": "1d", "tolerated_outage": "2d"}
PASSWORD = "a-Planted-passphrase-17"


class _Servers(Servers):
    """The servers of a config, reached without a socket."""

    way: Transport

    def reach(self, name: str) -> Transport:  # noqa: ARG002 - there is one
        return self.way


class CoderWorld:
    """A Coder without a user, whose credential is the token's own Secret; its time is real."""

    def __init__(self, *, by_itself: bool) -> None:
        self.server = Coder(system_clock, seed=1)
        self.faults = Faults(self.server.handle)
        self.clock = system_clock
        self.cluster = MemoryCluster()
        account: dict[str, Any] = {"username": "admin"}
        if by_itself:
            account |= {"email": "admin@example.com", "password": {"config": "password"}}
        namespace, _, name = PLACE.partition("/")
        credential = {"kubernetesSecret": {"namespace": namespace, "name": name}}
        entry = {"url": "https://coder.example.com", "credential": credential}
        self._settings = BackendSettings.model_validate({**entry, "bootstrap": account})
        self._servers = self._new_process()

    def _new_process(self) -> Servers:
        cluster, scrubber = cast(KubernetesCluster, self.cluster), Scrubber()
        config = {"password": PASSWORD}.get
        made = _Servers({"coder": self._settings}, config, cluster, scrubber, lambda _b, _t: None, system_clock)
        made.way = self.faults
        return made

    def connect(self, name: str) -> Backend:
        return self._new_process().connect(name)

    def entrance(self, name: str) -> Entrance | None:
        return self._servers.entrance(name)

    def note(self) -> str:
        return self.cluster.entries.get("bootstrap.admin", "")

    def give(self, lifetime: timedelta = timedelta(days=7)) -> str:
        """What a person does: a token by hand, put where the steps say."""
        value = self.server.issue("admin", f"by-hand-{len(self.server.live_tokens())}", lifetime=lifetime)
        self.cluster.put_by_hand(PLACE, value)
        return value


@pytest.fixture(params=[False, True], ids=["by a person", "by itself"])
def world(request: pytest.FixtureRequest) -> CoderWorld:
    return CoderWorld(by_itself=request.param)


by_a_person = pytest.mark.parametrize("world", [False], ids=["by a person"], indirect=True)
by_itself = pytest.mark.parametrize("world", [True], ids=["by itself"], indirect=True)


def _line(world: CoderWorld) -> Line:
    return Line(world, Declared(backend="coder", policy=WEEK, places=(PLACE,), adopt=(PLACE,)))


def test_a_dry_run_makes_nobody(world: CoderWorld) -> None:
    """Whatever the way, a preview reads: no user, no login, no Secret, no note."""
    _line(world).run(preview=True)
    assert set(world.server.calls) <= {("GET", "/users/first"), ("GET", "/users/{user}")}
    assert (world.cluster.secrets, world.note()) == ({}, "")


@by_a_person
def test_a_first_mint_waits_and_says_how_it_goes_on(world: CoderWorld) -> None:
    """It fails alone, with the steps in the output and in the note; consumers find a placeholder."""
    line = _line(world)
    with pytest.raises(VerbError, match="BootstrapNeeded: mint admin at coder: the server has no user yet"):
        line.run()
    assert line.reasons_told() == [Reason.BOOTSTRAP_NEEDED]
    note = read_bootstrap_note(world.note())
    assert (note.standing, note.kind) == ("NoUsers", "coder")
    assert "tokens accept coder/coder-admin-api-token --kind coder" in note.instructions
    assert [text for text in line.said if "1. Open https:" in text]
    assert world.cluster.secrets[PLACE]["token"].startswith("placeholder-")
    since = note.since
    with pytest.raises(VerbError):
        line.run()
    assert read_bootstrap_note(world.note()).since == since, "the note changes when the standing does"


@by_a_person
def test_what_a_person_gives_is_adopted_and_the_rest_is_tidied(world: CoderWorld) -> None:
    """The note and the placeholder's mark go with the first receipt."""
    line = _line(world)
    with pytest.raises(VerbError):
        line.run()
    world.server.add_user("admin")
    value = world.give()
    line.run()
    assert Reason.ADOPTED in line.reasons()
    assert (world.cluster.secrets[PLACE]["token"], world.note(), world.cluster.placeholders) == (value, "", {})
    line.run()
    assert line.steps == []


@by_a_person
def test_a_dead_token_holds_everything_until_a_person_comes(world: CoderWorld) -> None:
    """Nothing is minted, revoked or written over; condition and steps stand in the receipt until a new one works."""
    line = _line(world)
    world.server.add_user("admin")
    first = world.give()
    line.run()
    (row,) = world.server.live_tokens()
    row.expires = system_clock()
    line.run()
    assert line.reasons_told() == [Reason.BOOTSTRAP_NEEDED]
    receipt = world.cluster.receipt("admin")
    assert receipt.conditions == ("BootstrapNeeded",)
    assert "1. Open https:" in receipt.instructions
    assert world.cluster.secrets[PLACE]["token"] == first
    line.run()
    assert line.steps == [], "what was told is not told again"

    second = world.give()
    line.run()
    assert world.cluster.secrets[PLACE]["token"] == second
    assert world.cluster.receipt("admin").instructions == ""


def test_a_secret_that_is_gone_comes_back_without_a_person(world: CoderWorld) -> None:
    """Its value stands in the state and works: nobody is called, nothing is minted, and a refresh puts it back."""
    line = _line(world)
    world.server.add_user("admin", password=PASSWORD, email="admin@example.com")
    if world.entrance("coder").enter is None:  # type: ignore[union-attr]
        world.give()
    line.run()
    value, logins = world.cluster.secrets[PLACE]["token"], world.server.calls["POST", "/users/login"]
    del world.cluster.secrets[PLACE]
    line.run()
    assert line.reasons_told() == [Reason.PUBLICATION_MISSING]
    del line.state[f"secret {PLACE}"]  # as `up --refresh` finds it gone
    line.run()
    assert (world.cluster.secrets[PLACE]["token"], len(world.server.live_tokens())) == (value, 1)
    assert world.server.calls["POST", "/users/login"] == logins
    line.run()  # the condition goes
    line.run()
    assert line.steps == []


@by_itself
def test_it_makes_the_user_and_mints_and_comes_back_by_itself(world: CoderWorld) -> None:
    """First user, login and mint in one run; a token that was deleted is followed by another."""
    line = _line(world)
    line.run()
    value = world.cluster.secrets[PLACE]["token"]
    assert world.server.accepts(value)
    line.run()
    assert (line.steps, world.server.calls["POST", "/users/login"]) == ([], 1)
    (row,) = world.server.live_tokens()
    row.expires = system_clock()
    line.run(preview=True)
    assert world.server.calls["POST", "/users/login"] == 1
    line.run()
    assert Reason.REJECTED_BY_BACKEND in line.reasons()
    assert world.server.accepts(world.cluster.secrets[PLACE]["token"])
    assert PASSWORD not in str(line.said) + str(world.cluster.entries) + str(line.state)


@by_itself
def test_a_login_that_is_refused_names_the_account(world: CoderWorld) -> None:
    """Somebody else made the first user: the run fails with what to correct, and without the password."""
    world.server.add_user("admin", password="another", email="admin@example.com")
    with pytest.raises(VerbError, match="Correct the account admin under `bootstrap`") as failed:
        _line(world).run()
    assert PASSWORD not in str(failed.value)
    assert world.server.live_tokens() == []


@by_a_person
def test_no_answer_is_no_standing(world: CoderWorld) -> None:
    """A server that is away is not a fresh one."""
    world.faults.down = True
    line = _line(world)
    with pytest.raises(VerbError, match="Unavailable"):
        line.run()
    assert world.note() == ""
