"""What the simulated Vault lets whom do, and what a look inside shows."""

from __future__ import annotations

import pytest

from rotation.backends.transport import Request
from tests.sandbox.vault_world import World

DENIED = {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
NO_TOKEN = {"errors": ["permission denied"]}


@pytest.fixture
def vault() -> World:
    return World()


def test_a_rotator_may_do_five_things(vault: World) -> None:
    """Its role, look-ups, renewals, revocations and a look at itself; nothing else, above all no list."""
    auth = vault.create(ttl="1h")
    for act in ("lookup-accessor", "renew-accessor", "revoke-accessor"):
        assert vault.call("POST", act, {"accessor": auth["accessor"]}).status in {200, 204}
    assert vault.call("GET", "lookup-self").status == 200
    vault.server.write_role("other", "admin", orphan=True)
    for method, path in (("POST", "create/other"), ("LIST", "accessors"), ("GET", "roles/homelab"), ("POST", "create")):
        answer = vault.call(method, path, {})
        assert (answer.status, answer.json()) == (403, DENIED), path


def test_only_sudo_lists(vault: World) -> None:
    """The root token and an admin's list every accessor, by either method; `list` without `sudo` is not enough."""
    admin = vault.create(ttl="1h")["client_token"]
    keys = vault.call("LIST", "accessors", by=vault.server.root_token).json()["data"]["keys"]
    assert len(keys) == 3
    assert vault.call("GET", "accessors", by=admin, list="true").json()["data"]["keys"] == keys
    vault.server.write_policy("lister", {"auth/token/accessors": ["list"]})
    assert vault.call("LIST", "accessors", by=vault.server.issue("lister")).status == 403


@pytest.mark.parametrize("path", ["lookup-self", "accessors", "no-such-path"])
def test_a_dead_token_is_told_from_a_denied_one(vault: World, path: str) -> None:
    """Without a living token every path is 403 in words that differ from a policy's no."""
    auth = vault.create(ttl="60s")
    vault.clock.move(seconds=60)
    for dead in (auth["client_token"], "s.never-was", ""):
        answer = vault.call("GET", path, by=dead)
        assert (answer.status, answer.json()) == (403, NO_TOKEN)


def test_a_role_hands_out_its_policies_only(vault: World) -> None:
    """Nothing asked for is all that the role allows; more is refused, and `default` comes along."""
    assert vault.create(ttl="60s")["policies"] == ["admin", "default"]
    assert vault.create(ttl="60s", policies=["default"])["policies"] == ["default"]
    answer = vault.call("POST", "create/homelab", {"policies": ["root"]})
    assert answer.status == 400
    assert "must be subset of the role's allowed policies" in answer.json()["errors"][0]


def test_an_accessor_tells_everything_but_the_value(vault: World) -> None:
    """Meta, path, role and instants, and an empty id; the token itself sees its own value."""
    auth = vault.create(ttl="600s", display_name="admin", meta={"owner": "o", "generation": "g"})
    shown = vault.call("POST", "lookup-accessor", {"accessor": auth["accessor"]}).json()["data"]
    assert shown["id"] == ""
    assert (shown["meta"], shown["display_name"]) == ({"owner": "o", "generation": "g"}, "token-admin")
    assert (shown["path"], shown["role"]) == ("auth/token/create/homelab", "homelab")
    assert (shown["issue_time"], shown["expire_time"]) == ("2026-01-01T12:00:00Z", "2026-01-01T12:10:00Z")
    own = vault.call("GET", "lookup-self", by=auth["client_token"]).json()["data"]
    assert own == {**shown, "id": auth["client_token"]}


def test_revoking_the_unknown_is_a_success_with_a_warning(vault: World) -> None:
    """204 for what was there, 200 with a warning for what was not; to look up and renew it is 400."""
    auth = vault.create(ttl="600s")
    body = {"accessor": auth["accessor"]}
    assert vault.call("POST", "revoke-accessor", body).status == 204
    again = vault.call("POST", "revoke-accessor", body)
    assert (again.status, again.json()["warnings"]) == (200, ["No token found with this accessor"])
    for act in ("lookup-accessor", "renew-accessor"):
        assert vault.call("POST", act, body).json() == {"errors": ["1 error occurred:\n\t* invalid accessor\n\n"]}
        assert vault.call("POST", act, {}).json() == {"errors": ["1 error occurred:\n\t* missing accessor\n\n"]}


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"'])
def test_a_body_that_is_no_object_is_refused(vault: World, body: bytes) -> None:
    """400 before anything is made."""
    headers = {"x-vault-token": vault.rotator}
    answer = vault.server.handle(Request("POST", "/v1/auth/token/create/homelab", {}, headers, body))
    assert answer.status == 400
    assert len(vault.server.live_tokens()) == 2


@pytest.mark.parametrize("header", ["X-Vault-Token", "x-vault-token", "Authorization"])
def test_a_credential_comes_in_either_header(vault: World, header: str) -> None:
    """Whatever the case of the header's name."""
    text = vault.rotator if header != "Authorization" else f"Bearer {vault.rotator}"
    assert vault.server.handle(Request("GET", "/v1/auth/token/lookup-self", {}, {header: text})).status == 200


def test_paths_outside_the_api_are_not_there(vault: World) -> None:
    """404 for root, and a method that a path does not know is 405."""
    headers = {"x-vault-token": vault.server.root_token}
    assert vault.server.handle(Request("GET", "/auth/token/lookup-self", {}, headers)).status == 404
    assert vault.call("GET", "nothing", by=vault.server.root_token).status == 404
    assert vault.call("DELETE", "lookup-self", by=vault.server.root_token).status == 405


def test_calls_are_counted_by_template(vault: World) -> None:
    """Refused calls count as well; a look inside does not."""
    vault.create(ttl="60s")
    vault.call("PUT", "create/other", {})
    vault.server.accepts(vault.rotator)
    vault.server.live_tokens()
    assert vault.server.calls == {("POST", "auth/token/create/{role}"): 2}


def test_live_tokens_show_generation_and_end(vault: World) -> None:
    """Oldest first, without values; the root token has no end and no generation."""
    auth = vault.create(ttl="600s", meta={"owner": "o", "generation": "g"})
    root, rotator, ours = vault.server.live_tokens()
    assert (root.expires, root.generation) == (None, "")
    assert rotator.expires is not None
    assert (ours.accessor, ours.generation, ours.owner) == (auth["accessor"], "g", "o")
    assert auth["client_token"] not in repr(vault.server.live_tokens())


def test_values_repeat_only_with_a_seed(vault: World) -> None:
    """The same seed gives the same values, another run without a seed does not."""
    assert World().rotator == vault.rotator
    assert type(vault.server)(vault.clock).root_token != type(vault.server)(vault.clock).root_token
