"""What only the Vault adapter does, on a real OpenBao: its role, its lease, its cap, its word that one is gone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from rotation import lifecycle
from rotation.backends.transport import Request, Response, json_response
from rotation.backends.vault import CAPABILITIES, connect
from rotation.errors import BackendError, GrantedTooShort, NotFound, Refused, Unauthorised, Unavailable
from rotation.testing.builders import HandClock, a_policy
from rotation.testing.worlds import TOLD_TO, mint, order_of, raised
from sandbox.servers.openbao import OpenBaoServer
from tests.backends.openbao_world import OpenBaoWorld

HOUR = timedelta(hours=1)
SHORT = {"lifetime": "1h", "rotate_before": "30m", "overlap": "10m", "tolerated_outage": "10m"}


@pytest.fixture
def world(openbao_server: OpenBaoServer) -> Iterator[OpenBaoWorld]:
    made = OpenBaoWorld(openbao_server)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"orphan": False, "renewable": True}, "not an orphan"), ({"orphan": True, "renewable": False}, "not renewable")],
)
def test_an_unfit_role_is_refused_and_undone(
    world: OpenBaoWorld, openbao_server: OpenBaoServer, settings: dict[str, Any], said: str
) -> None:
    """A role whose tokens die with their parent, or cannot be extended, is refused by name; nothing stays alive."""
    openbao_server.as_root("POST", "auth/token/roles/unfit", {"allowed_policies": ["default"], **settings})
    world.spec = {"role": "unfit"}
    world.backend = world.connect(openbao_server.root_token)
    before = world.alive()
    error = raised(Refused, lambda: mint(world))
    assert f"the role unfit makes a token that is {said}" in error.cause
    assert "auth/token/roles/unfit with orphan=true and renewable=true" in error.remedy
    assert world.alive() == before


@pytest.mark.parametrize(
    ("lifetime", "lease"),
    [
        (HOUR, timedelta(minutes=10)),
        (timedelta(minutes=40), timedelta(minutes=10)),
        (timedelta(seconds=80), timedelta(seconds=20)),
    ],
)
def test_a_lease_is_short(world: OpenBaoWorld, lifetime: timedelta, lease: timedelta) -> None:
    """Ten minutes, or a quarter of the lifetime if that is less."""
    minted = mint(world, lifetime)
    assert minted.expires is not None
    assert abs(minted.expires - minted.created - lease) <= TOLD_TO


def test_a_subset_of_the_roles_policies(world: OpenBaoWorld) -> None:
    """The spec's policies are asked for; one that the role does not allow is refused."""
    world.spec = {**world.spec, "policies": ("conformance-admin",)}
    mint(world)
    world.spec = {**world.spec, "policies": ("root",)}
    raised(Refused, lambda: mint(world))


def test_a_role_that_is_not_there_is_refused(world: OpenBaoWorld) -> None:
    """The rotator may use one role: another is Unauthorised; nothing is made."""
    before = world.alive()
    world.spec = {"role": "elsewhere"}
    raised((Unauthorised, Refused), lambda: mint(world))
    assert world.alive() == before


def test_the_cap_is_the_servers(world: OpenBaoWorld) -> None:
    """No renewal passes 768 hours: what is granted is told, not what was wished for."""
    minted = mint(world)
    end = world.backend.confirm(minted.handle, timedelta(days=400))
    assert CAPABILITIES.cap is not None
    assert abs(end - minted.created - CAPABILITIES.cap) <= TOLD_TO


def test_a_short_grant_is_revoked_and_refused(world: OpenBaoWorld, openbao_server: OpenBaoServer) -> None:
    """A role that grants less than the policy needs: the confirmation is refused with the margin, and nothing lives."""
    role = {"allowed_policies": ["default"], "orphan": True, "renewable": True, "token_explicit_max_ttl": "30m"}
    openbao_server.as_root("POST", "auth/token/roles/mean", role)
    world.spec = {"role": "mean"}
    world.backend = world.connect(openbao_server.root_token)
    minted = lifecycle.mint(world.backend, order_of(world), a_policy(**SHORT))
    error = raised(GrantedTooShort, lambda: lifecycle.confirm(world.backend, minted, a_policy(**SHORT)))
    assert "the policy needs 30m (margin -" in error.cause
    assert world.backend.is_dead(minted.handle)


