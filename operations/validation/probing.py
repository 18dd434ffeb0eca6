"""Uses values at their backend: each is its own credential, within a limit, and a refusal must be the backend's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http import HTTPStatus

from operations.deadlines import answers
from operations.validation.findings import Verdict
from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.registry import KINDS
from rotation.backends.transport import Request, Response, Transport
from rotation.clock import Clock
from rotation.durations import format_duration
from rotation.errors import BackendError, Unauthorised, Unavailable
from rotation.operator_tokens.record import RecordPlace
from rotation.validation_plan import PlannedToken

Connect = Callable[[str, str | None], Transport]
"""Makes a transport of a url and the PEM file of an authority. Raises OSError where that cannot be read."""


@dataclass(frozen=True)
class Trial:
    """One value, and the token whose it is."""

    token: str
    planned: PlannedToken
    fingerprint: str
    value: str = field(repr=False)


def probe_all(
    trials: Iterable[Trial], connect: Connect, clock: Clock, limit: timedelta
) -> dict[tuple[str, str], Verdict]:
    """A verdict for each trial, by token and fingerprint. Nothing is raised for what a server can do."""
    asked = list(trials)
    questions = [partial(_probe, trial, connect, clock) for trial in asked]
    overdue = Verdict(cause=f"the backend gave no answer within {format_duration(limit)}")
    found = answers(questions, limit)
    return {(t.token, t.fingerprint): verdict or overdue for t, verdict in zip(asked, found, strict=True)}


def _probe(trial: Trial, connect: Connect, clock: Clock) -> Verdict:
    planned = trial.planned
    if planned.kind not in KINDS:
        return Verdict(cause=f"this release knows no kind of backend called {planned.kind!r}")
    try:
        own = {"records": _place(planned.records)} if planned.records else {}
        way = kubernetes_transport(connection()) if own else connect(planned.url, planned.ca_certificate)
        transport = _in_its_own_words(way)
        backend = KINDS[planned.kind].connect(planned.backend, transport, "", clock, lambda _text: None, **own)
        backend.probe(trial.value)  # it brings its own credential: we have none at the backend
    except Unauthorised as error:
        return Verdict(refused=True, cause=error.cause)
    except BackendError as error:
        return Verdict(cause=error.cause)
    except OSError as error:
        return Verdict(cause=f"the authority's certificate cannot be read ({type(error).__name__})")
    return Verdict(works=True)


def _place(records: str) -> RecordPlace:
    namespace, _, name = records.partition("/")
    return RecordPlace(namespace=namespace, name=name)


def _in_its_own_words(transport: Transport) -> Transport:
    """A 401 or 403 that is no JSON came from a proxy or a login page: it says nothing about the value.

    What stands in a record as a refusal makes the next run mint a successor, so that it must be the backend's word.
    """

    def send(request: Request) -> Response:
        response = transport(request)
        if response.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and not _is_told(response):
            cause = f"HTTP {response.status} without the server's own words"
            raise Unavailable("probe", cause, "Check the url, and what stands before the server.")
        return response

    return send


def _is_told(response: Response) -> bool:
    try:
        return isinstance(response.json(), dict)
    except ValueError:
        return False
