"""Jobs that share one Lease, with the real CLI and API server: stale locks of other hosts, retirements, retries."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from kubernetes import client

from operations.exit_code import ExitCode
from rotation.run_record import read_run_record
from sandbox.apis.authentik import BOOTSTRAP_USER
from sandbox.faults import Faults
from sandbox.forward import Forward
from sandbox.serve import mounted
from sandbox.servers.kubernetes_objects import Rule
from tests.end_to_end.stack import POLICY, Stack
from tests.end_to_end.unattended import (
    LEASE,
    in_background,
    kill,
    make_lease,
    scheduled_run,
    started_for,
    until,
    with_lease,
)

ADMIN = {"backend": "authentik", "policy": POLICY}
TOKENS = "/api/v3/core/tokens/"
SETTLE = "2s"


def _killed_in_a_pod(stack: Stack, *options: str) -> None:
    """Kill -9 a run that mints, its CLI and its providers, as the end of a pod does; its lock stays."""
    stack.authentik_faults.delay(4, method="POST", path=TOKENS)
    with in_background(stack, SETTLE, *options) as run:
        until(lambda: stack.authentik_faults.met["delay"] > 0, "the run mints")
        kill(run.pid, *started_for(stack))
        until(lambda: started_for(stack) == [], "nothing of it is left")


def _as_if_on(host: str, stack: Stack) -> None:
    """Let the lock say that it was taken on another host, as that of a pod is."""
    (lock,) = _locks(stack)
    lock.write_text(json.dumps({**json.loads(lock.read_text()), "hostname": host}))


def _hold_as_if_on(host: str, stack: Stack) -> None:
    """Let the Lease say so as well."""
    with stack.cluster.admin_client() as api:
        leases = client.CoordinationV1Api(api)
        holder = leases.read_namespaced_lease(LEASE, stack.namespace).spec.holder_identity
        _, _, rest = holder.partition("/")
        leases.patch_namespaced_lease(LEASE, stack.namespace, {"spec": {"holderIdentity": f"{host}/{rest}"}})


def _locks(stack: Stack) -> list[Path]:
    return list((stack.directory / "state" / ".pulumi" / "locks").rglob("*.json"))


def test_the_lock_of_a_dead_job_on_another_host_is_recovered(stack: Stack) -> None:
    """The Lease tells that its run is over: its lock is broken, the rotation is done, and nothing is forgotten."""
    make_lease(stack)
    stack.declare(admin=ADMIN)
    _killed_in_a_pod(stack, *with_lease(stack))
    _as_if_on("pod-a", stack)
    _hold_as_if_on("pod-a", stack)
    done = scheduled_run(stack, SETTLE, *with_lease(stack))
    assert done.returncode == ExitCode.FINE, done.stdout
    assert "stale lock broken" in done.stdout
    assert _locks(stack) == []
    assert stack.authentik.accepts(stack.secret("admin")["token"])


def test_the_lock_of_a_run_without_the_lease_is_respected(stack: Stack) -> None:
    """A person's `pulumi up` on a laptop may take its time: holding the Lease says nothing of it."""
    make_lease(stack)
    stack.declare(admin=ADMIN)
    _killed_in_a_pod(stack)
    _as_if_on("laptop", stack)
    refused = scheduled_run(stack, SETTLE, *with_lease(stack))
    assert refused.returncode == ExitCode.LOCKED, refused.stdout
    assert "stack is locked by a run that may be alive" in refused.stdout
    assert len(_locks(stack)) == 1


def test_a_live_holder_is_respected(stack: Stack) -> None:
    """While one job mints, another one ends with 4 and changes nothing; the first completes."""
    make_lease(stack)
    stack.declare(admin=ADMIN)
    stack.authentik_faults.delay(20, method="POST", path=TOKENS)
    with in_background(stack, SETTLE, *with_lease(stack)) as first:
        until(lambda: stack.authentik_faults.met["delay"] > 0, "the first run mints")
        second = scheduled_run(stack, SETTLE, *with_lease(stack), job="retire")
        assert first.poll() is None, "the first run ended before the second was refused"
        assert second.returncode == ExitCode.LOCKED, second.stdout
        assert first.wait() == ExitCode.FINE
    assert stack.mints == 1


def test_a_retirement_revokes_and_does_nothing_else(stack: Stack) -> None:
    """A token that is due stays as it is; a deadline that passed is kept; the daily run then rotates."""
    make_lease(stack)
    stack.declare(admin=ADMIN)
    stack.up()
    stack.pass_days(61)
    stack.up()
    stack.pass_days(61)  # the second generation is due, and the overlap of the first is over
    current, published = stack.published_generation("admin"), stack.secret_metadata("admin").resource_version
    assert len(stack.live_at_authentik()) == 2
    done = scheduled_run(stack, SETTLE, *with_lease(stack), job="retire")
    assert done.returncode == ExitCode.FINE, done.stdout
    assert "DeadlinePassed" in done.stdout
    assert stack.live_at_authentik() == [current]
    assert (stack.mints, stack.secret_metadata("admin").resource_version) == (2, published)
    receipt = stack.receipt("admin")
    assert receipt is not None
    assert receipt["superseded"] == []
    with stack.cluster.admin_client() as api:
        runs = client.CoreV1Api(api).read_namespaced_config_map("token-receipts-runs", stack.namespace).data
    assert read_run_record(runs["retire"]).outcome == "fine"

    stack.up()
    assert stack.mints == 3


