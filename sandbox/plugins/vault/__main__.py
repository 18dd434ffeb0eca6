"""Starts the plugin. Its version is that of the installed SDK, marked as a stand-in."""

from importlib.metadata import version

from sandbox.plugins import host
from sandbox.plugins.bridged.provider import BridgedProvider
from sandbox.plugins.vault.kinds import PACKAGE

if __name__ == "__main__":
    host.main(BridgedProvider(PACKAGE), f"{version('pulumi-vault')}+standin")
