"""Values and credentials that were planted are looked for in everything that a life of tokens leaves behind."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from kubernetes import client

from sandbox.pulumi_cli import ROOT, Finished
from tests.end_to_end.stack import POLICY, ROLE, Stack

PLANTED = 'planted+key/with="quotes"&per%cent'
"""An Authentik key that looks different in every encoding."""

BRIEF = {"lifetime": "600s", "rotate_every": "300s", "overlap": "60s", "tolerated_outage": "20s"}


def forms_of(value: str) -> set[str]:
    """How a value can be written: as it is, for a url, in JSON, and in base64 at each of its three alignments."""
    forms = {value, quote(value), quote(value, safe=""), json.dumps(value)[1:-1], json.dumps(json.dumps(value))[3:-3]}
    for offset in range(3):
        raw = b"\0" * offset + value.encode()
        encoded = base64.b64encode(raw[: len(raw) // 3 * 3]).decode()[4 if offset else 0 :]
        forms |= {encoded, encoded.replace("+", "-").replace("/", "_")}
    return forms


class Evidence:
    """All that was printed and all that lies about, by where it was found."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._printed: dict[str, str] = {}
        self.values: set[str] = set()

    def keep(self, run: Finished) -> Finished:
        """Keep what a command printed, and every value that is published now or that Authentik has given."""
        self._printed[f"{len(self._printed)}: pulumi {' '.join(run.arguments)}"] = run.output
        for name in self._stack.published_names():
            self.values |= set(self._stack.secret(name).values())
        ours = self._stack.authentik._store.tokens.values()
        self.values |= {token.key for token in ours if token.identifier.startswith(self._stack.mark)}
        return run

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every text with the place where it was found."""
        yield from self._printed.items()
        for folder in (self._stack.directory / "state", self._stack.directory / "pulumi-home"):
            for file in folder.rglob("*"):
                if file.is_file():
                    yield str(file), file.read_bytes().decode(errors="replace")
        yield "the stack's config", (self._stack.project / f"Pulumi.{self._stack.name}.yaml").read_text()
        yield from _told_by_cluster(self._stack)
        yield "Authentik's events", str(self._stack.authentik.events)

    def leaks(self, values: set[str]) -> list[str]:
        """Where any form of any of these values stands; the values themselves are not told."""
        forms = {form for value in values for form in forms_of(value)}
        found = re.compile("|".join(map(re.escape, forms)))
        return [place for place, text in self.texts() if found.search(text)]


def _told_by_cluster(stack: Stack) -> Iterator[tuple[str, str]]:
    """ConfigMaps, events, and Secrets without their data."""
    with stack.cluster.admin_client() as api:
        core = client.CoreV1Api(api)
        yield "ConfigMaps", str(core.list_namespaced_config_map(stack.namespace).to_dict())
        yield "events", str(core.list_namespaced_event(stack.namespace).to_dict())
        for secret in core.list_namespaced_secret(stack.namespace).items:
            yield f"metadata of the Secret {secret.metadata.name}", str(secret.metadata.to_dict())


def _plant_credentials(stack: Stack) -> None:
    """Authentik's credential comes from the environment, Vault's from a secret of the stack's config."""
    stack.environment["AUTHENTIK_TOKEN"] = stack.authentik.issue("akadmin", "planted", key=PLANTED, expiring=False)
    del stack.environment["VAULT_TOKEN"]
    stack.config["token-rotation:backends"]["vault"]["credential"] = {"config": "vault_token"}
    stack.set("backends", stack.config["token-rotation:backends"])
    stack.pulumi.run("config", "set", "--secret", "vault_token", stack.vault_token, "--stack", stack.name)
    stored = yaml.safe_load((stack.project / f"Pulumi.{stack.name}.yaml").read_text())["config"]
    stack.set("vault_token", stored["token-rotation:vault_token"])


def test_no_value_and_no_credential_is_left_anywhere(stack: Stack) -> None:
    """Through failures, refresh and logs, no value and no credential stands in clear in any state, output or object."""
    _plant_credentials(stack)
    found = Evidence(stack)
    tokens: dict[str, dict[str, Any]] = {
        "admin": {"backend": "authentik", "policy": POLICY, "probe": "always"},
        "root": {"backend": "vault", "policy": BRIEF, "spec": {"role": ROLE}, "probe": "always"},
    }
    stack.declare(**tokens)
    found.keep(stack.up())

    stack.declare(**{name: {**token, "force": "1"} for name, token in tokens.items()})
    found.keep(stack.preview())
    found.keep(stack.up("--diff"))
    assert all("token-previous" in stack.secret(name) for name in tokens)
    found.keep(stack.pulumi.run("refresh", "--yes", "--diff", "--stack", stack.name))

    stack.authentik_faults.refuse(500, method="DELETE", times=4)
    stack.vault_faults.refuse(500, path="/v1/auth/token/revoke-accessor", times=4)
    stack.declare(**{name: {**token, "force": "1", "emergency": "1"} for name, token in tokens.items()})
    assert "RevocationFailed" in found.keep(stack.up("--logtostderr", "-v=5")).output

    stack.declare(**{name: {**token, "force": "2", "emergency": "1"} for name, token in tokens.items()})
    stack.authentik_faults.refuse(500, method="GET", path=f"/api/v3/core/tokens/{stack.mark}", times=4)
    stack.vault_faults.refuse(500, path="/v1/auth/token/renew-accessor", times=4)
    assert found.keep(stack.up("--continue-on-error", check=False)).code != 0
    for arguments in (["preview", "--json"], ["stack", "history", "--json"], ["stack", "export"], ["stack", "output"]):
        found.keep(stack.pulumi.run(*arguments, "--stack", stack.name))

    assert len(found.values) >= 6
    assert found.leaks({*found.values, PLANTED, stack.vault_token}) == []
    state = json.dumps(stack.pulumi.export())
    assert "vault_token" in state  # it is there, and encrypted
    assert "AUTHENTIK_TOKEN" in state  # its name alone is


def test_reformatted_source_is_no_change(stack: Stack) -> None:
    """Comments and blank lines in the providers' source change no resource: the state holds references, not code."""
    for folder in ("dynamic_providers", "rotation"):
        (stack.project / folder).unlink()
        shutil.copytree(ROOT / folder, stack.project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    stack.declare(admin={"backend": "authentik", "policy": POLICY})
    stack.up()
    for file in (stack.project / "dynamic_providers").glob("*.py"):
        _reformat(file)
    stack.up("--expect-no-changes")
    assert stack.mints == 1


def _reformat(file: Path) -> None:
    text = file.read_text().replace("\n\n\n", "\n\n\n\n# A line of no meaning.\n\n\n")
    file.write_text(f"{text}\n\n# The end.\n")
