"""What a line runs against: a clock moved by hand, a simulated Authentik that can misbehave, a cluster in memory."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from dynamic_providers.cluster import Placed
from dynamic_providers.no_credential import NoCredential
from rotation.backends import authentik
from rotation.backends.protocol import Backend
from rotation.backends.transport import Request, Response, json_request, json_response
from rotation.errors import ClusterAway, ClusterError
from rotation.evidence import NoAnswer, Observation, Source
from rotation.receipt import Receipt
from rotation.testing.builders import HandClock
from sandbox.apis.authentik import Authentik
from sandbox.faults import Faults


class MemoryCluster:
    """Receipts and published Secrets in two dicts. `fail` holds acts that fail: read, records, look, write, publish.

    by_hand:  the places of which the value was last written by somebody else
    managers: who else says to manage a place
    shown:    what the sources of evidence show, by what they call themselves
    paused:   what a person pauses at a place: auto_renew, auto_rotate
    records:  what the scheduled jobs left behind
    placeholders: whose placeholder stands at a place
    ready:    how many replicas of a Deployment are ready
    """

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.by_hand: set[str] = set()
        self.managers: dict[str, str] = {}
        self.shown: dict[str, Observation] = {}
        self.paused: dict[str, set[str]] = {}
        self.records: dict[str, str] = {}
        self.config_maps: dict[str, dict[str, bytes]] = {}
        self.uids: dict[str, str] = {}
        self.placeholders: dict[str, str] = {}
        self.ready: dict[str, int] = {}
        self.fail: dict[str, type[ClusterError]] = {}
        self.calls: Counter[str] = Counter()

    def go_away(self) -> None:
        self.fail = dict.fromkeys(("read", "records", "look", "write", "publish"), ClusterAway)

    def heal(self) -> None:
        self.fail = {}

    def receipts(self) -> dict[str, str]:
        self._act("read")
        return dict(self.entries)

    def write_receipt(self, token: str, text: str) -> None:
        self._act("write")
        self.entries[token] = text

    def remove_receipt(self, token: str) -> None:
        self._act("write")
        self.entries.pop(token, None)

    def secret_value(self, namespace: str, name: str, key: str) -> str:
        self._act("look")
        content = self.secrets.get(f"{namespace}/{name}", {})
        if key not in content:
            raise ClusterError(f"read the Secret {namespace}/{name}", f"it has no key {key}")
        return content[key]

    def placed(self, namespace: str, name: str) -> Placed | None:
        self._act("look")
        place = f"{namespace}/{name}"
        if place not in self.secrets:
            return None
        content = self.secrets[place]
        names = (content.get("generation", ""), content.get("previous-generation", ""))
        paused = self.paused.get(place, ())
        acts = ("auto_renew" not in paused, "auto_rotate" not in paused)
        marks = self.managers.get(place, ""), place in self.by_hand
        return Placed(*names, *marks, *acts, self.placeholders.get(place, ""))

    def observe(self, source: Source) -> Observation:
        self.calls["observe"] += 1
        if "look" in self.fail:
            return NoAnswer("no answer")
        return self.shown.get(str(source), NoAnswer("it does not exist"))

    def run_records(self) -> dict[str, str]:
        self._act("records")
        return self.records

    def uid(self, where: str) -> str | None:
        self._act("look")
        if "uid" in self.fail:
            raise self.fail["uid"]("look up", "HTTP 403")
        self.calls["uid"] += 1
        return self.uids.get(where)

    def config_map(self, namespace: str, name: str) -> dict[str, bytes] | None:
        self._act("look")
        return self.config_maps.get(f"{namespace}/{name}")

    def hold_place(self, namespace: str, name: str, value: str, owner: str) -> None:
        self._act("publish")
        self.secrets[f"{namespace}/{name}"] = {"token": value}
        self.placeholders[f"{namespace}/{name}"] = owner

    def give_up_place(self, namespace: str, name: str) -> None:
        self._act("publish")
        self.placeholders.pop(f"{namespace}/{name}", None)

    def ready_replicas(self, namespace: str, name: str) -> int | None:
        self._act("look")
        return self.ready.get(f"{namespace}/{name}")

    def put_by_hand(self, place: str, value: str) -> None:
        """What a person does who edits a Secret, or makes one."""
        self.secrets[place] = {**self.secrets.get(place, {}), "token": value}
        self.by_hand.add(place)

    def publish(self, place: str, content: dict[str, str]) -> None:
        """What a publication's provider does: the whole Secret in one write."""
        self._act("publish")
        self.secrets[place] = content
        self.by_hand.discard(place)

    def receipt(self, token: str) -> Receipt:
        return Receipt.model_validate_json(self.entries[token])

    def _act(self, act: str) -> None:
        self.calls[act] += 1
        if act in self.fail:
            raise self.fail[act](act, "the test asked for it", "Heal the cluster.")


class World:
    """One Authentik, one cluster, one clock.

    credential: what our own adapters work with
    unreadable: backends whose credential cannot be read
    """

    def __init__(self, **options: str) -> None:
        self.clock = HandClock()
        self.server = Authentik(self.clock, seed=1, **options)  # type: ignore[arg-type]
        self.faults = Faults(self._answer)
        self.cluster = MemoryCluster()
        self.credential = self.server.bootstrap_key
        self.refuse_new_values = False
        self.unreadable: set[str] = set()

    def connect(self, name: str) -> Backend:
        if name in self.unreadable:
            missing = ClusterError("read the Secret authentik/admin", "it does not exist")
            return NoCredential(name, authentik.CAPABILITIES, missing)
        return authentik.connect(name, self.faults, self.credential, self.clock, lambda _text: None)

    def call_set_key(self, identifier: str, key: str) -> None:
        """Give a row another key, as an administrator may."""
        headers = {"authorization": f"Bearer {self.server.bootstrap_key}"}
        path = f"/api/v3/core/tokens/{identifier}/set_key/"
        assert self.server.handle(json_request("POST", path, {"key": key}, headers=headers)).status == 204

    def _answer(self, request: Request) -> Response:
        ours = request.headers.get("authorization") == f"Bearer {self.credential}"
        if self.refuse_new_values and not ours:
            return json_response(403, {"detail": "Token invalid/expired"})
        return self.server.handle(request)

    def later(self, **parts: float) -> None:
        """Let time pass, as timedelta's parts say."""
        self.clock.move(timedelta(**parts))

    def alive(self) -> list[str]:
        """Every generation that the server accepts, oldest first."""
        ours = [token.identifier for token in self.server.live_tokens() if "_" in token.identifier]
        return sorted(ours, key=lambda identifier: identifier.split("_")[2])

    def listings(self) -> int:
        return self.server.calls["GET", "/core/tokens/"]

    def mints(self) -> int:
        return self.server.calls["POST", "/core/tokens/"]
