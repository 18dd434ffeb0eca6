"""A pod's container as a local process: its command, environment and mounts as the manifest has them.

What a kubelet does is done here for one folder: volumes are made under it, and absolute paths of the manifest lie in
it. In place of the files that a kubelet mounts for the ServiceAccount, the process gets a kubeconfig with a token that
the API server gave out for that account. No container is started, so that nothing here shows what an image holds.
"""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.pulumi_cli import ROOT, tool_path
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import service_account_token
from tests.schedule.plain_api import PlainApi, administrator, path

IMAGE_COMMANDS = ROOT / "deploy" / "image"
_LIMIT_SECONDS = 240


@dataclass(frozen=True)
class LocalPod:
    """One pod template, where its files are, and what its node gives it beside the manifest's environment."""

    server: KubernetesServer
    namespace: str
    template: dict[str, Any]
    root: Path
    project: Path
    claims: Mapping[str, Path]
    node: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def container(self) -> dict[str, Any]:
        (found,) = self.template["spec"]["containers"]
        return dict(found)

    def run(self) -> subprocess.CompletedProcess[str]:
        """The command to its end, with all that it printed."""
        return subprocess.run(
            self._argv(),
            cwd=self._here(self.container["workingDir"]),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )

    @contextmanager
    def in_background(self) -> Iterator[subprocess.Popen[bytes]]:
        """The command for the length of a block; it is asked to end as a kubelet asks."""
        environment, cwd = self._environment(), self._here(self.container["workingDir"])
        with (self.root / "output").open("wb") as output:
            process = subprocess.Popen(
                self._argv(), cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            yield process
            process.terminate()
            process.wait(timeout=30)
        finally:
            process.kill()
            process.wait()

    def _argv(self) -> list[str]:
        return [*self.container["command"], *self.container.get("args", [])]

    def _here(self, inside: str) -> Path:
        return self.root / inside.lstrip("/")

    def _environment(self) -> dict[str, str]:
        """Nothing of ours but a PATH on which the image's command and tools are found."""
        with administrator(self.server) as admin:
            self._make_volumes(admin)
            given = {item["name"]: self._value(admin, item) for item in self.container["env"]}
        with self.server.admin_client() as api:
            token = service_account_token(api, self.namespace, self.template["spec"]["serviceAccountName"])
        kubeconfig = self.server.write_kubeconfig(self.root / "kubeconfig", token=token)
        commands = f"{IMAGE_COMMANDS}:{tool_path()}"
        return {"PATH": commands, "KUBECONFIG": str(kubeconfig), **self.node, **given}

    def _value(self, admin: PlainApi, item: dict[str, Any]) -> str:
        if "value" in item:
            return self._moved(item["value"])
        reference = item["valueFrom"]["secretKeyRef"]
        return self._secret(admin, reference["name"])[reference["key"]].decode()

    def _moved(self, value: str) -> str:
        for scheme in ("", "file://"):
            if value.startswith(f"{scheme}/"):
                return f"{scheme}{self._here(value.removeprefix(scheme))}"
        return value

    def _secret(self, admin: PlainApi, name: str) -> dict[str, bytes]:
        answer = admin.send("GET", path("secrets", self.namespace, name))
        assert answer.is_success, f"the pod would not start: {answer.text}"
        return {key: base64.b64decode(text) for key, text in answer.json()["data"].items()}

    def _make_volumes(self, admin: PlainApi) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self._link(self.container["workingDir"], self.project)
        volumes = {volume["name"]: volume for volume in self.template["spec"]["volumes"]}
        for mount in self.container["volumeMounts"]:
            volume, here = volumes[mount["name"]], self._here(mount["mountPath"])
            if "persistentVolumeClaim" in volume:
                self._link(mount["mountPath"], self.claims[volume["persistentVolumeClaim"]["claimName"]])
            else:
                here.mkdir(parents=True, exist_ok=True)
            if "secret" in volume:
                data = self._secret(admin, volume["secret"]["secretName"])
                for item in volume["secret"]["items"]:
                    (here / item["path"]).write_bytes(data[item["key"]])

    def _link(self, inside: str, target: Path) -> None:
        here = self._here(inside)
        here.parent.mkdir(parents=True, exist_ok=True)
        if not here.is_symlink():
            here.symlink_to(target)
