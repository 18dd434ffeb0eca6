"""A cluster with teams in it, simulated or real, and everybody who works on their operational tokens."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rotation.backends.api_client import ApiClient
from rotation.backends.transport import Transport, json_request
from rotation.clock import Clock, system_clock
from rotation.model import Policy
from rotation.operator_tokens import changes
from rotation.operator_tokens.bootstrap import Bootstrapper, Outcome
from rotation.operator_tokens.changes import Newcomer
from rotation.operator_tokens.events import Events
from rotation.operator_tokens.keeper import Due, Keeper, Keeping, Kept, OwnerObject
from rotation.operator_tokens.published import KEYS, PublishedSecrets, secret_name
from rotation.operator_tokens.record import Entry, Record, RecordPlace, Team, TokenType, hash_of, new_value
from rotation.operator_tokens.revocation import Revocation
from rotation.operator_tokens.store import RecordStore, cluster_client
from rotation.testing.builders import DAY, OWNER, START, HandClock, a_generation
from rotation.testing.secrecy import reveals
from sandbox.apis.kubernetes import KubernetesApi
from sandbox.faults import Faults

TEAM, OTHER = "team-a", "team-b"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
POLICY = Policy.model_validate({"lifetime": "90d", "rotate_before": "10d", "overlap": "7d", "tolerated_outage": "3d"})
LIFE, BEFORE, OVERLAP = 90 * DAY, 10 * DAY, 7 * DAY
OWNED_BY = OwnerObject(api_version="v1", kind="ConfigMap", name="realm-of-{namespace}")
ADMISSION: TokenType = "admission"


@dataclass
class Teams:
    """What is common to both clusters. `send` is the way to the server; `values` are all that were ever published."""

    send: Transport
    clock: Clock
    place: RecordPlace
    sleep: Callable[[float], None]
    values: set[str] = field(default_factory=set)

    def client(self, send: Transport | None = None, clock: Clock | None = None) -> ApiClient:
        """Of another process."""
        return cluster_client("operator", send or self.send, clock or self.clock, lambda _text: None)

    def store(self, send: Transport | None = None, clock: Clock | None = None) -> RecordStore:
        return RecordStore(self.client(send, clock), self.place, lambda _seconds: None)

    def parts(
        self, send: Transport | None = None, clock: Clock | None = None
    ) -> tuple[RecordStore, PublishedSecrets, Events, Clock]:
        client = self.client(send, clock)
        now = clock or self.clock
        return self.store(send, clock), PublishedSecrets(client, self.place), Events(client, now), now

    def present(
        self,
        value: str,
        namespace: str = TEAM,
        *,
        send: Transport | None = None,
        clock: Clock | None = None,
        owner: OwnerObject | None = None,
        policy: Policy = POLICY,
    ) -> Outcome:
        """What a team's job does."""
        made = Bootstrapper(*self.parts(send, clock), policy, owner=owner, sleep=self.sleep)
        try:
            return made.present(namespace, value)
        finally:
            self.note()

    def keeper(self, send: Transport | None = None, clock: Clock | None = None, **keeping: Any) -> Keeper:
        return Keeper(*self.parts(send, clock), Keeping(**{"policy": POLICY, **keeping}))

    def run(self, send: Transport | None = None, clock: Clock | None = None, **keeping: Any) -> Kept:
        """One scheduled run, which must fail nowhere."""
        keeper = self.keeper(send, clock, **keeping)
        try:
            kept = keeper.keep(keeper.look())
        finally:
            self.note()
        assert kept.failures == {}
        return kept

    def due(self, **keeping: Any) -> dict[str, Due]:
        return {due.namespace: due for due in self.keeper(**keeping).look()}

    def revocation(self, send: Transport | None = None) -> Revocation:
        return Revocation(*self.parts(send))

    def enter(
        self,
        namespace: str = TEAM,
        token_type: TokenType = ADMISSION,
        life: timedelta = 400 * DAY,
    ) -> str:
        """A token of the stack, confirmed; returns its value."""
        now, value = self.clock(), new_value()
        generation = a_generation(now, token=f"{namespace}-{token_type}", owner=OWNER)
        newcomer = Newcomer(generation, now, life, now + DAY, token_type)

        def change(record: Record) -> Record:
            return changes.confirm(changes.admit(record, hash_of(value), newcomer), generation, now, life)

        self.store().change(namespace, change)
        self.values.add(value)
        return value

    def record(self, namespace: str = TEAM) -> Record:
        return self.store().read(namespace)

    def team(self, namespace: str = TEAM) -> Team:
        return self.record(namespace).team

    def accepted(self, namespace: str = TEAM) -> dict[str, Entry]:
        """What is let in now of the operational ones, by hash."""
        return self.record(namespace).accepted(self.clock())

    def secret(self, namespace: str = TEAM, name: str = "") -> dict[str, str]:
        """The values of a Secret; none where there is no Secret."""
        answer = self.send(json_request("GET", self.secret_path(namespace, name)))
        if answer.status == 404:
            return {}
        return {key: base64.b64decode(text).decode() for key, text in (answer.json().get("data") or {}).items()}

    def metadata(self, namespace: str = TEAM) -> dict[str, Any]:
        return dict(self.send(json_request("GET", self.secret_path(namespace))).json()["metadata"])

    def annotations(self, namespace: str = TEAM) -> dict[str, str]:
        found: dict[str, str] = self.metadata(namespace).get("annotations", {})
        return {key.removeprefix("token-rotation/"): text for key, text in found.items()}

    def lets_in(self, value: str, namespace: str = TEAM) -> bool:
        return hash_of(value) in self.accepted(namespace)

    def unknown(self, namespace: str = TEAM) -> list[str]:
        """Generations that are let in and whose value stands at no key of the Secret."""
        held = {hash_of(value) for value in self.secret(namespace).values()}
        return [one.generation for hashed, one in self.accepted(namespace).items() if hashed not in held]

    def delete_secret(self, namespace: str = TEAM) -> None:
        assert self.send(json_request("DELETE", self.secret_path(namespace))).status == 200

    def put_secret(self, data: dict[str, str], namespace: str = TEAM, **metadata: Any) -> None:
        """Replace or make a Secret by hand; None of metadata leaves what is there."""
        path = self.secret_path(namespace)
        found = self.send(json_request("GET", path))
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        if found.status == 404:
            body = {"metadata": {"name": secret_name(namespace), **metadata}, "data": encoded}
            assert self.send(json_request("POST", path.rpartition("/")[0], body)).status == 201
            return
        body = found.json() | {"data": encoded}
        body["metadata"] |= metadata
        assert self.send(json_request("PUT", path, body)).status == 200

    def secret_path(self, namespace: str, name: str = "") -> str:
        return f"/api/v1/namespaces/{namespace}/secrets/{name or secret_name(namespace)}"

    def events(self, namespace: str = TEAM) -> list[dict[str, Any]]:
        """In the order of their creation."""
        listed = self.send(json_request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")).json()["items"]
        return sorted(listed, key=lambda event: int(event["metadata"]["resourceVersion"]))

    def told(self, namespace: str = TEAM) -> list[str]:
        """The reasons of all Events so far."""
        return [event["reason"] for event in self.events(namespace)]

    def note(self) -> None:
        """Remember what is published now, to be looked for elsewhere."""
        for namespace in (TEAM, OTHER):
            self.values |= {value for key, value in self.secret(namespace).items() if key in KEYS}

    def all_that_is_told(self) -> str:
        """Every record and every Event, as the server has them, and what Secrets tell beside their values."""
        paths = [f"/api/v1/namespaces/{self.place.namespace}/configmaps"]
        paths += [f"/apis/events.k8s.io/v1/namespaces/{namespace}/events" for namespace in (TEAM, OTHER)]
        told = [self.send(json_request("GET", path)).body.decode() for path in paths]
        listed = [self.send(json_request("GET", f"/api/v1/namespaces/{one}/secrets")).json() for one in (TEAM, OTHER)]
        told += [json.dumps(one["metadata"]) for lists in listed for one in lists.get("items", [])]
        return "\n".join(told)

    def assert_nothing_is_revealed(self, also: str = "") -> None:
        self.note()
        told = self.all_that_is_told() + also
        assert self.values
        assert [value for value in self.values if reveals(told, value)] == []


class TeamWorld(Teams):
    """A simulated cluster whose clock is moved by hand; who waits moves it."""

    clock: HandClock

    def __init__(self) -> None:
        clock = HandClock(START)
        self.server = KubernetesApi(clock, seed=1)
        self.faults = Faults(self.server.handle, sleep=lambda _seconds: None)
        place = RecordPlace()
        for namespace in (place.namespace, TEAM, OTHER):
            self.server.add_namespace(namespace)
        self.waited = 0.0
        super().__init__(self.faults, clock, place, self._wait)

    def bootstrapped(self, namespace: str = TEAM, **how: Any) -> str:
        """A team that has presented its admission token, which is returned."""
        value = self.enter(namespace)
        assert self.present(value, namespace, **how).minted
        return value

    def make_owner(self, namespace: str = TEAM) -> str:
        """Make the object that OWNED_BY names; returns its uid."""
        body = {"metadata": {"name": OWNED_BY.name_in(namespace)}}
        made = self.server.handle(json_request("POST", f"/api/v1/namespaces/{namespace}/configmaps", body))
        return str(made.json()["metadata"]["uid"])

    def unmake_owner(self, namespace: str = TEAM) -> None:
        self.server.handle(json_request("DELETE", OWNED_BY.path_in(namespace)))

    def delete_namespace(self, namespace: str = TEAM) -> None:
        self.server.handle(json_request("DELETE", f"/api/v1/namespaces/{namespace}"))
        self.server.collect_garbage()

    def by_a_clock(self, off: timedelta) -> Clock:
        """The clock of a process that is off by this much."""
        return lambda: self.clock() + off

    def _wait(self, seconds: float) -> None:
        self.waited += seconds
        self.clock.move(timedelta(seconds=seconds))


class RealTeams(Teams):
    """Namespaces of their own on a real API server, by real time."""

    def __init__(self, send: Transport, sleep: Callable[[float], None]) -> None:
        mark = secrets.token_hex(4)
        self.mine = f"{TEAM}-{mark}"
        place = RecordPlace(namespace=f"records-{mark}")
        super().__init__(send, system_clock, place, sleep)
        for namespace in (place.namespace, self.mine):
            made = send(json_request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}}))
            assert made.status == 201, made.body

    def note(self) -> None:
        self.values |= {value for key, value in self.secret(self.mine).items() if key in KEYS}

    def all_that_is_told(self) -> str:
        paths = [f"/api/v1/namespaces/{self.place.namespace}/configmaps"]
        paths.append(f"/apis/events.k8s.io/v1/namespaces/{self.mine}/events")
        told = [self.send(json_request("GET", path)).body.decode() for path in paths]
        return "\n".join([*told, json.dumps(self.metadata(self.mine))])
