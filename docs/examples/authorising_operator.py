"""An operator that lets a team in with its token only: an example of a consumer of `rotation.verify`, small and whole.

It reads the records of all teams every few seconds, authorises what it is asked, and serves `/metrics`. When it could
not read them for too long it authorises nobody, and says so, in its log and at `/readyz`.

    PYTHONPATH=. python docs/examples/authorising_operator.py --port 8080
    curl -d '{"namespace": "team-a", "token": "..."}' http://127.0.0.1:8080/authorise

A real operator has no `/authorise`: it calls `Operator.authorise` when it reconciles a team's object, with the
namespace that the object stands in, never with one that somebody names.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.backends.transport import Transport
from rotation.clock import Clock, system_clock
from rotation.durations import format_duration, parse_duration
from rotation.errors import RotationError
from rotation.operator_tokens.record import RecordPlace
from rotation.operator_tokens.store import RecordStore, Survey, cluster_client
from rotation.verify import Verifier
from rotation.verify.prometheus import PrometheusFailures

LOG = logging.getLogger("authorising-operator")
LONGEST_REQUEST = 4096
Start = Callable[..., Any]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]


@dataclass(frozen=True)
class Operator:
    """Reads records and authorises by them.

    oldest: how old the records may be before it authorises nobody
    """

    clock: Clock
    store: RecordStore
    verifier: Verifier
    registry: CollectorRegistry
    oldest: timedelta

    def refresh(self) -> None:
        """Read the records of all teams. Those that cannot be read leave the ones before in use."""
        begun = self.clock()
        try:
            survey = self.store.survey()
        except RotationError as error:
            self._keep_the_old(error)
        else:
            self._take(survey, begun)

    def _take(self, survey: Survey, begun: datetime) -> None:
        for unreadable in survey.unreadable.values():
            LOG.error("the record before stays in use: %s", unreadable)
        if self.verifier.is_stale:
            LOG.info("the records of %d teams are read", len(survey.records))
        records = {record.namespace: record for record in survey.records}
        self.verifier.replace_all({**records, **dict.fromkeys(survey.unreadable)}, begun)

    def _keep_the_old(self, error: RotationError) -> None:
        LOG.error("the records cannot be read: %s", error)
        if self.verifier.is_stale:
            LOG.error("the records are older than %s: nobody is authorised", format_duration(self.oldest))

    def authorise(self, namespace: str, token: object) -> bool:
        """Whether this token may act for a namespace. Why not is for the log and the metrics, not for who asks."""
        verdict = self.verifier.check(namespace, token)
        if not verdict:
            LOG.warning("refused %r: %s, version %s", namespace, verdict.reason, verdict.version)
        return verdict.accepted


def build(transport: Transport, clock: Clock, place: RecordPlace, oldest: timedelta) -> Operator:
    """An operator that has read nothing yet."""
    registry = CollectorRegistry()
    verifier = Verifier(clock, PrometheusFailures(registry), oldest=oldest)
    store = RecordStore(cluster_client("the cluster", transport, clock, LOG.warning), place)
    return Operator(clock, store, verifier, registry, oldest)


def application(operator: Operator) -> App:
    """`/authorise`, `/metrics`, `/readyz` (records are new enough) and `/healthz` (the process lives)."""
    metrics: App = make_wsgi_app(operator.registry)

    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return metrics(environ, start)
        if path == "/authorise" and environ["REQUEST_METHOD"] == "POST":
            allowed = operator.authorise(*_asked(environ))
            return _text(start, "200 OK" if allowed else "403 Forbidden", "authorised" if allowed else "refused")
        if path == "/readyz" and operator.verifier.is_stale:
            return _text(start, "503 Service Unavailable", "the records are too old: nobody is authorised")
        known = path in {"/readyz", "/healthz"}
        return _text(start, "200 OK" if known else "404 Not Found", "ok" if known else "not here")

    return answer


def _asked(environ: dict[str, Any]) -> tuple[str, object]:
    """The namespace and the token of a request; of one that is no such request, what nobody has."""
    length = environ.get("CONTENT_LENGTH") or "0"
    try:
        body = json.loads(environ["wsgi.input"].read(max(0, min(int(length), LONGEST_REQUEST))))
        return str(body["namespace"]), body["token"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return "", ""


def _text(start: Start, status: str, text: str) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]


class _Silent(WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Say nothing: the operator's own lines say more."""


@contextmanager
def serving(operator: Operator, address: str, port: int) -> Iterator[int]:
    """Serve for the length of a block; yields the port. Port 0 takes a free one."""
    server = make_server(address, port, application(operator), ThreadingWSGIServer, handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(arguments: list[str]) -> int:
    """Read, serve and read again until told to stop."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    namespace, _, name = options.records.partition("/")
    try:
        transport = kubernetes_transport(connection(options.kubeconfig))
    except RotationError as error:
        LOG.error("%s", error)  # noqa: TRY400 - the error says it all
        return 2
    operator = build(transport, system_clock, RecordPlace(namespace=namespace, name=name), options.oldest)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    with serving(operator, options.address, options.port) as port:
        LOG.info("serving at port %d", port)
        operator.refresh()
        while not ended.wait(options.refresh.total_seconds()):
            operator.refresh()
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Authorises teams by their operator tokens.")
    place = RecordPlace()
    parser.add_argument("--records", default=f"{place.namespace}/{place.name}", help="NAMESPACE/NAME of the records")
    parser.add_argument("--kubeconfig", help="else KUBECONFIG, the usual file, or the pod's account")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--refresh", type=parse_duration, default="5s", help="how often the records are read")
    parser.add_argument("--oldest", type=parse_duration, default="1m", help="records that are older authorise nobody")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
