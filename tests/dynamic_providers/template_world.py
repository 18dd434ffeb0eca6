"""A template, a simulated Coder, a cluster in memory, and the verbs as the engine calls them, a run at a time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from dynamic_providers import process
from dynamic_providers.coder_template import CoderTemplateProvider
from dynamic_providers.state import Run
from rotation.backends.transport import Transport, json_request
from rotation.templates.record import TemplateRecord, read_template_record
from rotation.testing.builders import HandClock
from sandbox.apis.coder import Coder
from sandbox.faults import Faults
from tests.dynamic_providers.world import MemoryCluster

PLACE = "coder/coder-admin-api-token"
MAIN = 'resource "null_resource" "x" {}\n'
Props = dict[str, Any]


class TemplateWorld:
    """`state` is what the engine stores of the template; `said` and `preview_said` tell of the last run."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.server = Coder(self.clock, seed=1)
        self.server.add_user("templates", roles=("template-admin",))
        self.value = self.server.issue("templates", "by-hand", lifetime=timedelta(days=30))
        self.faults = Faults(self.server.handle, sleep=lambda _seconds: None)
        self.cluster = MemoryCluster()
        self.cluster.publish(PLACE, {"token": self.value})
        self.folder = folder
        self.config: Props = {}
        self.state: Props | None = None
        self.said: list[str] = []

    def write(self, text: str = MAIN) -> None:
        """The template's only file."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "main.tf").write_text(text)

    def up(self, **config: Any) -> bool:
        """One run; whether it had something to do. Raises VerbError, and stores nothing then."""
        self.config |= config
        return self._run(act=True)

    def preview(self) -> bool:
        """A dry run."""
        return self._run(act=False)

    def remove(self) -> None:
        """A run without the template."""
        assert self.state is not None
        with process.using(self._new_run()):
            CoderTemplateProvider().delete("docker", self.state)
        self.state = None

    @property
    def record(self) -> TemplateRecord:
        return read_template_record(self.cluster.entries["template.docker"])

    @property
    def active(self) -> str:
        """The name of the active version."""
        return self.server.template("docker").active.name

    def promote(self, name: str) -> None:
        """What a person does in the browser."""
        look = self.server.template("docker")
        (chosen,) = [one for one in look.versions if one.name == name]
        self.ask("PATCH", f"/templates/{look.id}/versions", {"id": chosen.id})

    def ask(self, method: str, path: str, payload: object = None) -> None:
        """What somebody else does there."""
        headers = {"coder-session-token": self.value}
        assert self.server.handle(json_request(method, f"/api/v2{path}", payload, headers=headers)).status < 300

    def later(self) -> None:
        self.clock.move(timedelta(minutes=1))

    def _run(self, *, act: bool) -> bool:
        provider, olds = CoderTemplateProvider(), self.state
        with process.using(self._new_run()):
            news = provider.check(olds or {}, self._declared()).inputs
            if olds is None:
                if act:
                    self.state = dict(provider.create(news).outs or {})
                return True
            changes = bool(provider.diff("docker", olds, news).changes)
            if changes and act:
                self.state = dict(provider.update("docker", olds, news).outs or {})
            return changes

    def _declared(self) -> Props:
        given = {"name": "docker", "backend": "coder", "place": PLACE, "folder": str(self.folder), "config_map": ""}
        told = {"display_name": "", "description": "", "icon": ""}
        rest = {"organization": "default", "variables": {}, "time_limit": "10m", "active": ""}
        return {**given, **told, **rest, **self.config}

    def _new_run(self) -> Run:
        self.said = []
        run = Run("run", self.clock(), self.clock, self.cluster, _no_backend, self.said.append)
        run.reach = self._reach
        run.sleep = lambda seconds: self.clock.move(timedelta(seconds=seconds))
        return run

    def _reach(self, backend: str) -> Transport:
        assert backend == "coder"
        return self.faults


def _no_backend(name: str) -> Any:
    raise AssertionError(f"a template asks no adapter, and it asked {name}")
