"""Installs the provider plugin of every Pulumi package that is installed, at the version which that package asks for.

It runs while the image is built, into PULUMI_HOME. Each package carries a `pulumi-plugin.json` with the plugin's name,
its version or none, and where it is kept when that is not Pulumi's own place. A parameterised package, such as
pulumi-authentik, names a general plugin and the Terraform provider that it is to be: that one is fetched as well.
"""

import base64
import json
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

_PREFIX = "pulumi-"


def packages() -> list[metadata.Distribution]:
    """Every installed distribution that brings a plugin, in the order of their names."""
    found = [dist for dist in metadata.distributions() if dist.metadata["Name"].replace("_", "-").startswith(_PREFIX)]
    return sorted((dist for dist in found if described(dist)), key=lambda dist: str(dist.metadata["Name"]))


def described(package: metadata.Distribution) -> dict[str, Any]:
    """What a package says of its plugin; nothing where it brings none."""
    for file in package.files or []:
        if file.name == "pulumi-plugin.json":
            return dict(json.loads(Path(str(file.locate())).read_text()))
    return {}


def commands(package: metadata.Distribution) -> list[list[str]]:
    """The commands that bring one package's plugin, and what that plugin needs of its own."""
    plugin = described(package)
    name, version = plugin["name"], plugin.get("version") or package.version
    server = ["--server", plugin["server"]] if "server" in plugin else []
    made = [["pulumi", "plugin", "install", "resource", name, version, "--exact", *server]]
    if "parameterization" in plugin:
        remote = json.loads(base64.b64decode(plugin["parameterization"]["value"]))["remote"]
        made.append(["pulumi", "package", "get-schema", f"{name}@{version}", remote["url"], remote["version"]])
    return made


def main() -> None:
    """Run them all; the first that fails ends the build."""
    for package in packages():
        for command in commands(package):
            print("+", *command, flush=True)
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
