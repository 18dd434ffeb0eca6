"""The model: the simulator's engine, program and cluster with the production providers, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from components.settings import Settings, read_settings
from dynamic_providers import process, state
from dynamic_providers.cluster import Placed
from dynamic_providers.verbs import VerbError
from rotation.backends import authentik, vault
from rotation.backends.protocol import Backend
from rotation.errors import ClusterError, InvalidSettings
from rotation.model import owner_mark
from rotation.reasons import Action, Decision, Reason, read_reason_line
from rotation.testing.builders import HandClock
from sandbox.apis.authentik import Authentik
from sandbox.apis.vault import Vault
from simulator.cluster import SimulatedCluster, away
from simulator.engine import Engine
from simulator.program import Declared, Program
from simulator.world import Killed
from tests.agreement.harness import ROLE, World, as_config
from tests.agreement.picture import Names, Run, Seen

PROJECT, STACK = "token-rotation", "modelled"
_RUN_TAKES = timedelta(seconds=5)
_ACTS = {"remove receipt": "write receipt", "read credential": "look"}
_AGAIN = frozenset({429, 500, 502, 503, 504})


class _Cluster(SimulatedCluster):
    """With hands in it: who else says to manage a place."""

    managers: dict[str, str]

    def placed(self, namespace: str, name: str) -> Placed | None:
        found, manager = super().placed(namespace, name), self.managers.get(f"{namespace}/{name}", "")
        return found and replace(found, manager=manager)


class ModelWorld(World):
    """Its clock moves by the days of the scenario and a few seconds for each run.

    begun: when it begins, which is today: a lot is drawn by the day
    """

    namespace = "apps"
    owner = owner_mark(PROJECT, STACK)

    def __init__(self, begun: datetime, *, instants: bool = True) -> None:
        super().__init__(Names(begun, instants), _kill)
        self.clock = HandClock(begun)
        self.authentik = Authentik(self.clock, seed=1)
        self._prepare_authentik()
        self.vault = Vault(self.clock, seed=1)
        self.vault_token = self.vault.prepare_rotation(ROLE)
        self.cluster = _Cluster(self._on_cluster)
        self.cluster.managers = {}
        self.engine = Engine()
        self._copy: dict[str, Any] = {}
        self.config = {
            f"{PROJECT}:run_interval": "10s",
            f"{PROJECT}:backends": {
                "authentik": {"url": "http://127.0.0.1:1", "credential": {"env": "AUTHENTIK_TOKEN"}},
                "vault": {"url": "http://127.0.0.1:2", "credential": {"env": "VAULT_TOKEN"}},
            },
        }

    # --- time and runs ----------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.clock()

    def days(self, days: float) -> None:
        self.clock.move(timedelta(days=days))

    def seconds(self, seconds: float) -> None:
        self.clock.move(timedelta(seconds=seconds))

    def _execute(self, verb: str, *, refresh: bool, replace: str) -> Run:
        said: list[str] = []
        operations: list[str] | None = None
        try:
            settings = read_settings(as_config(self.config), PROJECT)
        except InvalidSettings:
            return Run(ok=False, operations=[], said=[])
        run = state.Run("run", self.now, self.clock, self.cluster, self._connect, said.append)
        run.rotation_limit, run.interval = settings.rotation_limit or None, settings.run_interval
        with process.using(run):
            try:
                ok = self._drive(settings, verb, refresh=refresh, replace=replace)
                operations = [_plain(step) for step in self.engine.steps]
            except Killed:
                ok = False
        self.clock.move(_RUN_TAKES)
        lines = (read_reason_line(line) for line in said)
        return Run(ok, operations, [line for line in lines if line])

    def _drive(self, settings: Settings, verb: str, *, refresh: bool, replace: str) -> bool:
        engine = self.engine
        engine.steps.clear()
        engine.declared.clear()
        engine.preview, engine.replace = verb == "preview", ("token",) if replace else ()
        try:
            if verb == "destroy":
                engine.destroy(self._unpublish)
                return True
            if refresh:
                engine.refresh(self.cluster.secrets.__contains__)
        except (VerbError, ClusterError):
            return False
        lists = {name: settings.kind(name).capabilities.lists for name in settings.backends}
        program = Program(engine, self.cluster.publish, lists.__getitem__, lambda _step, _name: None, self._unpublish)
        declared = _declared(settings, self.owner)
        return not (program.run(declared) or program.delete_undeclared(declared))

    def _connect(self, name: str) -> Backend:
        def warn(text: str) -> None:
            process.current().tell(name, Decision(Action.KEEP, Reason.CLOCK_SKEW, text))

        if name == "authentik":
            return authentik.connect(name, self._at_authentik, self.authentik.bootstrap_key, self.clock, warn)
        token, handle = self.vault_token, self.vault.handle
        return vault.connect(name, lambda request: self._at_vault(request, token, handle), token, self.clock, warn)

    def _unpublish(self, place: str) -> None:
        self._on_cluster("unpublish", place, "", lambda: self.cluster.secrets.pop(place, None))

    def _on_cluster(self, act: str, subject: str, menu: str, do: Callable[[], Any]) -> Any:  # noqa: ARG002 - as `Perform` has it
        def refused(status: int) -> Any:
            if status in _AGAIN:
                raise away(act, f"HTTP {status}")
            raise ClusterError(act, f"HTTP {status}", "See the README.")

        try:
            return self.troubles.around("cluster", _ACTS.get(act, act), do, refused)
        except ConnectionError:
            raise away(act, "no answer") from None

    # --- hands ------------------------------------------------------------------------------------------------------

    def put(self, place: str, value: str, *, manager: str = "") -> None:
        name = f"{self.namespace}/{place}"
        self.cluster.secrets[name] = {**self.cluster.secrets.get(name, {}), "token": value}
        self.cluster.by_hand.add(name)
        if manager:
            self.cluster.managers[name] = manager

    def delete_secret(self, place: str) -> None:
        del self.cluster.secrets[f"{self.namespace}/{place}"]

    def keep_state(self) -> None:
        self._copy = json.loads(json.dumps(self.engine.state))

    def restore_state(self) -> None:
        self.engine.state = json.loads(json.dumps(self._copy))

    # --- what is to be seen -----------------------------------------------------------------------------------------

    def _look(self) -> Seen:
        resources = {key: resource.get("outputs", {}) for key, resource in self.engine.state.items()}
        return Seen(
            resources={_plain(key): outputs for key, outputs in resources.items()},
            receipts=self.cluster.entries,
            secrets={_plain(place): content for place, content in self.cluster.secrets.items()},
            live=self._live(),
        )

    def _live_at_vault(self) -> list[str]:
        return [token.generation for token in self.vault.live_tokens() if token.generation]


def _plain(name: str) -> str:
    """Without the namespace, which each world has of its own."""
    return name.replace(f"{ModelWorld.namespace}/", "")


def _kill() -> None:
    raise Killed


def _declared(settings: Settings, owner: str) -> Sequence[Declared]:
    return [
        Declared(
            name,
            token.backend,
            settings.policy(name).model_dump(mode="json"),
            tuple(str(publication.kubernetes_secret) for publication in token.publish),
            owner,
            token.spec,
            token.force,
            token.emergency,
            token.rollback,
            token.paused,
            token.probe,
            adopt=tuple(str(item.kubernetes_secret) for item in token.publish if item.adopt),
            take_over=tuple(str(item.kubernetes_secret) for item in token.publish if item.take_over),
            evidence=token.evidence.model_dump(mode="json", by_alias=True),
            was=token.was,
            decommissioned=name in settings.decommission,
        )
        for name, token in settings.tokens.items()
    ]
