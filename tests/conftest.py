"""What all tests share: real servers on request, retries that do not wait, and no skip that nobody expects."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import stamina

import toolchain

pytest_plugins = ["sandbox.pytest_servers"]

PLUGINS = ("kubernetes", "random", "vault", "terraform-provider", "onepassword")
EXPECTED_SKIPS: frozenset[str] = frozenset()
"""Reasons for which a test may be skipped. A skip for any other reason fails the session."""

_unexpected: list[str] = []
_figures: list[str] = []


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    """Retries happen as often as in production, without their waiting times."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


def pytest_configure() -> None:
    """SIGTERM ends a session, and each of its workers, as Ctrl-C does: fixtures stop what they started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_report_header() -> list[str]:
    """Say which parts are real."""
    real = "Pulumi CLI, kube-apiserver, kube-controller-manager, etcd, OpenBao, Prometheus"
    deep = ", External Secrets" if os.environ.get("DEEP") else ""
    plugins = [name for name in PLUGINS if toolchain.real_plugin(name)]
    stand_ins = [name for name in PLUGINS if name not in plugins]
    told = f"real: {real}{deep}. Simulated: Authentik, Coder, 1Password Connect"
    return [
        told,
        f"provider plugins: real: {', '.join(plugins) or 'none'}; stand-ins: {', '.join(stand_ins) or 'none'}",
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is only for the deep tests; it is not skipped, because nobody should expect it here."""
    left = [] if os.environ.get("DEEP") else [item for item in items if item.get_closest_marker("deep")]
    items[:] = [item for item in items if item not in left]
    config.hook.pytest_deselected(items=left)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note each skip that was not expected, and each figure that a test measured (`record_property("figure", ...)`)."""
    if report.when == "call":
        _figures.extend(str(text) for name, text in report.user_properties if name == "figure")
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if reason.removeprefix("Skipped: ") not in EXPECTED_SKIPS:
            _unexpected.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a session that would pass with an unexpected skip."""
    if _unexpected and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell the figures, and name the unexpected skips, where the summary is read."""
    for line in _figures:
        terminalreporter.write_line(f"figure: {line}")
    for line in _unexpected:
        terminalreporter.write_line(f"unexpected skip: {line}", red=True)
