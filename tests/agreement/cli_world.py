"""The real thing: CLI, kube-apiserver and OpenBao, with a clock moved by hand and troubles in front of each server."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client

from dynamic_providers.cluster import GENERATION_ANNOTATION
from rotation.backends.transport import Request, Response, json_response
from rotation.reasons import read_reason_line
from sandbox.forward import Forward
from sandbox.pulumi_cli import Finished
from sandbox.serve import mounted
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.openbao import OpenBaoServer
from tests.agreement.harness import World, difference
from tests.agreement.picture import Names, Picture, Run, Seen
from tests.agreement.troubles import act_at_cluster
from tests.end_to_end.stack import Stack, new_stack
from tests.end_to_end.unattended import kill, started_for

_KINDS = {"Token": "token", "TokenPair": "pair", "Retirement": "retirement", "Sweep": "sweep", "Guard": "guard"}
_KINDS |= {"Secret": "secret"}
_OPERATIONS = {"create": "create", "update": "update", "delete": "delete", "create-replacement": "replace"}
_PREFIX = GENERATION_ANNOTATION.removesuffix("generation")


class CliWorld(World):
    """A stack of its own. `model` are the pictures that its own are held to, one by one."""

    def __init__(self, stack: Stack, cluster: Forward, model: Sequence[Picture], *, instants: bool = True) -> None:
        super().__init__(Names(stack.now, instants), self._kill)
        self.stack = stack
        self.namespace, self.owner, self.authentik = stack.namespace, stack.mark, stack.authentik
        self._prepare_authentik()
        self._cluster = cluster
        self._model = model
        self.config = stack.config
        self.stack.environment["PULUMI_DEBUG_COMMANDS"] = "true"

    def set(self, key: str, value: Any) -> None:
        self.stack.set(key, value)

    # --- time and runs ----------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.stack.now

    def days(self, days: float) -> None:
        self.stack.pass_days(days)

    def seconds(self, seconds: float) -> None:
        then = self.now + timedelta(seconds=seconds)
        self.stack.wait_until(lambda: self.now >= then, f"{seconds} s have passed", seconds=seconds + 5)

    def _run(self, verb: str, *, refresh: bool = False, replace: str = "") -> None:
        super()._run(verb, refresh=refresh, replace=replace)
        number = len(self.pictures)
        found = difference(self._model[number - 1] if number <= len(self._model) else None, self.pictures[-1])
        if found:
            raise AssertionError(f"{found}\n\n{self.last}")

    def _execute(self, verb: str, *, refresh: bool, replace: str) -> Run:
        if self.troubles.killed:
            self.troubles.killed = False
            self.stack.pulumi.run("cancel", "--yes", "--stack", self.stack.name)
        options = ["--refresh"] if refresh else []
        options += ["--replace", self._urn(f"{replace}-token")] if replace else []
        options += ["--continue-on-error"] if verb == "up" else []
        log = self.stack.directory / f"events-{len(self.pictures)}"
        self.last: Finished = getattr(self.stack, verb)("--event-log", str(log), *options, check=False)
        if self.troubles.killed:
            return Run(ok=False, operations=None, said=[])
        events = [json.loads(line) for line in log.read_text().splitlines()]
        said = [read_reason_line(line) for event in events for line in _printed(event)]
        return Run(self.last.code == 0, _operations(events), [line for line in said if line])

    def _kill(self) -> None:
        """What a node does that goes away: the CLI, its language host and its providers are gone at once."""
        kill(*started_for(self.stack))

    def _urn(self, name: str) -> str:
        return next(str(item["urn"]) for item in self._stored() if item["urn"].endswith(f"::{name}"))

    # --- hands ------------------------------------------------------------------------------------------------------

    def put(self, place: str, value: str, *, manager: str = "") -> None:
        annotations = {"example.com/lifecycle-manager": manager} if manager else {}
        data = {"token": base64.b64encode(value.encode()).decode()}
        body = {"metadata": {"name": place, "annotations": annotations}, "data": data}
        with self.stack.cluster.admin_client() as api:
            core = client.CoreV1Api(api)
            if place in self.stack.published_names():
                core.patch_namespaced_secret(place, self.namespace, body)
            else:
                core.create_namespaced_secret(self.namespace, body)

    def delete_secret(self, place: str) -> None:
        with self.stack.cluster.admin_client() as api:
            client.CoreV1Api(api).delete_namespaced_secret(place, self.namespace)

    def keep_state(self) -> None:
        shutil.copy(self._state_file, self.stack.directory / "kept")

    def restore_state(self) -> None:
        shutil.copy(self.stack.directory / "kept", self._state_file)

    # --- what is to be seen -----------------------------------------------------------------------------------------

    def _look(self) -> Seen:
        kept = [item for item in self._stored() if not item.get("delete")]  # what was replaced waits to be dropped
        return Seen(
            resources={name: item.get("outputs") or {} for item in kept if (name := _named(item["urn"]))},
            receipts=self._receipts(),
            secrets=self._secrets(),
            live=self._live(),
        )

    def _live_at_vault(self) -> list[str]:
        return self.stack.live_at_vault()

    @property
    def _state_file(self) -> Path:
        return self.stack.directory / "state/.pulumi/stacks/token-rotation" / f"{self.stack.name}.json"

    def _stored(self) -> list[dict[str, Any]]:
        """The stored state as the file has it; the values in it are encrypted, and not looked at."""
        latest = json.loads(self._state_file.read_text())["checkpoint"]["latest"] or {}
        return list(latest.get("resources") or [])

    def _receipts(self) -> dict[str, str]:
        with self.stack.cluster.admin_client() as api:
            found = client.CoreV1Api(api).list_namespaced_config_map(self.namespace).items
        return next((dict(item.data or {}) for item in found if item.metadata.name == "token-receipts"), {})

    def _secrets(self) -> dict[str, dict[str, str]]:
        with self.stack.cluster.admin_client() as api:
            found = client.CoreV1Api(api).list_namespaced_secret(self.namespace).items
        return {item.metadata.name: _content(item) for item in found}

    # --- the API server as the run sees it --------------------------------------------------------------------------

    def at_cluster(self, request: Request) -> Response:
        """Pass a request on to the real API server, unless it goes wrong."""
        act = act_at_cluster(request)
        return self.troubles.around("cluster", act, lambda: self._cluster.handle(request), _refused)

    def at_authentik(self, request: Request) -> Response:
        return self._at_authentik(request)

    def at_vault(self, request: Request) -> Response:
        return self._at_vault(request, self.stack.vault_token, self.stack.vault_calls.handle)


def _refused(status: int) -> Response:
    return json_response(status, {"kind": "Status", "message": "refused on request", "code": status})


def _content(secret: Any) -> dict[str, str]:
    data = {key: base64.b64decode(text).decode() for key, text in (secret.data or {}).items()}
    annotations = secret.metadata.annotations or {}
    return data | {key.removeprefix(_PREFIX): text for key, text in annotations.items() if key.startswith(_PREFIX)}


def _named(urn: str) -> str:
    """`pair admin` of a URN; empty for what the model does not know: the stack, components, providers."""
    types, name = urn.split("::")[2:4]
    kind = _KINDS.get(types.split("$")[-1].replace("/", ":").split(":")[-1], "")
    if not kind:
        return ""
    return f"{kind} {name.rpartition('/')[2] if kind == 'secret' else name.removesuffix(f'-{kind}')}"


def _printed(event: Mapping[str, Any]) -> list[str]:
    return str(event.get("diagnosticEvent", {}).get("message", "")).splitlines()


def _operations(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each change of a resource, and whether it failed."""
    begun: dict[str, str] = {}
    for event in events:
        for kind in ("resourcePreEvent", "resOpFailedEvent"):
            told = event.get(kind, {}).get("metadata", {})
            name, operation = _named(told["urn"]) if told else "", _OPERATIONS.get(told.get("op", ""), "")
            if name and operation:
                begun[f"{operation} {name}"] = " failed" if kind == "resOpFailedEvent" else ""
    return [operation + failed for operation, failed in begun.items()]


