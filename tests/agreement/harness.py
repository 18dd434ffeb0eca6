"""The interface of the two worlds in which a scenario is played: the simulator's engine model, and the real CLI.

A scenario is a function that does plain steps to a `World`. Each run adds a picture; the pictures of both worlds must
be equal.
"""

from __future__ import annotations

import difflib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rotation.backends.transport import Request, Response, json_request, json_response
from rotation.model import new_generation_id
from sandbox.apis.authentik import Authentik
from sandbox.apis.authentik_records import TOKEN_EXPIRES
from tests.agreement.picture import Names, Picture, Run, Seen, draw
from tests.agreement.troubles import How, Trouble, Troubles, act_at_authentik, act_at_vault

POLICY = {"lifetime": "100d", "rotate_before": "40d", "overlap": "30d", "tolerated_outage": "3d"}
"""Rotates at 60 days of age; the old one lives on for 30."""
ADMIN: dict[str, Any] = {"backend": "authentik", "policy": POLICY, "spec": {"user": "robot"}}
USERS = ("robot", "robot-two")
ROLE = "homelab-admin"
Handler = Callable[[Request], Response]


class World(ABC):
    """What can be done to a world, and the pictures of its runs. `owner` is the mark of its stack."""

    authentik: Authentik
    namespace: str
    owner: str

    def __init__(self, names: Names, kill: Callable[[], None]) -> None:
        self.names = names
        self.troubles = Troubles(kill)
        self.pictures: list[Picture] = []
        self.config: dict[str, Any] = {}
        self._used: set[str] = set()

    # --- the stack's config -----------------------------------------------------------------------------------------

    def declare(self, **tokens: Mapping[str, Any]) -> None:
        """The tokens of the config; `_` in a name stands for `-`. Each publishes to the Secret of its name.

        `places` are other Secrets; `adopt` and `takeOver` mark all of them.
        """
        self._used.update(token["backend"] for token in tokens.values())
        self.set("tokens", {key.replace("_", "-"): self._declared(key, token) for key, token in tokens.items()})

    def _declared(self, key: str, token: Mapping[str, Any]) -> dict[str, Any]:
        rest = dict(token)
        places = rest.pop("places", [key.replace("_", "-")])
        marks = {name: rest.pop(name) for name in ("adopt", "takeOver") if name in rest}
        publish = [{"kubernetesSecret": {"namespace": self.namespace, "name": place}, **marks} for place in places]
        return {**rest, "publish": publish}

    def set(self, key: str, value: Any) -> None:
        """One key of the config; None removes it."""
        self.config[f"token-rotation:{key}"] = value
        if value is None:
            del self.config[f"token-rotation:{key}"]

    # --- time and runs ----------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def now(self) -> datetime:
        """The instant that runs and simulated servers see."""

    @abstractmethod
    def days(self, days: float) -> None:
        """Let time pass."""

    @abstractmethod
    def seconds(self, seconds: float) -> None:
        """Let time pass also at a server that keeps real time."""

    def up(self, *, refresh: bool = False, replace: str = "") -> None:
        """One run as the unattended one does it. `replace`: the token that the engine is told to replace."""
        self._run("up", refresh=refresh, replace=replace)

    def preview(self) -> None:
        """The dry run."""
        self._run("preview")

    def destroy(self) -> None:
        """Delete all, which must have been decommissioned before."""
        self._run("destroy")

    def _run(self, verb: str, *, refresh: bool = False, replace: str = "") -> None:
        run = self._execute(verb, refresh=refresh, replace=replace)
        self.troubles.settle()
        title = f"run {len(self.pictures) + 1}: {verb}{' --refresh' * refresh}{' --replace' * bool(replace)}"
        self.pictures.append(draw(title, run, self._look(), self.names))

    @abstractmethod
    def _execute(self, verb: str, *, refresh: bool, replace: str) -> Run:
        """Run to the end, or until the run is killed."""

    @abstractmethod
    def _look(self) -> Seen:
        """What there is to be seen now."""

    # --- what goes wrong --------------------------------------------------------------------------------------------

    def trouble(self, site: str, act: str, how: How, *, times: int = 1, status: int = 500, skip: int = 0) -> None:
        """Let acts go wrong; `Trouble` and the table of its module tell the words."""
        self.troubles.ask(Trouble(site, act, how, times, status, skip))

    def down(self, *sites: str) -> None:
        """Let sites (authentik, vault, cluster) give no answer."""
        self.troubles.down.update(sites)

    def heal(self) -> None:
        """End every trouble."""
        self.troubles.clear()

    # --- hands ------------------------------------------------------------------------------------------------------

    @abstractmethod
    def put(self, place: str, value: str, *, manager: str = "") -> None:
        """What a person does with kubectl: make the Secret, or change the value in it; and who says to manage it."""

    @abstractmethod
    def delete_secret(self, place: str) -> None:
        """What a person does with kubectl."""

    @abstractmethod
    def keep_state(self) -> None:
        """Copy the state as it is now."""

    @abstractmethod
    def restore_state(self) -> None:
        """Put the copy in its place."""

    def issue(self, identifier: str, user: str = "robot") -> str:
        """A token that a person makes at Authentik; returns its value."""
        value = self.authentik.issue(user, identifier, expiring=False)
        self.names.born(identifier, value)
        return value

    def orphan(self, token: str) -> None:
        """What a killed run leaves at Authentik: a generation of ours that nobody knows."""
        self.issue(new_generation_id(self.owner, token, self.now))

    def end(self, token: str, number: int) -> None:
        """What an administrator does to a generation in Authentik's own pages."""
        path = f"/api/v3/core/tokens/{self.names.identifier(token, number)}/"
        headers = {"authorization": f"Bearer {self.authentik.bootstrap_key}"}
        assert self.authentik.handle(json_request("DELETE", path, headers=headers)).status == 204

    def spoil(self, token: str, number: int) -> None:
        """Give a generation another key, as an administrator may: it lives, and its published value does not work."""
        path = f"/api/v3/core/tokens/{self.names.identifier(token, number)}/set_key/"
        headers = {"authorization": f"Bearer {self.authentik.bootstrap_key}"}
        assert self.authentik.handle(json_request("POST", path, {"key": "spoilt"}, headers=headers)).status == 204

    # --- between runs and servers -----------------------------------------------------------------------------------

    def _prepare_authentik(self) -> None:
        for user in USERS:
            self.authentik.add_user(user, attributes={TOKEN_EXPIRES: False})

    def _at_authentik(self, request: Request) -> Response:
        act = act_at_authentik(request, self.authentik.bootstrap_key)

        def do() -> Response:
            response = self.authentik.handle(request)
            if act == "mint" and response.status == 201:
                self.names.born(response.json()["identifier"])
            if act == "read key" and response.status == 200:
                self.names.born(request.path.split("/")[-3], response.json()["key"])
            return response

        return self.troubles.around("authentik", act, do, _refused)

    def _at_vault(self, request: Request, credential: str, handle: Handler) -> Response:
        act = act_at_vault(request, credential)

        def do() -> Response:
            response = handle(request)
            if act == "mint" and response.status == 200:
                self.names.born(request.json()["meta"]["generation"], response.json()["auth"]["client_token"])
            return response

        return self.troubles.around("vault", act, do, _refused)

    def _live(self) -> dict[str, list[str]]:
        """What lives at each backend that a token was declared at."""
        found = {"authentik": self._live_at_authentik, "vault": self._live_at_vault}
        return {name: look() for name, look in found.items() if name in self._used}

    @abstractmethod
    def _live_at_vault(self) -> list[str]: ...

    def _live_at_authentik(self) -> list[str]:
        return [t.identifier for t in self.authentik.live_tokens() if t.username in USERS]


def _refused(status: int) -> Response:
    return json_response(status, {"detail": "refused on request", "errors": ["refused on request"]})


Scenario = Callable[[World], None]


def difference(model: Picture | None, real: Picture) -> str:
    """How the real CLI's picture of a run differs from the model's; empty when it does not."""
    if model == real:
        return ""
    told = difflib.unified_diff(str(model).splitlines(), str(real).splitlines(), "model", "CLI", lineterm="", n=99)
    return "\n".join(told)


def as_config(config: Mapping[str, Any]) -> dict[str, str]:
    """The form in which a program reads its config."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
