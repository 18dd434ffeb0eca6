"""The simulated Connect has the traps of the real one."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from rotation.backends.transport import Request
from sandbox.remote import Remote
from tests.sandbox.connect_world import ConnectWorld

ROOT = Path(__file__).resolve().parents[2]
TOKEN = {"label": "token", "type": "CONCEALED", "value": "v1"}


@pytest.fixture
def connect() -> ConnectWorld:
    return ConnectWorld()


def test_a_new_item_is_seen_after_a_while(connect: ConnectWorld) -> None:
    """A POST answers 200 with version 1 and ids; readers and searches know the item only when the lag is over."""
    made = connect.create("one", TOKEN)
    early = connect.call("GET", connect.item_path(made))
    searched = connect.call("GET", f"/vaults/{connect.vault}/items").json()
    connect.clock.move(seconds=1)
    late = connect.call("GET", connect.item_path(made))

    assert re.fullmatch(r"[\da-z]{26}", made["id"])
    assert made["version"] == 1
    assert (early.status, searched) == (404, [])
    assert early.json() == {"status": 404, "message": f"item {made['id']} not found"}
    assert late.json() == made


def test_a_change_is_read_late_and_answers_the_old_version(connect: ConnectWorld) -> None:
    """A PUT answers what was written under the number before it; a read right after still tells the old content."""
    made = connect.create("one", TOKEN)
    connect.settle()
    answer = connect.call("PUT", connect.item_path(made), {**made, "fields": [{**TOKEN, "value": "v2"}]}).json()
    stale = connect.call("GET", connect.item_path(made)).json()
    connect.settle()
    fresh = connect.call("GET", connect.item_path(made)).json()

    assert (answer["version"], answer["fields"][0]["value"]) == (1, "v2")
    assert (stale["version"], stale["fields"][0]["value"]) == (1, "v1")
    assert (fresh["version"], fresh["fields"][0]["value"]) == (2, "v2")


def test_a_put_removes_what_it_does_not_name(connect: ConnectWorld) -> None:
    """Fields, sections and tags that a PUT leaves out are gone: two writers of one item undo each other."""
    section = {"id": "s", "label": "rotation"}
    made = connect.create("one", TOKEN, {"label": "theirs", "value": "x"}, sections=[section], tags=["a"])
    connect.call("PUT", connect.item_path(made), {"id": made["id"], **connect.note("one", [TOKEN])})
    (kept,) = connect.server.items(connect.vault)

    assert connect.server.values(connect.vault, "one") == {"token": "v1"}
    assert (kept["sections"], kept["tags"]) == ([], [])


@pytest.mark.parametrize("writer", ["a person", "a stale version"])
def test_a_concurrent_write_is_a_conflict(connect: ConnectWorld, writer: str) -> None:
    """409 for a PUT on top of a change by hand that Connect does not know yet, and for one of an old version."""
    made = connect.create("one", TOKEN)
    connect.settle()
    body = {key: value for key, value in made.items() if key != "version"}
    if writer == "a person":
        connect.server.write_by_hand(connect.vault, "one", {"token": "theirs"})
    else:
        assert connect.call("PUT", connect.item_path(made), body).status == 200
        body = made
    assert connect.call("PUT", connect.item_path(made), body).status == 409
    if writer == "a person":
        connect.settle()
        assert connect.call("PUT", connect.item_path(made), body).status == 200


def test_a_deletion_too_soon_is_a_500(connect: ConnectWorld) -> None:
    """A conflict of a deletion is told as a 500 that says nothing; later it is a 204, and then a 404."""
    made = connect.create()
    early = connect.call("DELETE", connect.item_path(made))
    connect.settle()

    assert (early.status, early.json()["message"]) == (500, "Something went wrong")
    assert connect.call("DELETE", connect.item_path(made)).status == 204
    assert connect.call("DELETE", connect.item_path(made)).status == 404
    assert connect.server.items(connect.vault) == []


def test_titles_are_not_unique(connect: ConnectWorld) -> None:
    """The same POST twice makes two items; a search for the title tells both, as summaries without fields."""
    connect.create("one", TOKEN, tags=["mine"])
    connect.create("one", TOKEN)
    connect.create("other", TOKEN)
    connect.settle()
    items = f"/vaults/{connect.vault}/items"
    found = connect.call("GET", items, filter='title eq "one"').json()
    tagged = connect.call("GET", items, filter='tag eq "mine"').json()

    assert [item["title"] for item in found] == ["one", "one"]
    assert not [item for item in found if "fields" in item or "sections" in item]
    assert [item["tags"] for item in tagged] == [["mine"]]
    assert connect.call("GET", items, filter="title is one").status == 400


@pytest.mark.parametrize("key", ["name", "title"])
def test_vaults_are_found_by_both_spellings(connect: ConnectWorld, key: str) -> None:
    """`name eq` is documented, `title eq` is what the Go client sends; a title with quotes can be asked for."""
    quoted = connect.server.add_vault('the "other" one')
    token = connect.server.grant("reader", connect.vault, quoted)
    found = connect.call("GET", "/vaults", token=token, filter=f'{key} eq "homelab"').json()
    other = connect.call("GET", "/vaults", token=token, filter=key + ' eq "the \\"other\\" one"').json()

    assert [vault["id"] for vault in found] == [connect.vault]
    assert [vault["id"] for vault in other] == [quoted]


def test_an_access_token_sees_its_vaults_only(connect: ConnectWorld) -> None:
    """401 without a known token, 403 out of its scope or for a write that it may not do, 404 for no vault at all."""
    private = connect.server.add_vault("private")
    reader = connect.server.grant("reader", connect.vault, writes=False)
    items = f"/vaults/{connect.vault}/items"

    assert connect.call("GET", "/vaults", token="wrong").status == 401
    assert [vault["name"] for vault in connect.call("GET", "/vaults").json()] == ["homelab"]
    out = connect.call("GET", f"/vaults/{private}")
    assert (out.status, out.json()["message"]) == (403, f"vault {private} is not in scope")
    assert connect.call("GET", f"/vaults/{'a' * 26}").status == 404
    assert connect.call("POST", items, connect.note("one", []), token=reader).status == 403
    assert connect.call("GET", items, token=reader).status == 200


def test_a_403_may_mean_nothing(connect: ConnectWorld) -> None:
    """After a spurious refusal the same request is answered."""
    connect.server.deny_next(2)
    assert [connect.call("GET", "/vaults").status for _ in range(3)] == [403, 403, 200]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"category": "DOCUMENT"}, "Invalid item category"),
        ({"vault": {"id": "b" * 26}}, "Invalid item: vault id must be the one of the path"),
        ({"category": "PASSWORD"}, "Invalid item: PASSWORD needs a field with the purpose PASSWORD"),
        ({"fields": [{"type": "SECRET"}]}, "Invalid item: unknown field type"),
        ({"fields": [{"type": "DATE", "value": "2026-01-31T02:00:00Z"}]}, "Invalid item: the value is no DATE"),
    ],
)
def test_a_misshapen_item_is_refused(connect: ConnectWorld, change: dict[str, object], message: str) -> None:
    """400 with the cause; nothing is made."""
    answer = connect.call("POST", f"/vaults/{connect.vault}/items", {**connect.note("one", []), **change})
    assert (answer.status, answer.json()["message"]) == (400, message)
    assert connect.server.items(connect.vault) == []


def test_a_value_may_be_generated(connect: ConnectWorld) -> None:
    """A field that asks for it gets a value by its recipe, and another at each write."""
    wish = {"purpose": "PASSWORD", "label": "password", "generate": True}
    recipe = {"length": 12, "characterSets": ["DIGITS"]}
    made = connect.create("one", {**wish, "recipe": recipe}, category="PASSWORD")
    again = connect.create("one", {**wish, "recipe": recipe}, category="PASSWORD")

    assert re.fullmatch(r"\d{12}", made["fields"][0]["value"])
    assert made["fields"][0]["value"] != again["fields"][0]["value"]


def test_health_says_whether_it_was_ever_asked(connect: ConnectWorld) -> None:
    """The sync part needs a token until the first authenticated call; the heartbeat asks for none."""

    def sync() -> str:
        return str(connect.server.handle(Request("GET", "/health")).json()["dependencies"][0]["status"])

    assert connect.server.handle(Request("GET", "/heartbeat")).body == b"."
    assert sync() == "TOKEN_NEEDED"
    connect.call("GET", "/vaults")
    assert sync() == "ACTIVE"


def test_the_look_inside_shows_no_value(connect: ConnectWorld) -> None:
    """Access tokens are told by name and vaults, and no repr of what is kept holds a value."""
    connect.create("one", {**TOKEN, "value": "planted-value"})
    store = connect.server._store
    told = repr(connect.server.live_tokens()) + repr(store.items) + repr(list(store.accesses.values()))

    assert "identifier='rotator', username='homelab'" in told
    assert "planted-value" not in told
    assert connect.token not in told
    assert connect.server.accepts(connect.token)


def test_it_can_be_made_current_at_once() -> None:
    """A lag of any length can be set, and a sweep lets readers see every write."""
    slow = ConnectWorld(lag=timedelta(hours=1))
    made = slow.create()
    slow.settle()
    assert slow.call("GET", slow.item_path(made)).status == 404
    slow.server.sweep()
    assert slow.call("GET", slow.item_path(made)).status == 200


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    """Started by `python -m sandbox.serve` it says its URL, has its vaults, and knows the token in the file."""
    file = tmp_path / "token"
    argv = [sys.executable, "-m", "sandbox.serve", "connect", "--access-token-file", str(file), "--vault", "apps"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            headers = {"authorization": f"Bearer {file.read_text()}"}
            vaults = httpx.get(f"{url}/v1/vaults", headers=headers, trust_env=False).json()
            with Remote(url) as remote:
                told = remote.live_tokens()
                remote.sweep()
        finally:
            process.terminate()
    assert [vault["name"] for vault in vaults] == ["apps"]
    assert told == [{"identifier": "sandbox", "username": "apps", "expires": None}]
    assert file.stat().st_mode & 0o077 == 0