@contextmanager
def cli_world(
    directory: Path,
    kubernetes: KubernetesServer,
    vault: OpenBaoServer,
    model: Sequence[Picture],
    *,
    instants: bool = True,
) -> Iterator[CliWorld]:
    """A stack whose servers are all reached through troubles."""
    pki = kubernetes.kubeconfig.parent / "pki"
    context = ssl.create_default_context(cafile=str(pki / "authority.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    forward = Forward(kubernetes.url, verify=context)
    with ExitStack() as entered:
        entered.callback(forward.close)
        stack = entered.enter_context(new_stack(directory, kubernetes, vault))
        world = CliWorld(stack, forward, model, instants=instants)
        handlers = (world.at_authentik, world.at_vault, world.at_cluster)
        urls = [entered.enter_context(mounted(handler)) for handler in handlers]
        backends = world.config["token-rotation:backends"]
        for name, url in zip(("authentik", "vault"), urls, strict=False):
            backends[name]["url"] = url
        world.stack.kubeconfig.write_text(yaml.safe_dump(_kubeconfig(urls[2])))
        yield world


def _kubeconfig(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "troubled",
        "clusters": [{"name": "troubled", "cluster": {"server": url}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "troubled", "context": {"cluster": "troubled", "user": "nobody"}}],
    }
