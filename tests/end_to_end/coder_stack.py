"""A stack beside a simulated Coder: what its config says of it, and what a person does there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from kubernetes import client

from rotation.backends.transport import json_request
from sandbox.apis.coder import Coder
from sandbox.clock import offset_clock
from sandbox.faults import Faults
from sandbox.serve import mounted
from tests.end_to_end.stack import Stack

SECRET = "coder-admin-api-token"
TOKEN = "coder-admin"
WEEK = {"lifetime": "7d", "rotate_before": "3d", "overlap": "1d", "tolerated_outage": "2d"}
MONTH = {"lifetime": "30d", "rotate_before": "7d", "overlap": "3d"}
ADMIN, PASSWORD, EMAIL = "admin", "a-Long-passphrase-17", "admin@example.com"


@dataclass
class CoderStack:
    """`stack` declares one Coder token, whose published Secret is its own credential."""

    stack: Stack
    coder: Coder
    faults: Faults
    url: str
    secret: str = SECRET
    environment: dict[str, str] = field(default_factory=dict, repr=False)

    def declare(self, *, policy: Mapping[str, str], bootstrap: Mapping[str, Any] | None = None, **token: Any) -> None:
        """The backend and its token; more tokens by their names, `_` for `-`."""
        place = {"namespace": self.stack.namespace, "name": self.secret}
        entry: dict[str, Any] = {"url": self.url, "credential": {"kubernetesSecret": place}}
        if bootstrap is not None:
            entry["bootstrap"] = dict(bootstrap)
        self.stack.config["token-rotation:backends"]["coder"] = entry
        publish = [{"kubernetesSecret": place, "adopt": True}]
        self.stack.declare(coder_admin={"backend": "coder", "policy": dict(policy), "publish": publish}, **token)

    def logs_in_by_itself(self) -> dict[str, Any]:
        """The account of the automatic path; its password stands in the environment of a run."""
        self.stack.environment["CODER_ADMIN_PASSWORD"] = PASSWORD
        return {"username": ADMIN, "email": EMAIL, "password": {"env": "CODER_ADMIN_PASSWORD"}}

    def make_first_user(self) -> None:
        """What a person does in the browser."""
        body = {"email": EMAIL, "username": ADMIN, "password": PASSWORD}
        assert self.coder.handle(json_request("POST", "/api/v2/users/first", body)).status == 201

    def accept(self, value: str) -> subprocess.CompletedProcess[str]:
        """What the steps tell a person to do last."""
        place = f"{self.stack.namespace}/{self.secret}"
        command = [sys.executable, "-m", "operations", "accept", place, "--kind", "coder", "--url", self.url]
        environment = self.stack.pulumi.variables()
        return subprocess.run(
            command,
            input=f"{value}\n",
            cwd=self.stack.project,
            env=environment,
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def note(self) -> dict[str, Any] | None:
        """What is told of the token while it has no receipt."""
        with suppress(client.ApiException):  # before anything was written there is no receipt at all
            return self.stack.receipt(f"bootstrap.{TOKEN}")
        return None

    def names(self) -> list[str]:
        """The live tokens at Coder."""
        return sorted(token.identifier for token in self.coder.live_tokens())


@contextmanager
def beside_coder(stack: Stack, **options: Any) -> Iterator[CoderStack]:
    """A simulated Coder with the stack's clock, without a user."""
    coder = Coder(offset_clock(stack.clock_file), **options)
    faults = Faults(coder.handle)
    with mounted(faults, coder) as url:
        yield CoderStack(stack, coder, faults, url)
