"""Puts a handler on a loopback socket: in this process (`mounted`), or as a process of its own (`python -m`)."""

from __future__ import annotations

import secrets
import socket
import string
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import typer

from rotation import clock as clocks
from rotation.backends.transport import Request, Response
from sandbox.apis.authentik import Authentik
from sandbox.apis.authentik_records import DEFAULT_TOKEN_DURATION
from sandbox.apis.coder import Coder
from sandbox.apis.connect import DEFAULT_LAG, Connect
from sandbox.clock import offset_clock
from sandbox.control import PREFIX, Control, Inspectable
from sandbox.faults import Faults, Handler

_HOST = "127.0.0.1"


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that stopping also ends the ones that a client keeps alive."""

    daemon_threads = False
    allow_reuse_address = True

    def __init__(self, port: int, handler: Handler, api: Inspectable | None) -> None:
        self.faults = handler if isinstance(handler, Faults) else Faults(handler)
        self._control = Control(self.faults, api, self.stop_soon)
        self._open: set[socket.socket] = set()
        super().__init__((_HOST, port), _Exchange)

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.server_address[1]}"

    def answer(self, request: Request) -> Response:
        if request.path.startswith(PREFIX):
            return self._control.handle(request)
        return self.faults(request)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def stop_soon(self) -> None:
        """End the serving loop from within a request; that one is answered first."""
        threading.Thread(target=self.shutdown).start()

    def close(self) -> None:
        """Close the port and every connection, and wait for the threads."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        self.server_close()


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet per answer: unbuffered, headers and body meet Nagle's algorithm and wait for each other.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def _exchange(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            response = self.server.answer(Request(self.command, unquote(parts.path), query, headers, body))
        except ConnectionError:
            self._break()
        else:
            self._send(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _exchange  # noqa: N815 - the names http.server calls

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if "date" not in response.headers:
            self.send_header("date", self.date_time_string())
        if response.status != 204:
            self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def _break(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: a request line may hold what should not be in a log."""


@contextmanager
def mounted(handler: Handler, api: Inspectable | None = None, *, port: int = 0) -> Iterator[str]:
    """Serve the handler on 127.0.0.1 and yield the URL, without a slash at its end. Port 0 takes a free one.

    Pass a `Faults` to misbehave from this process, and the `api` to make the look inside work below `/_sandbox/`.
    A handler that raises ConnectionError breaks the client's connection.
    """
    server = _Server(port, handler, api)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.close()


app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@app.callback()
def main() -> None:
    """Serve one simulated API on 127.0.0.1 until told to stop."""


@app.command()
def authentik(
    bootstrap_token_file: Annotated[Path, typer.Option(help="Holds the first key; written when it is not there.")],
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    default_token_duration: Annotated[str, typer.Option(help="As in the tenant settings.")] = DEFAULT_TOKEN_DURATION,
    clock_file: Annotated[Path | None, typer.Option(help="Offset in seconds to the wall clock.")] = None,
    delete_expired_on_use: Annotated[bool, typer.Option(help="As servers did before November 2025.")] = False,
) -> None:
    """A simulated Authentik. Prints its URL as the first line."""
    api = Authentik(
        offset_clock(clock_file) if clock_file else clocks.system_clock,
        bootstrap_key=_first_key(bootstrap_token_file),
        default_token_duration=default_token_duration,
        delete_expired_on_use=delete_expired_on_use,
    )
    serve_until_stopped(_Server(port, api.handle, api))


@app.command()
def connect(
    access_token_file: Annotated[Path, typer.Option(help="Holds the access token; written when it is not there.")],
    vault: Annotated[list[str] | None, typer.Option(help="Name of a vault that is there; may be given again.")] = None,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    lag_seconds: Annotated[float, typer.Option(help="How long reads lag writes.")] = DEFAULT_LAG.total_seconds(),
    clock_file: Annotated[Path | None, typer.Option(help="Offset in seconds to the wall clock.")] = None,
) -> None:
    """A simulated 1Password Connect. Prints its URL as the first line."""
    api = Connect(offset_clock(clock_file) if clock_file else clocks.system_clock, lag=timedelta(seconds=lag_seconds))
    vaults = [api.add_vault(name) for name in vault or ["homelab"]]
    api.grant("sandbox", *vaults, value=_first_key(access_token_file))
    serve_until_stopped(_Server(port, api.handle, api))


@app.command()
def coder(
    owner_password_file: Annotated[
        Path | None, typer.Option(help="Make the first user `admin` with this password; written when it is not there.")
    ] = None,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    clock_file: Annotated[Path | None, typer.Option(help="Offset in seconds to the wall clock.")] = None,
    sliding_expiry: Annotated[bool, typer.Option(help="Tokens move their end, as before June 2026.")] = False,
) -> None:
    """A simulated Coder, without a user unless a password is given. Prints its URL as the first line."""
    clock = offset_clock(clock_file) if clock_file else clocks.system_clock
    api = Coder(clock, sliding_expiry=sliding_expiry)
    if owner_password_file is not None:
        api.add_user("admin", password=_first_key(owner_password_file), email="admin@example.com")
    serve_until_stopped(_Server(port, api.handle, api))


def serve_until_stopped(server: _Server) -> None:
    """Print the URL, then serve until `/_sandbox/stop` or an interrupt."""
    print(server.url, flush=True)
    try:
        with suppress(KeyboardInterrupt):
            server.serve_forever(0.02)
    finally:
        server.close()


def _first_key(path: Path) -> str:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text("".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(60)))
    return path.read_text().strip()


if __name__ == "__main__":
    app()
