"""How long a token of the simulated Vault lives: what is granted, what a renewal moves, and who dies with whom."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.apis.vault_records import duration, go_duration
from tests.sandbox.vault_world import World

CAP = 768 * 3600
DAY = 86400


@pytest.fixture
def vault() -> World:
    return World()


@pytest.mark.parametrize(("ttl", "granted"), [("600s", 600), ("1h30m", 5400), ("90", 90), (45, 45), (None, CAP)])
def test_what_is_asked_is_granted(vault: World, ttl: object, granted: int) -> None:
    """A ttl is a text with units, a number, or nothing, which is the server's default of 768 hours."""
    assert vault.create(ttl=ttl)["lease_duration"] == granted


def test_no_more_than_the_cap_is_granted(vault: World) -> None:
    """A ttl beyond 768 hours is cut with a warning, never refused."""
    answer = vault.call("POST", "create/homelab", {"ttl": "900h"}).json()
    assert answer["auth"]["lease_duration"] == CAP
    told = 'TTL of "900h" exceeded the effective max_ttl of "768h"; TTL value is capped accordingly'
    assert answer["warnings"] == [told]


def test_a_renewal_moves_the_end(vault: World) -> None:
    """The new end counts from the renewal, not from the old end."""
    auth = vault.create(ttl="600s")
    vault.clock.move(seconds=300)
    assert vault.ttl(auth) == 300
    assert vault.renew(auth, 3600) == 3600
    assert vault.ttl(auth) == 3600
    shown = vault.call("GET", "lookup-self", by=auth["client_token"]).json()["data"]
    assert (shown["last_renewal"], shown["expire_time"]) == ("2026-01-01T12:05:00Z", "2026-01-01T13:05:00Z")


def test_what_is_not_renewable_is_refused(vault: World) -> None:
    """By its role, or because the mint asked for it; it keeps its end."""
    vault.server.write_role("fixed", "default", orphan=True, renewable=False)
    fixed = vault.create("fixed", by=vault.server.root_token, ttl="600s")
    for auth in (fixed, vault.create(ttl="600s", renewable=False)):
        assert not auth["renewable"]
        answer = vault.call("POST", "renew-accessor", {"accessor": auth["accessor"], "increment": 3600})
        assert (answer.status, answer.json()) == (400, {"errors": ["1 error occurred:\n\t* invalid request\n\n"]})
        assert vault.ttl(auth) == 600


def test_a_shorter_increment_shortens_and_sticks(vault: World) -> None:
    """A renewal without an increment repeats the last granted length, not the first."""
    auth = vault.create(ttl="3600s")
    assert vault.renew(auth, 60) == 60
    vault.clock.move(seconds=30)
    assert vault.renew(auth) == 60
    vault.clock.move(seconds=59)
    assert vault.is_there(auth)
    vault.clock.move(seconds=1)
    assert not vault.is_there(auth)


def test_no_renewal_passes_the_cap(vault: World) -> None:
    """The cap counts from the issue: on day 30 of 32 a full renewal gives two days, and the token ends on day 32."""
    auth = vault.create(ttl="768h")
    vault.clock.move(days=30)
    assert vault.renew(auth, CAP) == 2 * DAY
    vault.clock.move(days=2)
    assert not vault.is_there(auth)


def test_a_roles_longest_life_counts_at_the_renewal(vault: World) -> None:
    """What the role says now is the cap, whatever it said at the mint."""
    auth = vault.create(ttl="600s")
    vault.server.write_role("homelab", "admin", orphan=True, explicit_max_ttl=timedelta(minutes=30))
    vault.clock.move(minutes=5)
    assert vault.renew(auth, 3600) == 25 * 60
    assert vault.create(ttl="1h")["lease_duration"] == 30 * 60


def test_a_token_of_a_deleted_role_cannot_be_renewed(vault: World) -> None:
    """It lives to its end, but a renewal fails with the server's own fault."""
    auth = vault.create(ttl="600s")
    vault.server.delete_role("homelab")
    answer = vault.call("POST", "renew-accessor", {"accessor": auth["accessor"]})
    assert answer.status == 500
    assert 'original token role "homelab" could not be found' in answer.json()["errors"][0]
    assert vault.is_there(auth)


def test_a_periodic_token_never_reaches_a_cap(vault: World) -> None:
    """The rotator's own token gets its period at each renewal, whatever increment is asked; unrenewed it dies."""
    for _ in range(5):
        vault.clock.move(days=31)
        answer = vault.call("POST", "renew-self", {"increment": 60}, by=vault.rotator)
        assert answer.json()["auth"]["lease_duration"] == CAP
    vault.clock.move(days=32)
    assert not vault.server.accepts(vault.rotator)


def test_a_token_dies_at_its_end(vault: World) -> None:
    """Until its last instant a token is accepted, from then on it is gone: to itself, by accessor and to the list."""
    auth = vault.create(ttl="600s")
    vault.clock.move(seconds=599)
    assert vault.is_there(auth)
    vault.clock.move(seconds=1)
    assert not vault.is_there(auth)
    assert auth["accessor"] not in {token.accessor for token in vault.server.live_tokens()}


def test_a_longer_end_outlives_the_first(vault: World) -> None:
    """A renewed token is not ended at the end that it was minted with."""
    auth = vault.create(ttl="600s")
    vault.renew(auth, 7200)
    vault.clock.move(seconds=601)
    assert vault.is_there(auth)


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_children_die_with_their_parent(vault: World, end: str) -> None:
    """A role without `orphan` makes a child of its caller, which dies with it, however long it was granted; an orphan
    lives on."""
    vault.server.write_role("childish", "admin")
    parent = vault.create(ttl="60s")
    child = vault.create("childish", by=parent["client_token"], ttl="1h")
    grandchild = vault.create("childish", by=child["client_token"], ttl="1h")
    orphan = vault.create(by=child["client_token"], ttl="1h")
    assert (child["orphan"], orphan["orphan"]) == (False, True)
    if end == "revoked":
        vault.call("POST", "revoke-accessor", {"accessor": parent["accessor"]})
    else:
        vault.clock.move(seconds=60)
    assert [vault.is_there(token) for token in (parent, child, grandchild, orphan)] == [False, False, False, True]


def test_a_child_can_die_alone(vault: World) -> None:
    """Revoking a child leaves its parent and its siblings."""
    vault.server.write_role("childish", "admin")
    parent = vault.create(ttl="1h")
    one, two = (vault.create("childish", by=parent["client_token"], ttl="1h") for _ in range(2))
    vault.call("POST", "revoke-self", by=one["client_token"])
    assert [vault.is_there(token) for token in (parent, one, two)] == [True, False, True]
    vault.call("POST", "revoke-accessor", {"accessor": parent["accessor"]})
    assert not vault.is_there(two)


def test_durations_are_read_and_written_as_the_server_does() -> None:
    """Hours, minutes and seconds, without the parts that are zero."""
    written = {text: go_duration(duration(text)) for text in ("768h", "5000000", "90m", "61s", "0", "1500ms")}
    assert written == {
        "768h": "768h",
        "5000000": "1388h53m20s",
        "90m": "1h30m",
        "61s": "1m1s",
        "0": "0s",
        "1500ms": "1s",
    }
