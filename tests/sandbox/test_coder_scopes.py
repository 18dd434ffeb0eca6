"""Scopes of the simulated Coder: what may be asked for, how it is kept, and what a narrower token is still let do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.coder_world import CoderWorld, told

GONE = (404, "Resource not found or you do not have access to this resource")


@pytest.fixture
def coder() -> CoderWorld:
    return CoderWorld()


def test_without_scopes_a_token_may_all_that_its_user_may(coder: CoderWorld) -> None:
    """It is kept and told as `coder:all`, in the old form as `all`, on everything."""
    row = coder.row(coder.mint("one"))
    assert (row["scopes"], row["scope"], row["allow_list"]) == (["coder:all"], "all", [{"type": "*", "id": "*"}])


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"scope": "all"}, ["coder:all"]),
        ({"scope": "application_connect"}, ["coder:application_connect"]),
        ({"scopes": ["all", "template:read"]}, ["coder:all", "template:read"]),
        ({"scope": "all", "scopes": ["user:read"]}, ["user:read"]),
        ({"scopes": [], "scope": "coder:templates.author"}, ["coder:templates.author"]),
    ],
    ids=str,
)
def test_scopes_are_kept_in_their_long_form(coder: CoderWorld, asked: dict[str, Any], kept: list[str]) -> None:
    """The deprecated `scope` counts only where there are no `scopes`."""
    assert coder.row(coder.mint("one", **asked))["scopes"] == kept


@pytest.mark.parametrize("scope", ["everything", "template:fly", "Template:read", "audit_log:read"])
def test_an_unknown_scope_makes_no_token(coder: CoderWorld, scope: str) -> None:
    """400, with its name: those that are the server's own are unknown to a request, too."""
    refused = coder.call("POST", "/users/me/keys/tokens", {"token_name": "one", "scopes": ["user:read", scope]})
    assert told(refused) == (400, "Failed to create API key.")
    assert refused.json()["detail"] == f'invalid or unsupported API key scope: "{scope}"'
    assert coder.names() == []


def test_a_token_may_no_more_than_its_scopes(coder: CoderWorld) -> None:
    """What they do not hold is 404, as if it were not there; the value itself is alive."""
    value = coder.mint("one", scopes=["user:read", "api_key:read"])
    assert coder.call("GET", "/users/me", by=value).status == 200
    assert coder.call("GET", "/users/me/keys/tokens", by=value).status == 200
    assert told(coder.call("POST", "/users/me/keys/tokens", {}, by=value)) == GONE
    assert told(coder.call("GET", "/organizations", by=value)) == GONE
    assert coder.server.accepts(value)


@pytest.mark.parametrize("scope", ["coder:application_connect", "coder:templates.author", "api_key:*"])
def test_a_token_that_may_not_read_users_cannot_ask_who_it_is(coder: CoderWorld, scope: str) -> None:
    """Nor do anything that stands below a user, its own tokens included."""
    value = coder.mint("one", scopes=[scope])
    for path in ("/users/me", "/users/me/keys/tokens"):
        assert told(coder.call("GET", path, by=value)) == GONE


def test_a_composite_scope_holds_what_its_task_needs(coder: CoderWorld) -> None:
    """Who authors templates may upload and write them, and may read no user."""
    author = coder.mint("one", user="maker", scopes=["coder:templates.author"])
    coder.values["maker"] = author
    template = coder.template("docker")
    assert coder.call("GET", f"/templates/{template}/versions", by=author).status == 200
    assert coder.call("DELETE", f"/templates/{template}", by=author).status == 200


def test_a_scope_gives_nothing_that_its_user_may_not(coder: CoderWorld) -> None:
    """A member with every template scope writes none."""
    coder.values["ann"] = coder.mint("one", user="ann", scopes=["template:*", "file:*"])
    assert coder.ask_version(by="ann").status == 500
    template = coder.template("docker")
    assert told(coder.call("DELETE", f"/templates/{template}", by="ann")) == GONE


def test_an_allow_list_is_kept(coder: CoderWorld) -> None:
    """And told back as it was given."""
    only = [{"type": "template", "id": "8a6f0c8e-2b7c-4c53-9f0e-6b7f2f4c9d11"}]
    assert coder.row(coder.mint("one", allow_list=only))["allow_list"] == only
