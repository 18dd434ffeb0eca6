"""A real Prometheus: scrapes what it is told to, evaluates rules, answers queries about any instant, and ends."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml

from sandbox.servers import processes
from toolchain import locate

_NAME = "prometheus"
_ANSWER_SECONDS = 30.0


class QueryRefusedError(Exception):
    """Prometheus does not take an expression; the message is its own."""


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels with `__name__`, and pairs of unix seconds and value."""

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class PrometheusServer:
    """A server that runs. Every method raises QueryRefusedError and httpx.HTTPError."""

    url: str

    def query(self, expression: str, at: datetime | None = None) -> list[Series]:
        """What an expression is at an instant, by default now; one sample per series."""
        return self._ask("query", {"query": expression, **({"time": _seconds(at)} if at else {})})

    def query_range(self, expression: str, start: datetime, end: datetime, step: timedelta) -> list[Series]:
        """What an expression is at each step from `start` to `end`, as a panel of a dashboard asks for it."""
        span = {"start": _seconds(start), "end": _seconds(end), "step": str(step.total_seconds())}
        return self._ask("query_range", {"query": expression, **span})

    def wait_for(self, expression: str, *, seconds: float = _ANSWER_SECONDS) -> list[Series]:
        """The first answer to an expression that is not empty. Raises TimeoutError."""
        if not processes.comes_true(lambda: bool(self.query(expression)), seconds=seconds):
            raise TimeoutError(f"no answer to {expression} within {seconds:.0f} s")
        return self.query(expression)

    def rules(self) -> list[dict[str, Any]]:
        """Every rule that it evaluates: among others `name`, `type`, `health` and `lastError`; alerts with `state`."""
        groups = self._call("rules", {})["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _ask(self, act: str, form: Mapping[str, str]) -> list[Series]:
        data = self._call(act, form)
        if data["resultType"] in ("scalar", "string"):
            return [Series({}, [_sample(data["result"])])]
        return [_series(one) for one in data["result"]]

    def _call(self, act: str, form: Mapping[str, str]) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{act}", params=form, timeout=_ANSWER_SECONDS, trust_env=False)
        if answer.status_code in (400, 422):
            raise QueryRefusedError(f"{form.get('query', act)}: {answer.json()['error']}")
        return answer.raise_for_status().json()["data"]


def start(
    state: Path,
    *,
    targets: Mapping[str, Sequence[str]],
    rule_files: Sequence[Path] = (),
    history: Path | None = None,
    interval: timedelta = timedelta(seconds=1),
) -> PrometheusServer:
    """Start a server without data, or find the one that runs.

    `targets` maps jobs to the `host:port` of what they scrape below /metrics, every `interval`; rules are evaluated
    as often. `history` is a file of OpenMetrics samples with instants, ended by `# EOF`, that it knows from the start.
    Raises processes.ServerDidNotStartError with the log's end, and subprocess.CalledProcessError for a bad history.
    """
    running_already = processes.found(state, _NAME)
    if running_already is not None:
        return PrometheusServer(running_already.url)
    _clear(state)
    state.mkdir(parents=True, exist_ok=True)
    (state / "prometheus.yml").write_text(yaml.safe_dump(_config(targets, rule_files, interval)))
    if history is not None:
        _import(history, _data(state))
    url = f"http://127.0.0.1:{processes.free_port()}"
    process = processes.start(_NAME, _argv(state, url), state, url=url)
    try:
        processes.wait_until_ready(process, lambda: _is_ready(url))
    except BaseException:
        stop(state)
        raise
    return PrometheusServer(url)


def stop(state: Path) -> None:
    """End it and remove its data; gone is success."""
    processes.stop(state, _NAME)
    _clear(state)


@contextmanager
def running(
    state: Path,
    *,
    targets: Mapping[str, Sequence[str]],
    rule_files: Sequence[Path] = (),
    history: Path | None = None,
    interval: timedelta = timedelta(seconds=1),
) -> Iterator[PrometheusServer]:
    """A server for the length of a block; see `start`."""
    try:
        yield start(state, targets=targets, rule_files=rule_files, history=history, interval=interval)
    finally:
        stop(state)


def _argv(state: Path, url: str) -> list[str | Path]:
    return [
        locate("prometheus"),
        f"--config.file={state / 'prometheus.yml'}",
        f"--storage.tsdb.path={_data(state)}",
        "--storage.tsdb.retention.time=10y",  # a history of years stays
        f"--web.listen-address={url.removeprefix('http://')}",
        "--log.level=warn",
    ]


def _import(history: Path, data: Path) -> None:
    # By default it reads the whole history once for each two hours.
    longest = "--max-block-duration=2160h"
    argv: list[str | Path] = [locate("promtool"), "tsdb", "create-blocks-from", longest, "openmetrics", history, data]
    subprocess.run(argv, check=True, capture_output=True)


def _config(targets: Mapping[str, Sequence[str]], rule_files: Sequence[Path], interval: timedelta) -> dict[str, Any]:
    every = f"{interval.total_seconds() * 1000:.0f}ms"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [str(file.absolute()) for file in rule_files],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": list(hosts)}]} for job, hosts in targets.items()
        ],
    }


def _data(state: Path) -> Path:
    return state / "prometheus-data"


def _clear(state: Path) -> None:
    shutil.rmtree(_data(state), ignore_errors=True)


def _seconds(instant: datetime) -> str:
    return str(instant.timestamp())


def _series(one: Mapping[str, Any]) -> Series:
    return Series(one["metric"], [_sample(pair) for pair in one.get("values") or [one["value"]]])


def _sample(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
