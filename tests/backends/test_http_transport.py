"""The transport of production, against real sockets: TLS verified, no redirect followed, every failure typed."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from rotation.backends.http_transport import http_transport
from rotation.backends.transport import Request, json_request
from rotation.errors import Refused, Unavailable
from rotation.testing.secrecy import reveals, told_by
from rotation.testing.worlds import raised
from sandbox.servers.certificates import Authority
from sandbox.servers.processes import free_port

PLANTED = "planted-credential-0123456789"
Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def serving(answer: Answer, tls: tuple[Path, Path] | None = None) -> Iterator[tuple[str, list[BaseHTTPRequestHandler]]]:
    """A server on loopback that gives every request this answer: its URL, and what it was asked."""
    asked: list[BaseHTTPRequestHandler] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self)
            status, headers, body = answer
            self.send_response(status)
            for name, text in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Nothing is printed."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("ours")


@pytest.fixture(scope="module")
def certificate(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """The authority's certificate, and a server's certificate and key for 127.0.0.1 alone, as files."""
    folder = tmp_path_factory.mktemp("tls")
    pair = authority.server("server.example.com")
    files = folder / "ca.pem", folder / "server.pem", folder / "server.key"
    for file, text in zip(files, (authority.certificate, pair.certificate, pair.key), strict=True):
        file.write_bytes(text)
    return files


def asking(path: str = "/") -> Request:
    """A request that carries a credential."""
    return json_request("GET", path, query={"search": "a b&c"}, headers={"authorization": f"Bearer {PLANTED}"})


def test_a_request_and_its_answer_pass() -> None:
    """Path, query and headers arrive as they are; status, body and lower-case headers come back."""
    with serving((201, {"X-Sign": "yes"}, b'{"a": 1}')) as (url, asked):
        answer = http_transport(url)(asking("/api/one"))
    assert (answer.status, answer.json(), answer.headers["x-sign"]) == (201, {"a": 1}, "yes")
    assert asked[0].path in ("/api/one?search=a+b%26c", "/api/one?search=a%20b%26c")
    assert asked[0].headers["authorization"] == f"Bearer {PLANTED}"


def test_no_redirect_is_followed() -> None:
    """A redirect is an answer: the credential goes to no other place."""
    with serving((200, {}, b"{}")) as (elsewhere, stolen), serving((302, {"Location": elsewhere}, b"")) as (url, asked):
        assert http_transport(url)(asking()).status == 302
    assert (len(asked), len(stolen)) == (1, 0)


def test_a_certificate_of_a_known_authority_is_trusted(certificate: tuple[Path, Path, Path]) -> None:
    """With the authority's certificate named, TLS works."""
    ca, *server = certificate
    with serving((200, {}, b"{}"), tls=(server[0], server[1])) as (url, _asked):
        assert http_transport(url, ca)(asking()).status == 200


def test_a_certificate_that_cannot_be_verified_is_refused(certificate: tuple[Path, Path, Path]) -> None:
    """An unknown authority is Refused, with the remedy, before any credential is sent."""
    _ca, *server = certificate
    with serving((200, {}, b"{}"), tls=(server[0], server[1])) as (url, asked):
        error = raised(Refused, lambda: http_transport(url)(asking()))
    assert "TLS certificate cannot be verified" in error.cause
    assert "`ca_certificate`" in error.remedy
    assert asked == []


def test_a_certificate_for_another_name_is_refused(certificate: tuple[Path, Path, Path]) -> None:
    """The right authority does not help a server of the wrong name."""
    ca, *server = certificate
    with serving((200, {}, b"{}"), tls=(server[0], server[1])) as (url, asked):
        transport = http_transport(url.replace("127.0.0.1", "localhost"), ca)
        error = raised(Refused, lambda: transport(asking()))
    assert "TLS certificate cannot be verified" in error.cause
    assert asked == []


@pytest.mark.parametrize(
    "answer",
    [(200, {"Content-Length": "99"}, b"{}"), (200, {"Content-Encoding": "gzip"}, b"no gzip"), (99, {}, b"")],
    ids=["a body cut short", "a body that cannot be decoded", "no status of HTTP"],
)
def test_an_answer_that_cannot_be_read_is_unavailable(answer: Answer) -> None:
    """What is no whole answer does not tell whether anything was done."""
    with serving(answer) as (url, _asked):
        error = raised(Unavailable, lambda: http_transport(url)(asking()))
    assert not reveals(told_by(error), PLANTED)


@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", "\ufeff{}", "{}\x01'\\", "{}\u00fc"])
def test_a_value_that_no_header_holds_is_refused_and_not_shown(around: str) -> None:
    """As of a file with a line's end: nothing is sent, and the error says what is wrong without a part of the value."""
    value = around.format(PLANTED)
    request = Request("GET", "/", {}, {"authorization": f"Bearer {value}"}, b"")
    with serving((200, {}, b"{}")) as (url, asked):
        error = raised(Refused, lambda: http_transport(url)(request))
    assert (error.cause, asked) == ("the value that was to be presented cannot be sent in a header", [])
    assert not reveals(told_by(error), PLANTED)


def test_a_refused_connection_is_unavailable() -> None:
    """Nobody listens: no answer, and the remedy says where to look; the credential is nowhere in the error."""
    error = raised(Unavailable, lambda: http_transport(f"http://127.0.0.1:{free_port()}")(asking()))
    assert error.cause.startswith("no answer (ConnectError")
    assert "Check the url" in error.remedy
    assert (error.__cause__, error.__suppress_context__) == (None, True), "the cause would carry the request"
    assert not reveals(told_by(error), PLANTED)


def test_a_name_that_is_not_there_is_unavailable() -> None:
    """A server whose name does not resolve is no answer, not a crash."""
    raised(Unavailable, lambda: http_transport("http://nowhere.invalid")(asking()))
