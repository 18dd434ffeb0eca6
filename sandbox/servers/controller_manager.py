"""A real kube-controller-manager: CronJobs make Jobs, and what is deleted ends with all that belongs to it.

No node and no scheduler runs: a Job has its pods, and they stay Pending.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sandbox.servers import processes
from toolchain import locate

IDENTITY = "system:kube-controller-manager"
"""The user that Kubernetes' own roles allow what the controllers need."""

_NAME = "kube-controller-manager"
# What our manifests rely on. The others have no nodes, volumes or endpoints to look after here.
_CONTROLLERS = (
    "cronjob-controller",
    "job-controller",
    "deployment-controller",
    "replicaset-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "ttl-after-finished-controller",
)


def start(state: Path, *, url: str, kubeconfig: Path, authority: Path, is_at_work: Callable[[], bool]) -> None:
    """Start the controllers of the API server at `url`, or find those that run.

    `kubeconfig` is that of IDENTITY, `authority` the certificate that pods are told to trust, and `is_at_work` tells
    by the controllers' effects whether they have begun. Raises processes.ServerDidNotStartError with the log's end.
    """
    if processes.found(state, _NAME) is not None:
        return
    process = processes.start(_NAME, _argv(kubeconfig, authority), state, url=url)
    try:
        processes.wait_until_ready(process, is_at_work)
    except BaseException:
        stop(state)
        raise


def stop(state: Path) -> None:
    """End them; gone is success."""
    processes.stop(state, _NAME)


def _argv(kubeconfig: Path, authority: Path) -> list[str | Path]:
    return [
        locate("kube-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(_CONTROLLERS)}",
        # As real clusters do it: each controller has an account of its own, with no more rights than it needs.
        "--use-service-account-credentials",
        f"--root-ca-file={authority}",
        "--leader-elect=false",
        "--secure-port=0",  # nobody asks it anything
    ]