def test_an_unknown_accessor_is_gone(world: OpenBaoWorld) -> None:
    """The server's word that there is no such accessor is NotFound to confirm and renew, dead to a look-up."""
    for act in (world.backend.confirm, world.backend.renew):
        assert "invalid accessor" in raised(NotFound, lambda act=act: act(world.unknown, HOUR)).cause  # type: ignore[misc]
    assert world.backend.is_dead(world.unknown)
    assert world.backend.inventory(world.owner, [world.unknown]) == []


def test_a_look_up_is_one_call_for_each_token(world: OpenBaoWorld) -> None:
    """An inventory of three known accessors is three calls; nothing is listed, which would need sudo."""
    handles = [mint(world).handle for _ in range(3)]
    world.forward.calls.clear()
    world.backend.inventory(world.owner, handles)
    assert world.forward.calls == {("POST", "/v1/auth/token/lookup-accessor"): 3}


def test_a_lease_holds_no_value_in_its_metadata(world: OpenBaoWorld, openbao_server: OpenBaoServer) -> None:
    """What the server keeps beside the token names owner, token and generation, and nothing else."""
    minted = mint(world)
    data = openbao_server.as_root("POST", "auth/token/lookup-accessor", {"accessor": minted.handle})["data"]
    assert data["meta"] == {"owner": world.owner, "token": "admin", "generation": minted.id}


def test_an_own_credential_of_our_making_is_listed(world: OpenBaoWorld) -> None:
    """Without known accessors the inventory is our own credential if it bears our mark, else nothing."""
    assert world.backend.inventory(world.owner, []) == []
    minted = mint(world)
    own = world.connect(minted.value)
    assert [generation.handle for generation in own.inventory(world.owner, [])] == [minted.handle]
    assert own.inventory(f"{world.owner}x", []) == []


@pytest.mark.parametrize(
    "body", [b"404 page not found", b"<html>", b"", b'{"errors": []}', b'{"errors": ["no handler"]}']
)
def test_a_404_is_no_word_about_a_token(body: bytes) -> None:
    """The server never says by a 404 that a token is gone, a proxy before it does: nothing counts as dead for it."""
    backend = connect("vault", lambda _request: Response(404, {}, body), "planted", HandClock(), print)
    raised(Unavailable, lambda: backend.is_dead("accessor"))
    raised(Unavailable, lambda: backend.revoke("accessor"))
    raised(Unavailable, lambda: backend.inventory("owner", ["accessor"]))


def test_token_gone_with_its_index_left_is_gone() -> None:
    """A 400 `token not found` is NotFound like an invalid accessor; any other 400 is a refusal."""

    def answering(text: str) -> BackendError | bool:
        def transport(_request: Request) -> Response:
            return json_response(400, {"errors": [text]})

        try:
            return connect("vault", transport, "planted", HandClock(), print).is_dead("accessor")
        except BackendError as error:
            return error

    assert answering("1 error occurred: token not found") is True
    assert isinstance(answering("missing accessor"), Refused)


def test_a_token_made_by_hand_is_recognised(world: OpenBaoWorld, openbao_server: OpenBaoServer) -> None:
    """One that a person made by the role, or with just the policies that the spec names, and no other."""
    by_role = openbao_server.as_root("POST", "auth/token/create/conformance", {"ttl": "1h"})["auth"]
    by_hand = openbao_server.as_root("POST", "auth/token/create", {"ttl": "1h", "policies": ["other"]})["auth"]
    found = world.backend.recognise(by_role["client_token"], {"role": "conformance"})
    assert (found.id, found.handle) == (by_role["accessor"], by_role["accessor"])
    assert found.expires is not None
    named = {"role": "conformance", "policies": ["other"]}
    assert world.backend.recognise(by_hand["client_token"], named).handle == by_hand["accessor"]
    error = raised(Refused, lambda: world.backend.recognise(by_hand["client_token"], {"role": "conformance"}))
    assert error.cause == "its policies are other and its path is auth/token/create"
    raised(Refused, lambda: world.backend.recognise(by_role["client_token"], named))
    for made in (by_role, by_hand):
        world.backend.revoke(made["accessor"])
