"""`tokens exporter`: serves what receipts and records tell, at `/metrics`, and that it lives, at `/healthz`."""

from __future__ import annotations

import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import typer
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from operations.cluster import Cluster
from operations.exit_code import ExitCode
from operations.exporting import teams
from operations.exporting.collector import ReceiptsCollector
from operations.exporting.facts import Facts, read_cluster, read_folder
from operations.exporting.teams import Teams
from operations.places import RECEIPTS_VARIABLE, RECORDS_VARIABLE, read_place, records_place
from operations.run_log import Log, open_log
from rotation import clock
from rotation.backends.kubernetes_transport import connection, kubernetes_transport
from rotation.errors import RotationError
from rotation.operator_tokens.record import RecordPlace
from rotation.operator_tokens.store import RecordStore, cluster_client

PORT = 9464
App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def command(
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = PORT,
    address: Annotated[str, typer.Option(help="The address to listen at.")] = "0.0.0.0",  # noqa: S104 - a pod's own
    receipts: Annotated[str, typer.Option(envvar=RECEIPTS_VARIABLE, help="namespace/name of the receipts.")] = "",
    folder: Annotated[Path | None, typer.Option(help="Read from ConfigMaps mounted below this folder.")] = None,
    records: Annotated[
        str, typer.Option(envvar=RECORDS_VARIABLE, help="namespace/name of an operator's records.")
    ] = "",
) -> None:
    """Serve the metrics of all tokens until told to stop. Reads receipts and records, and nothing else."""
    log = open_log(secrets.token_hex(8), clock.system_clock)
    try:
        read = reader(receipts, folder, records)
    except RotationError as error:
        sys.exit(_refused(log, error))
    collector = ReceiptsCollector(read, log, clock.system_clock)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    try:
        with serving(collector, address, port) as at:
            log.info("exporter serves", port=at)
            ended.wait()
    except OSError as error:
        sys.exit(_cannot_listen(log, f"{address}:{port}", error))
    log.info("exporter ended")


def _refused(log: Log, error: RotationError) -> ExitCode:
    log.error("nothing to read from", cause=error.cause, remedy=error.remedy)
    return ExitCode.REFUSED_INPUT


def _cannot_listen(log: Log, at: str, error: OSError) -> ExitCode:
    log.error("cannot listen", address=at, cause=error.strerror, remedy="Choose another --port.")
    return ExitCode.FAILED


def reader(receipts: str, folder: Path | None, records: str = "") -> Callable[[], Facts]:
    """What reads the facts. `records`: empty where no operator's records are read.

    Raises InvalidSettings where no receipts are named, ClusterError and Refused without a kubeconfig.
    """
    place = read_place(receipts)
    of_teams = _team_reader(records_place(records), folder) if records else lambda: None
    if folder is not None:
        return lambda: read_folder(folder, place.name, of_teams())
    cluster = Cluster.connect()
    return lambda: read_cluster(cluster, place.namespace, place.name, of_teams())


def _team_reader(place: RecordPlace, folder: Path | None) -> Callable[[], Teams]:
    """What reads the records of an operator's teams."""
    if folder is not None:
        return lambda: teams.mounted(folder, place.name)
    client = cluster_client("the cluster", kubernetes_transport(connection()), clock.system_clock, lambda _text: None)
    store = RecordStore(client, place)
    return lambda: teams.within(teams.LIMIT, lambda: teams.listed(store))


@contextmanager
def serving(collector: ReceiptsCollector, address: str, port: int) -> Iterator[int]:
    """Serve for the length of a block; yields the port. Port 0 takes a free one. Raises OSError for one in use."""
    registry = CollectorRegistry()
    registry.register(collector)
    server = make_server(address, port, _application(registry), ThreadingWSGIServer, handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _application(registry: CollectorRegistry) -> App:
    """Three paths. `/healthz` asks nothing of the cluster: an API server that is away is no reason to restart us."""
    metrics: App = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return metrics(environ, start_response)
        known = path in {"/", "/healthz"}
        start_response("200 OK" if known else "404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"ok\n" if known else b"there are /metrics and /healthz\n"]

    return answer


class _Silent(WSGIRequestHandler):
    """A scrape each few seconds is no news."""

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""
