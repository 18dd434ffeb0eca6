"""The dashboard, its queries, and the rules, on a real Prometheus that scrapes our exporter and an operator."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from prometheus_client import CollectorRegistry, start_http_server

from components.monitoring.dashboard import config_map, dashboard
from components.monitoring.panel import CHOSEN, Panel
from components.monitoring.panels import panels
from components.monitoring.rule_groups import rule_groups
from components.monitoring.settings import MonitoringSettings
from operations.exporter import serving
from operations.exporting.collector import ReceiptsCollector
from operations.exporting.facts import Facts
from operations.run_log import open_log
from rotation.clock import system_clock
from rotation.verify import Reason
from rotation.verify.prometheus import PrometheusFailures
from sandbox.servers import prometheus
from sandbox.servers.prometheus import PrometheusServer
from tests.alerts.stack import BOOTSTRAPPED, FACTS
from tests.monitoring.year import DAILY_AT, Years

DAY = timedelta(days=1)
PANELS = {panel.title: panel for panel in panels({})}
SETTINGS = MonitoringSettings(selector={})


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """A Prometheus with our rules, which has scraped the exporter of a stack in the middle of an overlap twice."""
    folder = tmp_path_factory.mktemp("scraped")
    rules = folder / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": rule_groups(SETTINGS, FACTS)}))
    facts = _in_an_overlap()
    collector = ReceiptsCollector(lambda: facts, open_log("0", system_clock), system_clock)
    with serving(collector, "127.0.0.1", 0) as port, _an_operator() as operator:
        targets = {"token-rotation-exporter": [f"127.0.0.1:{port}"], "operator": [f"127.0.0.1:{operator}"]}
        with prometheus.running(folder / "server", targets=targets, rule_files=[rules]) as server:
            server.wait_for("count_over_time(token_rotation_rotations_total[1m]) > 1")
            server.wait_for("vault_token_rotation_overdue")
            yield server


@contextmanager
def _an_operator() -> Iterator[int]:
    """A process that refused somebody, and counted it as verification does."""
    registry = CollectorRegistry()
    PrometheusFailures(registry).refused("green", Reason.REVOKED)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def _in_an_overlap() -> Facts:
    """What there is to read half a day after a rotation of the Vault token."""
    age = 25 * DAY + DAY / 2
    begins = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - DAILY_AT - age
    told = list(
        Years(FACTS, begins, bootstrapped=dict.fromkeys(BOOTSTRAPPED, timedelta(0))).until(
            age + 2 * DAILY_AT, timedelta(hours=1)
        )
    )
    return told[-1][1]


@pytest.mark.parametrize("title", PANELS)
def test_every_query_of_a_panel_gets_an_answer(title: str, scraped: PrometheusServer) -> None:
    """Each expression of the dashboard finds series that the exporter tells."""
    for query in PANELS[title].queries.values():
        asked = query.replace(CHOSEN, ".*")
        assert scraped.wait_for(asked), asked


def test_a_panel_shows_what_it_says(scraped: PrometheusServer) -> None:
    """The numbers are right: six tokens, two of them in their overlap, none without a validation that went well."""
    assert _told(scraped, "Tokens") == {"": 6}
    assert _told(scraped, "Status") == {"admin": 1, "root": 2, "team": 1, "coder": 2, "owner": 1, "blue": 1}
    assert _told(scraped, "Not valid") == {"": 0}
    days_left = _told(scraped, "Days until the end")
    assert [round(days_left[token], 1) for token in ("admin", "root", "team")] == [339.5, 31.5, 64.5]
    coder = _told(scraped, "Coder: days until the end")
    assert {token: round(left, 1) for token, left in coder.items()} == {"coder": 27.5, "owner": 5.5}
    teams = _told(scraped, "Operator: days until the next ends", by="namespace")
    assert {namespace: round(left, 1) for namespace, left in teams.items()} == {"blue": 64.5, "green": 64.5}
    assert _told(scraped, "Operator: namespaces by status", by="status") == {"Authorized": 2}
    assert _told(scraped, "Coder: template job seconds", by="template") == {"workspace": 38}


def test_every_rule_is_evaluated_without_an_error(scraped: PrometheusServer) -> None:
    """A real Prometheus takes each rule, and no record collides with another."""
    rules = scraped.rules()
    assert len(rules) == sum(len(group["rules"]) for group in rule_groups(SETTINGS, FACTS))
    assert {rule["name"]: rule.get("lastError", "") for rule in rules if rule["health"] == "err"} == {}


@pytest.mark.parametrize(
    ("name", "days"),
    [("vault_token_age_days", 0.5), ("vault_token_expiry_days", 31.5), ("vault_token_rotation_overdue", 0)],
)
def test_the_seeds_names_are_there(name: str, days: float, scraped: PrometheusServer) -> None:
    """Age, distance and overdue of a Vault token have the names that dashboards of the seed know, with its label."""
    (found,) = scraped.query(name)
    assert found.labels == {"__name__": name, "token": "root"}
    assert found.samples[0][1] == pytest.approx(days, abs=0.1)


def test_panels_lie_side_by_side() -> None:
    """No panel covers another or leaves the grid of 24 columns."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard({})["panels"]:
        place = panel["gridPos"]
        columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells = set(itertools.product(columns, rows))
        assert not cells & taken, panel["title"]
        assert max(columns) < 24
        taken |= cells


def test_the_dashboard_asks_one_source_for_one_stack() -> None:
    """Every panel asks the source that a person chose, for the tokens that were chosen, of this stack's exporter."""
    made = dashboard({"namespace": "token-rotation"})
    assert {panel["datasource"]["uid"] for panel in made["panels"]} == {"${source}"}
    asked = [target["expr"] for panel in made["panels"] for target in panel["targets"]]
    of_teams = [query for query in asked if "_operator_" in query]
    others = [query for query in asked if query not in of_teams]
    assert [
        query for query in others if query.count("token_rotation_") != query.count('namespace="token-rotation"')
    ] == []
    elsewhere = [query for query in of_teams if "and on (job, instance) token_rotation_receipts_up{na" not in query]
    assert ["authorization_failures" in query for query in elsewhere] == [True], "an operator is not our exporter"
    others_labels = ("run_", "orphans", "template_")
    per_token = [query for query in others if not any(label in query for label in others_labels)]
    assert [query for query in per_token if f'token=~"{CHOSEN}"' not in query] == []


def test_grafanas_sidecar_finds_it() -> None:
    """The ConfigMap bears the label that it looks for, and its only key is JSON that it can load."""
    made = config_map(MonitoringSettings(labels={"release": "prometheus"}), {})
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert made["metadata"]["labels"]["release"] == "prometheus"
    ((name, text),) = made["data"].items()
    assert name.endswith(".json")
    assert json.loads(text)["uid"] == "token-rotation"


def _told(server: PrometheusServer, title: str, by: str = "token") -> dict[str, float]:
    panel: Panel = PANELS[title]
    (query,) = panel.queries.values()
    return {one.labels.get(by, ""): one.samples[0][1] for one in server.query(query.replace(CHOSEN, ".*"))}
