"""The one way in which calls are made: clocks compared, errors typed and cut, the credential never shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import quote

import pytest

from rotation.backends.api_client import ApiClient
from rotation.backends.transport import Request, Response, Transport, json_response
from rotation.errors import (
    BackendError,
    ClockSkew,
    Conflict,
    NotFound,
    RateLimited,
    Refused,
    Unauthorised,
    Unavailable,
)
from rotation.testing.builders import SECOND, HandClock
from rotation.testing.secrecy import reveals, told_by
from rotation.testing.worlds import raised

PLANTED = 'planted"value/with+every=kind&of%sign'
LONG = "x" * 100


class Server:
    """Answers what it is told to, and keeps the requests."""

    def __init__(self, *answers: Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def a_client(transport: Transport, warn: Callable[[str], None] = lambda _text: None) -> ApiClient:
    """A client whose server says what is wrong under `detail`."""

    def shown(body: dict[str, str]) -> str:
        return body["detail"]

    def authorised(credential: str) -> dict[str, str]:
        return {"authorization": f"Bearer {credential}"}

    return ApiClient("authentik", transport, PLANTED, authorised, shown, HandClock(), warn)


def refusing(status: int, detail: object, **headers: str) -> Response:
    return json_response(status, {"detail": detail}, {name.replace("_", "-"): text for name, text in headers.items()})


def dated(offset: timedelta) -> Response:
    return json_response(200, {}, {"date": format_datetime(HandClock().now + offset, usegmt=True)})


@pytest.mark.parametrize("sign", [1, -1])
def test_clocks_that_differ(sign: int) -> None:
    """A minute is nothing, more is warned of once, five minutes still work, more are refused, whichever is ahead."""
    for seconds, warned in ((0, 0), (60, 0), (61, 1), (300, 1)):
        warnings: list[str] = []
        client = a_client(Server(dated(sign * seconds * SECOND)), warnings.append)
        client.read("list", "/")
        client.read("list", "/")
        assert len(warnings) == warned
    assert warnings == ["the clock of authentik and ours differ by 5m"]
    error = raised(ClockSkew, lambda: a_client(Server(dated(sign * 301 * SECOND))).read("list", "/"))
    assert "differ by 301s, more than 5m" in error.cause
    assert "NTP" in error.remedy


def test_a_skewed_refusal_is_a_skew() -> None:
    """The clock is looked at in a refusal as well: a skewed clock is why tokens look expired."""
    answer = refusing(403, "expired", date=format_datetime(HandClock().now + 400 * SECOND, usegmt=True))
    raised(ClockSkew, lambda: a_client(Server(answer)).read("list", "/"))


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Jan 2026 12:00:00 GMT", "Thu, 01 Jan 2026 12:00:00 -0000"])
def test_a_date_that_cannot_be_read_is_none(date: str) -> None:
    """A server that tells no time is not refused for it."""
    assert a_client(Server(json_response(200, {"a": 1}, {"date": date}))).read("list", "/").json() == {"a": 1}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((302, Refused), (400, Refused), (401, Unauthorised), (403, Unauthorised), (404, NotFound), (405, Refused)),
        *((409, Conflict), (413, Refused), (422, Refused), (429, RateLimited)),
        *((500, Unavailable), (502, Unavailable), (503, Unavailable), (504, Unavailable), (599, Unavailable)),
    ],
)
def test_each_status_has_its_type(status: int, kind: type[BackendError]) -> None:
    """Each says act, backend, status and the server's words."""
    error = raised(kind, lambda: a_client(Server(refusing(status, "so it is"))).write("mint", "POST", "/"))
    assert type(error) is kind
    assert (error.act, error.backend, error.cause) == ("mint", "authentik", f"HTTP {status} (so it is)")


@pytest.mark.parametrize("body", [b"<html>404</html>", b"", b"[]", b"{}", b"404 page not found"])
def test_a_404_without_the_servers_own_words_is_not_gone(body: bytes) -> None:
    """A proxy whose server is away answers 404 too: only the API's own words count, or the living passed for dead."""
    raised(Unavailable, lambda: a_client(Server(Response(404, {}, body))).read("verify", "/"))


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"{", b"\xff\xfe\x00"])
def test_an_answer_that_is_no_json_is_unavailable(body: bytes) -> None:
    """A login page with status 200 is no answer of the API: it is typed, and its body is not shown."""
    error = raised(Unavailable, lambda: a_client(Server(Response(200, {}, body))).read("list", "/"))
    assert "welcome" not in told_by(error)


def test_no_body_is_an_answer() -> None:
    """A 204 has none."""
    assert a_client(Server(Response(204))).delete("revoke", "/").status == 204


