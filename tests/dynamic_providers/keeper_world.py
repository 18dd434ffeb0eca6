"""A keeper, a simulated cluster with two teams in it, and the verbs as the engine calls them, a run at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dynamic_providers import process
from dynamic_providers.operator_keeper import OperatorKeeperProvider
from dynamic_providers.state import Run
from rotation.backends.transport import Transport, json_request
from rotation.operator_tokens.record import RecordPlace
from rotation.operator_tokens.store import RECORDS_LABEL
from tests.dynamic_providers.world import MemoryCluster
from tests.operator_tokens.team_world import POLICY, TeamWorld

Props = dict[str, Any]


class KeeperWorld(TeamWorld):
    """`state` is what the engine stores of the keeper; `said` is what the last run told.

    minting: False for runs that only retire
    off:     how far the clock of runs is ahead
    """

    def __init__(self) -> None:
        super().__init__()
        self.state: Props | None = None
        self.config: Props = {}
        self.said: list[str] = []
        self.minting = True
        self.off = timedelta()

    def up(self, **config: Any) -> bool:
        """One run; whether it had something to do. Raises VerbError, and stores nothing then."""
        self.config |= config
        try:
            return self._run(act=True)
        finally:
            self.note()

    def preview(self) -> tuple[bool, list[str]]:
        """A dry run: whether it shows a change, and what is due."""
        return self._run(act=False), self.due_shown

    def remove(self) -> None:
        """A run without the keeper. Raises VerbError, and the keeper stays then."""
        assert self.state is not None
        with process.using(self._new_run()):
            OperatorKeeperProvider().delete("operator-keeper", self.state)
        self.state = None

    def reasons(self) -> list[str]:
        """What the last run told, as `team-a rotate NearingExpiry`."""
        heads = [line.split(":", 3)[1:3] for line in self.said]
        return [f"{name.strip()} {told.strip().replace('(', '').replace(')', '')}" for name, told in heads]

    def damage(self, path: str) -> None:
        """What a hand does that edits a record."""
        body = self.server.handle(json_request("GET", path)).json()
        body["data"]["f" * 64] = "{"
        assert self.server.handle(json_request("PUT", path, body)).status == 200

    def move_records(self, namespace: str, name: str) -> None:
        """What a person does that gives the records another place: copy them, and delete those that were copied."""
        for record in self.store().all():
            path = self.record_path(record.namespace)
            body = self.server.handle(json_request("GET", path)).json()
            labels = {**body["metadata"]["labels"], RECORDS_LABEL: name}
            copied = {"metadata": {"name": f"{name}-{record.namespace}", "labels": labels}, "data": body["data"]}
            made = self.server.handle(json_request("POST", f"/api/v1/namespaces/{namespace}/configmaps", copied))
            assert (made.status, self.server.handle(json_request("DELETE", path)).status) == (201, 200)
        self.place = RecordPlace(namespace=namespace, name=name)

    def record_path(self, namespace: str) -> str:
        return f"/api/v1/namespaces/{self.place.namespace}/configmaps/{self.place.name}-{namespace}"

    def _run(self, *, act: bool) -> bool:
        provider, olds = OperatorKeeperProvider(), self.state
        with process.using(self._new_run()):
            news = provider.check(olds or {}, self._declared()).inputs
            self.due_shown = list(news["due"])
            if olds is None:
                if act:
                    self.state = dict(provider.create(news).outs or {})
                return True
            changes = bool(provider.diff("operator-keeper", olds, news).changes)
            if changes and act:
                self.state = dict(provider.update("operator-keeper", olds, news).outs or {})
            return changes

    def _declared(self) -> Props:
        given = {"backend": "operator", "records": self.place.model_dump(mode="json")}
        rest: Props = {"policy": POLICY.model_dump(mode="json"), "owner": {}, "revoked": [], "declared": {}}
        rest |= {"secrets": {}, "paused": False}
        return {**given, **rest, **self.config}

    def _new_run(self) -> Run:
        self.said = []
        clock = self.by_a_clock(self.off)
        run = Run("run", clock(), clock, MemoryCluster(), _no_backend, self.said.append)
        run.reach, run.sleep, run.minting = self._reach, self.sleep, self.minting
        return run

    def _reach(self, backend: str) -> Transport:
        assert backend == "operator"
        return self.faults


def _no_backend(name: str) -> Any:
    raise AssertionError(f"a keeper asks no adapter, and it asked {name}")
