"""A copy of the program `kubernetes_objects` under the real CLI, with a backend and a namespace of its own."""

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.plugins.kubernetes.cluster import PATIENCE
from sandbox.servers.kubernetes import KubernetesServer
from toolchain import bin_directories

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests/sandbox/programs/kubernetes_objects"
STAND_IN = ROOT / "sandbox/plugins/bin"
MUTABLE = {"enable_secret_mutable": True, "enable_config_map_mutable": True}


@dataclass
class Stack:
    """A copy of the program with a backend of its own, and a namespace of its own in the cluster."""

    server: KubernetesServer
    # Any: the client's own types make every field of a live object optional.
    api: Any
    directory: Path
    namespace: str
    printed: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=lambda: dict(MUTABLE))
    declared: dict[str, dict[str, Any]] = field(default_factory=dict)

    def declare(self, kind: str, name: str, *, metadata: dict[str, Any] | None = None, **arguments: Any) -> None:
        """Let the program declare (or change) an object; its metadata has name and namespace unless given."""
        place = {"name": name, "namespace": self.namespace}
        self.declared.setdefault(kind, {})[name] = {"metadata": {**place, **(metadata or {})}, **arguments}

    def declare_object(
        self, kind: str, name: str, *, annotations: dict[str, str] | None = None, **properties: Any
    ) -> None:
        """Let the program declare (or change) an object of any type token, as Kubernetes writes its properties."""
        metadata = {"name": name, "namespace": self.namespace, "annotations": annotations or {}}
        self.declared.setdefault("objects", {})[name] = {"type": kind, "metadata": metadata, **properties}

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the CLI; what it prints is kept."""
        wish = {"provider": {"kubeconfig": str(self.server.kubeconfig), **self.settings}, **self.declared}
        (self.directory / "wish.json").write_text(json.dumps(wish))
        argv = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
        done = subprocess.run(
            argv, cwd=self.directory, env=self._environment(), capture_output=True, text=True, timeout=120, check=False
        )
        self.printed.append(done.stdout + done.stderr)
        return done

    def succeed(self, *arguments: str) -> str:
        """What a run prints that must not fail."""
        done = self.pulumi(*arguments)
        assert done.returncode == 0, self.printed[-1]
        return self.printed[-1]

    def fail(self, *arguments: str) -> str:
        """What a run prints that must fail."""
        done = self.pulumi(*arguments)
        assert done.returncode != 0, self.printed[-1]
        return self.printed[-1]

    def up(self, *arguments: str) -> str:
        """Apply without a preview of its own."""
        return self.succeed("up", "--yes", "--skip-preview", *arguments)

    def stored(self) -> str:
        """The backend as it lies on disk: state, backups and history."""
        return "".join(file.read_text() for file in (self.directory / "backend").rglob("*") if file.is_file())

    def secret(self, name: str) -> Any:
        """The live Secret."""
        return self.api.read_namespaced_secret(name, self.namespace)

    def data(self, name: str) -> dict[str, str]:
        """The live Secret's data, decoded."""
        return {key: base64.b64decode(value).decode() for key, value in (self.secret(name).data or {}).items()}

    def config_map(self, name: str) -> dict[str, str]:
        """The live ConfigMap's data."""
        return dict(self.api.read_namespaced_config_map(name, self.namespace).data or {})

    def managers(self) -> dict[str, list[str]]:
        """The field managers of every live Secret and ConfigMap."""
        listings = self.api.list_namespaced_secret, self.api.list_namespaced_config_map
        live = [found.metadata for listing in listings for found in listing(self.namespace).items]
        return {each.name: [entry.manager for entry in each.managed_fields] for each in live}

    def _environment(self) -> dict[str, str]:
        path = [Path(sys.executable).parent, STAND_IN, *bin_directories(), os.environ["PATH"]]
        return {
            "PATH": os.pathsep.join(map(str, path)),
            "HOME": str(self.directory),
            "WISH": str(self.directory / "wish.json"),
            "PULUMI_HOME": str(self.directory / "pulumi"),
            "PULUMI_BACKEND_URL": f"file://{self.directory}/backend",
            "PULUMI_CONFIG_PASSPHRASE": "for this test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_STACK": "test",
            # Else every command looks for missing plugins on the network for seconds, and then takes ours.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            PATIENCE: "1",
        }
