"""`tokens accept`: a person gives a token that a server made, and it is proved there before a Secret gets it."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TextIO
from urllib.parse import urlsplit

import stamina.instrumentation
import typer

from operations.cluster import Cluster
from operations.exit_code import ExitCode
from operations.places import ObjectPlace, read_place
from rotation import clock
from rotation.backends.http_transport import http_transport
from rotation.backends.protocol import Backend
from rotation.backends.registry import KINDS
from rotation.backends.transport import Transport, stays_inside
from rotation.bootstrap import PLACEHOLDER
from rotation.errors import InvalidSettings, Refused, RotationError, Unauthorised

MANAGER = "tokens-accept"
"""The field manager: none of a run's, so that the next run sees that a person wrote the value."""
_PLACE = "NAMESPACE/SECRET"


def command(
    secret: Annotated[str, typer.Argument(metavar=_PLACE, help="The Secret from which the stack reads the token.")],
    *,
    kind: Annotated[str, typer.Option(help="The kind of backend, such as coder.")],
    url: Annotated[str, typer.Option(help="Its server, which has to take the token before anything is written.")],
    key: Annotated[str, typer.Option(help="The key of the Secret.")] = "token",
    ca_certificate: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A PEM file with the server's authority.")
    ] = None,
) -> None:
    """Read a token from standard input, prove it at its server, and put it into a Secret.

    Ends with 0 written, 1 the server or the cluster failed, 2 refused. The value is never an argument.
    """
    stamina.instrumentation.set_on_retry_hooks([])  # its lines would mix with the prompt
    try:
        place, server = place_of(secret), server_of(url)
        chosen = KINDS[kind_of(kind)]
        value = read_value(sys.stdin)
        backend = chosen.connect(
            kind, _way(server, ca_certificate), value, clock.system_clock, lambda text: typer.echo(text, err=True)
        )
        is_adopted = chosen.bootstrap is not None
        typer.echo(accept(backend, value, place, key, Cluster.connect, is_adopted=is_adopted))
    except RotationError as error:
        typer.echo(str(error), err=True)
        sys.exit(code_of(error))


def accept(
    backend: Backend,
    value: str,
    place: ObjectPlace,
    key: str,
    connect: Callable[[], Cluster],
    *,
    is_adopted: bool = False,
) -> str:
    """Prove the value, write it, and tell what happened and what comes next. Raises BackendError or ClusterError.

    Where a run will adopt it, it must be what a run adopts: a login's session works, too, and is refused there.
    """
    backend.probe(value)
    if is_adopted:
        backend.recognise(value, {})
    with closing(connect()) as cluster:
        created = cluster.put_secret_key(place.namespace, place.name, key, value, MANAGER)
    done = "It was created" if created else "Nothing else of it was changed"
    return (
        f"{backend.name} takes the token, and the key {key} of the Secret {place} holds it. {done}.\n"
        "Next: `pulumi up`, or the next scheduled run, goes on with it."
    )


def read_value(source: TextIO) -> str:
    """The value: typed unseen at a terminal, else all of the input less one newline. Raises InvalidSettings."""
    told, problem = "", ""
    try:
        told = getpass.getpass("Token: ") if source.isatty() else source.read()
    except EOFError:
        problem = "nothing was given"
    except UnicodeDecodeError:  # it holds the bytes, so nothing is raised from here
        problem = "it is no text"
    value = told.removesuffix("\n").removesuffix("\r")
    problem = problem or _problem(value)
    if problem:
        raise InvalidSettings("read the token", problem, "Give the value alone, on one line.")
    return value


def place_of(text: str) -> ObjectPlace:
    """Where it goes. Raises InvalidSettings."""
    try:
        return read_place(text)
    except InvalidSettings as error:
        remedy = f"Write it as {_PLACE}, as in coder/coder-admin-api-token."
        raise InvalidSettings("read the place", error.cause, remedy) from None


def kind_of(name: str) -> str:
    """A kind of backend that has a server. Raises InvalidSettings."""
    known = [each for each in sorted(KINDS) if not KINDS[each].by_cluster]
    if name not in known:
        raise InvalidSettings("read --kind", f"{name!r} has no server that takes a token", f"Use {', '.join(known)}.")
    return name


def server_of(url: str) -> str:
    """The server's url. Raises InvalidSettings for one that would send the token in clear over a network."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise InvalidSettings("read --url", "it is no plain url of a server", "Write https://name.")
    if parts.scheme == "http" and not stays_inside(parts.hostname):
        raise InvalidSettings("read --url", "it would send the token in clear", "Plain http is for loopback and .svc.")
    return url.rstrip("/")


def code_of(error: RotationError) -> ExitCode:
    """What was given is refused by us or by the server, or something failed that may work later."""
    refused = isinstance(error, InvalidSettings | Refused | Unauthorised)
    return ExitCode.REFUSED_INPUT if refused else ExitCode.FAILED


def _way(server: str, ca_certificate: Path | None) -> Transport:
    """To the server, over a connection that does not stay open while the cluster is asked."""
    send = http_transport(server, ca_certificate)
    return lambda request: send(replace(request, headers={**request.headers, "connection": "close"}))


def _problem(value: str) -> str:
    """Why this cannot be a token; empty where it can. A value goes into a header: printed ASCII, and no space."""
    if not value:
        return "nothing was given"
    if value.startswith(PLACEHOLDER):
        return "it only holds the place of a token"
    if not all("!" <= character <= "~" for character in value):
        return "it has white space or other characters that no token has"
    return ""
