from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from rotation.backends.transport import Request, Response
from sandbox.serve import mounted
from sandbox.servers import prometheus
from sandbox.servers.prometheus import PrometheusServer, QueryRefusedError

EXPIRES = 1_900_000_000
NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
RULES = {
    "groups": [
        {
            "name": "test",
            "rules": [
                {"record": "lamp_left_seconds", "expr": "lamp_expires - time()"},
                {"alert": "LampIsOut", "expr": "lamp_lit == 0"},
            ],
        }
    ]
}


def _metrics(_request: Request) -> Response:
    return Response(200, {"content-type": "text/plain"}, f"lamp_expires {EXPIRES}\nlamp_lit 0\n".encode())


def _history() -> str:
    """A lamp that was lit each other day of ten."""
    lines = [f"lamp_of_old {day % 2} {(NEW_YEAR + timedelta(days=day)).timestamp():.0f}" for day in range(10)]
    return "\n".join(["# TYPE lamp_of_old gauge", *lines, "# EOF", ""])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    folder = tmp_path_factory.mktemp("prometheus")
    rules, history = folder / "rules.yml", folder / "history.txt"
    rules.write_text(yaml.safe_dump(RULES))
    history.write_text(_history())
    quick = timedelta(milliseconds=200)
    with mounted(_metrics) as url:
        targets = {"lamp": [url.removeprefix("http://")]}
        state = folder / "state"
        with prometheus.running(state, targets=targets, rule_files=[rules], history=history, interval=quick) as made:
            yield made


def test_it_scrapes_what_it_is_told_to(server: PrometheusServer) -> None:
    """A target's numbers can be asked for, with the job that they came by."""
    (found,) = server.wait_for("lamp_expires")
    assert (found.labels["job"], found.samples[0][1]) == ("lamp", EXPIRES)


def test_it_evaluates_rules(server: PrometheusServer) -> None:
    """Recorded series appear, alerts fire, and each rule tells how it is."""
    assert server.wait_for("lamp_left_seconds")
    assert server.wait_for('ALERTS{alertname="LampIsOut", alertstate="firing"}')
    assert {rule["name"]: rule["health"] for rule in server.rules()} == {"lamp_left_seconds": "ok", "LampIsOut": "ok"}


def test_a_history_can_be_asked_for(server: PrometheusServer) -> None:
    """Samples of long ago that it was started with answer at their instants, and step by step."""
    (third,) = server.query("lamp_of_old", NEW_YEAR + timedelta(days=3))
    assert third.samples == [((NEW_YEAR + timedelta(days=3)).timestamp(), 1.0)]
    (days,) = server.query_range("lamp_of_old", NEW_YEAR, NEW_YEAR + timedelta(days=9), timedelta(days=1))
    assert [value for _, value in days.samples] == [0, 1] * 5


def test_a_number_is_an_answer_too(server: PrometheusServer) -> None:
    """A scalar is one sample without labels."""
    (found,) = server.query("6 * 7")
    assert ({**found.labels}, found.samples[0][1]) == ({}, 42.0)


def test_a_bad_expression_is_refused_with_its_cause(server: PrometheusServer) -> None:
    """The error names the expression and says what Prometheus says."""
    with pytest.raises(QueryRefusedError, match=r"lamp_lit\(: .*parse error"):
        server.query("lamp_lit(")


def test_it_ends_and_leaves_no_data(tmp_path: Path) -> None:
    """A second start finds the first; after the block nothing answers and the data is gone."""
    with prometheus.running(tmp_path, targets={}) as server:
        assert prometheus.start(tmp_path, targets={}) == server
    with pytest.raises(httpx.TransportError):
        server.query("1")
    assert not (tmp_path / "prometheus-data").exists()
