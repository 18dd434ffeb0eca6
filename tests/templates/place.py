"""A simulated Coder for deployments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rotation.backends.api_client import ApiClient
from rotation.backends.coder_api import client
from rotation.backends.transport import json_request
from rotation.templates.archive import Archive, File, pack
from rotation.templates.deployment import Templates, Wanted
from rotation.testing.builders import HandClock
from sandbox.apis.coder import Coder
from sandbox.faults import Faults

DOCKER = Wanted("docker", description="A container")
MAIN = File("main.tf", b'resource "null_resource" "x" {}\n')


class Place:
    """A server, an administrator of its templates, and a clock that sleeping moves."""

    def __init__(self, **options: Any) -> None:
        self.clock = HandClock()
        self.server = Coder(self.clock, seed=1, **options)
        self.server.add_user("templates", roles=("template-admin",))
        self.value = self.server.issue("templates", "by-hand", lifetime=timedelta(days=30))
        self.faults = Faults(self.server.handle, sleep=lambda _seconds: None)
        self.slept: list[float] = []
        self.templates = Templates(self.client(self.value), self.clock, self.sleep)

    def client(self, value: str) -> ApiClient:
        return client("coder", self.faults, value, self.clock)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.move(timedelta(seconds=seconds))

    def ask(self, method: str, path: str) -> None:
        """What somebody else does there."""
        request = json_request(method, f"/api/v2{path}", headers={"coder-session-token": self.value})
        assert self.server.handle(request).status == 200

    def writes(self) -> int:
        """How many calls were made that may change something."""
        return sum(count for (method, _path), count in self.server.calls.items() if method != "GET")

    def versions(self) -> list[str]:
        return [version.name for version in self.server.template("docker").versions if not version.archived]


def content(text: str = "") -> Archive:
    return pack([MAIN, File("README.md", text.encode())])