@pytest.mark.parametrize("kind", [ConnectionResetError, ConnectionRefusedError, BrokenPipeError])
def test_a_broken_connection_is_unavailable(kind: type[Exception]) -> None:
    """A connection that ends without an answer tells nothing of what was done."""
    error = raised(Unavailable, lambda: a_client(Server(kind(PLANTED))).write("mint", "POST", "/"))
    assert error.cause == "the connection ended without an answer"


def test_the_transports_error_gets_act_and_backend() -> None:
    """What a transport raises keeps its type, cause and remedy, and learns what was attempted and where."""
    error = raised(
        Refused, lambda: a_client(Server(Refused("connect", "bad certificate", "Fix it."))).read("list", "/")
    )
    assert str(error) == "Refused: list authentik: bad certificate. Fix it."


def test_the_servers_words_are_cut() -> None:
    """At most 256 characters of the words, on one line; other bodies are not shown at all."""
    words = "\n  ".join(["word"] * 1000)
    error = raised(Refused, lambda: a_client(Server(refusing(400, words))).read("list", "/"))
    shown = error.cause.removeprefix("HTTP 400 (").removesuffix(")")
    assert len(shown) == 256
    assert shown.startswith("word word")
    assert "\n" not in shown
    for body in (b"<html>PLANTED</html>", json.dumps(["PLANTED"]).encode(), b'{"other": "PLANTED"}', b""):
        refused = raised(Refused, lambda body=body: a_client(Server(Response(400, {}, body))).read("a", "/"))  # type: ignore[misc]
        assert refused.cause == "HTTP 400"


ENCODINGS: dict[str, Callable[[str], str]] = {
    "text": str,
    "URL": lambda value: quote(value, safe=""),
    "JSON": lambda value: json.dumps(value)[1:-1],
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
@pytest.mark.parametrize("before", [0, 200, 230, 250, 256])
def test_an_echoed_credential_is_not_shown(encode: Callable[[str], str], before: int) -> None:
    """A server that echoes the credential, in any form, at any place, also across the cut, reveals no part of it."""
    words = "x" * before + encode(PLANTED) + LONG
    error = raised(Refused, lambda: a_client(Server(refusing(400, words))).read("list", "/"))
    assert not reveals(told_by(error), PLANTED)
    assert encode(PLANTED)[:6] not in told_by(error)


def test_a_client_shows_no_credential() -> None:
    """Neither it nor its requests show what they carry, and another credential leaves the first in place."""
    server = Server(Response(200))
    client = a_client(server)
    client.with_credential("other").read("probe", "/")
    client.read("list", "/")
    sent = [request.headers["authorization"] for request in server.asked]
    assert sent == ["Bearer other", f"Bearer {PLANTED}"]
    assert not reveals(f"{client!r} {server.asked!r}", PLANTED)


@pytest.mark.parametrize(
    ("method", "error", "calls"),
    [
        ("read", Unavailable, 4),
        ("read", RateLimited, 4),
        ("ask", Unavailable, 4),
        ("ask", RateLimited, 4),
        ("delete", Unavailable, 4),
        ("delete", RateLimited, 4),
        ("write", Unavailable, 1),
        ("write", RateLimited, 4),
        ("read", Unauthorised, 1),
        ("read", Refused, 1),
        ("read", NotFound, 1),
        ("read", Conflict, 1),
    ],
)
def test_only_what_is_harmless_is_repeated(method: str, error: type[BackendError], calls: int) -> None:
    """Reads and deletions when no answer or a limit came; a write only when the server says that it did nothing."""
    status = {Unavailable: 500, RateLimited: 429, Unauthorised: 403, Refused: 400, NotFound: 404, Conflict: 409}[error]
    server = Server(refusing(status, "no"))
    client = a_client(server)
    act: dict[str, Callable[[], object]] = {
        "read": lambda: client.read("act", "/"),
        "ask": lambda: client.ask("act", "/", {}),
        "delete": lambda: client.delete("act", "/"),
        "write": lambda: client.write("act", "POST", "/", {}),
    }
    raised(error, act[method])
    assert len(server.asked) == calls


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("7", 7 * SECOND),
        ("0", 0 * SECOND),
        ("1.5", 1.5 * SECOND),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("-5", None),
    ],
)
def test_retry_after_is_read(text: str, wish: timedelta | None) -> None:
    """Seconds that are none, or below zero, are no wish."""
    error = raised(RateLimited, lambda: a_client(Server(refusing(429, "no", retry_after=text))).read("list", "/"))
    assert isinstance(error, RateLimited)
    assert error.retry_after == wish
