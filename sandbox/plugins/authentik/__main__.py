"""Starts the plugin under the version of the generic plugin that the installed SDK asks for, marked as a stand-in."""

import json
from importlib.resources import files

from sandbox.plugins import host
from sandbox.plugins.authentik.kinds import PACKAGE
from sandbox.plugins.bridged.provider import BridgedProvider

if __name__ == "__main__":
    asked = json.loads(files(PACKAGE.sdk).joinpath("pulumi-plugin.json").read_text())
    host.main(BridgedProvider(PACKAGE), f"{asked['version']}+standin")
