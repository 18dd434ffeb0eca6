"""Notifications: each receiver's form, what happens when nobody takes them, and that no webhook's key leaks."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from operations.notifications import KEPT, LONGEST_TEXT, Message, notify, undelivered
from tests.operations.webhook_world import KEY, receiving

MESSAGE = Message(
    "token-rotation homelab: rotate done",
    ["admin: rotate (NearingExpiry): it ends <soon> & surely"],
    facts={"run": "r1", "exit_code": 0},
)


@dataclass(frozen=True)
class Wishes:
    """What people set."""

    notification_webhook: SecretStr | None
    notification_enabled: bool = True


def to(url: str) -> Wishes:
    return Wishes(SecretStr(url))


def test_generic_json() -> None:
    """A receiver that is none of the known ones gets title, text, lines, whether it is grave, and the facts."""
    with receiving() as receiver:
        assert notify(to(receiver.url), MESSAGE, {})
    (request,) = receiver.taken
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "title": MESSAGE.title,
        "text": MESSAGE.text,
        "grave": False,
        "lines": list(MESSAGE.lines),
        "run": "r1",
        "exit_code": 0,
    }


@pytest.mark.parametrize(("path", "wish"), [("/hooks/abc", ""), ("/api/x/slack", ""), ("/any", "slack")])
def test_slack_and_what_reads_like_it(path: str, wish: str) -> None:
    """Text for a phone and blocks for a screen, with Slack's three marks escaped; by the url's form or by wish."""
    with receiving(path) as receiver:
        assert notify(to(receiver.url), MESSAGE, {"TOKEN_ROTATION_NOTIFICATION_FORMAT": wish})
    body = json.loads(receiver.bodies[0])
    assert body["text"].startswith("token-rotation homelab: rotate done\n")
    assert "&lt;soon&gt; &amp; surely" in body["text"]
    assert [block["text"]["text"] for block in body["blocks"]] == [
        "*token-rotation homelab: rotate done*",
        "admin: rotate (NearingExpiry): it ends &lt;soon&gt; &amp; surely",
    ]


@pytest.mark.parametrize(("grave", "priority", "tag"), [(False, "default", "key"), (True, "high", "warning")])
def test_ntfy(grave: bool, priority: str, tag: str) -> None:
    """The body is what is read, headers say title, priority and tags; what is grave rings louder."""
    message = Message("rotate: needs a person", ["admin: x"], grave)
    with receiving("/topic") as receiver:
        assert notify(to(receiver.url), message, {"TOKEN_ROTATION_NOTIFICATION_FORMAT": "ntfy"})
    (request,) = receiver.taken
    assert request.body == b"admin: x"
    told = [request.headers[name] for name in ("title", "priority", "tags")]
    assert told == ["rotate: needs a person", priority, tag]


@pytest.mark.parametrize(
    "wishes", [Wishes(None), Wishes(SecretStr("http://127.0.0.1:9/x"), notification_enabled=False)]
)
def test_nobody_who_did_not_ask_is_told(wishes: Wishes) -> None:
    """Without a webhook, or with notifications switched off, nothing is sent and nothing is kept."""
    assert notify(wishes, MESSAGE, {})
    assert undelivered(wishes, ["earlier"], MESSAGE, {}) == ([], "")


def test_a_receiver_that_stumbles_gets_it_by_the_next_attempt() -> None:
    """Server errors, a rate limit and a broken connection are tried again."""
    with receiving() as receiver:
        receiver.faults.refuse(503)
        receiver.faults.refuse(429)
        receiver.faults.drop()
        assert notify(to(receiver.url), MESSAGE, {})
    assert len(receiver.taken) == 1


def test_a_receiver_that_refuses_is_asked_once() -> None:
    """A webhook that was removed stays removed."""
    with receiving() as receiver:
        receiver.faults.refuse(404, times=9)
        assert not notify(to(receiver.url), MESSAGE, {})
        assert receiver.faults.met["refuse"] == 1


def test_what_nobody_took_is_kept_and_sent_first() -> None:
    """The texts wait in order; the next run sends them before its own, each marked as late, once."""
    later = Message("rotate: done")
    with receiving() as receiver:
        receiver.faults.down = True
        waiting, cause = undelivered(to(receiver.url), ["an earlier one"], MESSAGE, {})
        assert waiting == ["(told late) an earlier one", MESSAGE.text]
        assert cause.startswith("no answer")
        receiver.faults.clear()
        assert undelivered(to(receiver.url), waiting, later, {}) == ([], "")
    titles = [json.loads(body)["title"] for body in receiver.bodies]
    assert titles == ["(told late) an earlier one", f"(told late) {MESSAGE.text}", "rotate: done"]


def test_a_receiver_that_is_away_is_asked_for_the_first_only() -> None:
    """Ten that wait do not cost ten time limits."""
    with receiving() as receiver:
        receiver.faults.refuse(500, times=99)
        waiting, _ = undelivered(to(receiver.url), [str(number) for number in range(8)], MESSAGE, {})
        assert receiver.faults.met["refuse"] == 4, "one notification, in each attempt"
    assert len(waiting) == 9


def test_what_waits_is_bounded() -> None:
    """A ConfigMap holds it: the newest ten, each cut."""
    long = Message("x" * 9000)
    waiting, _ = undelivered(to("http://127.0.0.1:9/x"), [f"{number}" for number in range(30)], long, {})
    assert len(waiting) == KEPT
    assert waiting[-1] == "x" * LONGEST_TEXT
    assert waiting[0] == "(told late) 21"


def test_a_slow_receiver_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run does not wait for a receiver that does not answer."""
    monkeypatch.setattr("operations.notifications._LIMIT_SECONDS", 0.3)
    with receiving() as receiver:
        receiver.faults.delay(1.5, times=9)
        waiting, cause = undelivered(to(receiver.url), [], MESSAGE, {})
    assert waiting == [MESSAGE.text]
    assert cause == "no answer in time"


@pytest.mark.parametrize("trouble", ["refuse", "down", "nonsense"])
def test_the_key_in_the_url_is_told_to_nobody(trouble: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither what is kept nor the cause nor any output holds the url."""
    with receiving() as receiver:
        url = receiver.url if trouble != "nonsense" else f"http://[{KEY}"
        if trouble == "refuse":
            receiver.faults.refuse(500, times=99)
        receiver.faults.down = trouble == "down"
        waiting, cause = undelivered(to(url), [], MESSAGE, {})
    assert waiting == [MESSAGE.text]
    printed = capfd.readouterr()
    assert KEY not in f"{waiting} {cause} {printed.out} {printed.err} {to(url)!r}"
