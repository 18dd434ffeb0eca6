"""Makes the run of a process out of the stack's config: the real clock, the real cluster, the real backends."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from typing import Any

import stamina.instrumentation

from dynamic_providers.cluster import ClusterSettings
from dynamic_providers.credentials import BackendSettings
from dynamic_providers.kubernetes_cluster import KubernetesCluster
from dynamic_providers.scrubber import Scrubber
from dynamic_providers.servers import Servers
from dynamic_providers.state import Run
from rotation import clock
from rotation.durations import parse_duration
from rotation.reasons import Action, Decision, Reason
from rotation.receipt import ONLY_RETIRE_VARIABLE, RUN_ID_VARIABLE


def new_run_id() -> str:
    """An id for a run: the one that the scheduled run passes down, or a fresh one."""
    return os.environ.get(RUN_ID_VARIABLE) or secrets.token_hex(8)


def run_from(config: Callable[[str], Any]) -> Run:
    """A run that begins now. `config` reads a key of the stack's config."""
    stamina.instrumentation.set_on_retry_hooks([])  # its lines would mix with the run's own
    backends = _backend_settings(config("backends"))
    cluster = KubernetesCluster(ClusterSettings.model_validate(json.loads(config("cluster") or "{}")))
    scrubber = Scrubber()

    def warn(backend: str, text: str) -> None:
        run.tell(backend, Decision(Action.KEEP, Reason.CLOCK_SKEW, text))

    servers = Servers(backends, config, cluster, scrubber, warn, clock.system_clock)
    run = Run(new_run_id(), clock.system_clock(), clock.system_clock, cluster, servers.connect, _say, scrubber)
    run.reach, run.entrance = servers.reach, servers.entrance
    run.minting = ONLY_RETIRE_VARIABLE not in os.environ
    run.rotation_limit = int(config("rotation_limit") or 0) or None
    run.kinds = {name: settings.kind for name, settings in backends.items() if settings.kind}
    run.interval = parse_duration(config("run_interval") or "24h")
    return run


def _say(line: str) -> None:
    """A provider's standard output is shown in the run's diagnostics."""
    print(line, flush=True)


def _backend_settings(text: Any) -> dict[str, BackendSettings]:
    return {name: BackendSettings.model_validate(value) for name, value in json.loads(text or "{}").items()}
