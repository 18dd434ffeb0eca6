"""Starts the plugin. Its version is that of the installed SDK, marked as a stand-in."""

from importlib.metadata import version

from sandbox.plugins import host
from sandbox.plugins.onepassword.provider import OnePasswordProvider

if __name__ == "__main__":
    host.main(OnePasswordProvider(), f"{version('pulumi-onepassword')}+standin")