def test_a_retirement_leaves_what_alerts_tell_of_the_token(stack: Stack) -> None:
    """It judges no token, so what the last run found wrong with one stands in its receipt until a run finds it well."""
    make_lease(stack)
    stack.declare(admin=ADMIN)
    stack.up()
    stack.declare(admin={**ADMIN, "paused": True})
    stack.pass_days(61)
    stack.up()
    before = (stack.receipt("admin") or {})["conditions"]
    assert before == ["Paused"]
    done = scheduled_run(stack, SETTLE, *with_lease(stack), job="retire")
    assert done.returncode == ExitCode.FINE, done.stdout
    assert (stack.receipt("admin") or {})["conditions"] == before


def test_a_retirement_ends_an_orphan(stack: Stack) -> None:
    """What a killed run minted is entered and ended by the hourly job alone, never on sight."""
    make_lease(stack)
    stack.declare(admin=ADMIN)
    stack.up()
    orphan = f"{stack.mark}_admin_20260101t000000z_orphan"
    stack.authentik.issue(BOOTSTRAP_USER, orphan, expiring=False)
    found = scheduled_run(stack, SETTLE, *with_lease(stack), job="retire")
    assert found.returncode == ExitCode.FINE, found.stdout
    assert "OrphanFound" in found.stdout
    assert orphan in stack.live_at_authentik()
    stack.pass_days(31)
    ended = scheduled_run(stack, SETTLE, *with_lease(stack), job="retire")
    assert ended.returncode == ExitCode.FINE, ended.stdout
    assert stack.live_at_authentik() == [stack.published_generation("admin")]
    assert stack.mints == 1


def test_a_retirement_beside_a_token_that_no_run_has_made_yet(stack: Stack) -> None:
    """A new entry in the config does not stop what is due to end; it is made by the next run and not before."""
    make_lease(stack)
    stack.declare(admin=ADMIN)
    nothing_yet = scheduled_run(stack, SETTLE, *with_lease(stack), job="retire")
    assert (nothing_yet.returncode, stack.mints) == (ExitCode.FINE, 0), nothing_yet.stdout
    stack.up()
    stack.pass_days(61)
    stack.up()
    stack.pass_days(31)
    stack.declare(admin=ADMIN, fresh=ADMIN)
    done = scheduled_run(stack, SETTLE, *with_lease(stack), job="retire")
    assert done.returncode == ExitCode.FINE, done.stdout
    assert stack.live_at_authentik() == [stack.published_generation("admin")]
    assert stack.mints == 2
    stack.up()
    assert stack.mints == 3
    assert stack.authentik.accepts(stack.secret("fresh")["token"])


@contextmanager
def _behind_faults(stack: Stack) -> Iterator[Faults]:
    """Let runs reach the API server through what can misbehave."""
    stack.restrict_cluster([Rule(["*"], ["configmaps", "secrets"])])
    config = yaml.safe_load(stack.kubeconfig.read_text())
    (cluster,) = config["clusters"]
    authority = base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode()
    forward = Forward(stack.cluster.url, ssl.create_default_context(cadata=authority))
    with mounted(faults := Faults(forward.handle)) as url:
        cluster["cluster"] = {"server": url}
        stack.kubeconfig.write_text(yaml.safe_dump(config))
        yield faults
    forward.close()


@pytest.mark.deep
@pytest.mark.parametrize("fault", ["publication refused", "mint refused", "answer of the mint lost"])
def test_a_second_attempt_mints_nothing_twice(stack: Stack, fault: str) -> None:
    """What fails once is done by the second attempt of the same run, and one generation is all that was minted."""
    stack.declare(admin=ADMIN)
    with _behind_faults(stack) as faults:
        stack.up()
        stack.pass_days(61)
        if fault == "publication refused":
            faults.refuse(403, method="PATCH", path=f"/api/v1/namespaces/{stack.namespace}/secrets/admin")
        elif fault == "mint refused":
            stack.authentik_faults.refuse(500, method="POST", path=TOKENS)
        else:
            stack.authentik_faults.lose_answer(method="POST", path=TOKENS)
        done = scheduled_run(stack, SETTLE, "--attempts", "2", "--backoff", "1s")
        assert done.returncode == ExitCode.FINE, done.stdout
        attempts = 1 + done.stdout.count("run failed and is tried again")
        assert attempts == (1 if fault == "answer of the mint lost" else 2), done.stdout
        assert stack.mints == 2
        assert len(stack.live_at_authentik()) == 2
        assert stack.authentik.accepts(stack.secret("admin")["token"])
        stack.up("--expect-no-changes")
