"""How the CLI and the servers come to a machine.

Belongs here: the table of tools, one module per way of getting one (`on_path`, `download`, `gomodule`, `wheel`,
`plugin`, `debian`, `bundles`), and the cache outside the tree. Does not belong here: starting the tools or knowing what
they are for; that is the sandbox's. This package imports nothing of ours.
"""

from pathlib import Path

from toolchain.cache import Cache
from toolchain.errors import SetUpError, ToolchainError, ToolMissingError, UnobtainableError
from toolchain.table import TOOLS
from toolchain.toolbox import Toolbox

__all__ = [
    "SetUpError",
    "ToolMissingError",
    "ToolchainError",
    "UnobtainableError",
    "bin_directories",
    "bundle",
    "locate",
    "real_plugin",
]


def locate(name: str) -> Path:
    """The path of a tool's program, such as `pulumi`, `pulumi-language-python`, `kube-apiserver`, `etcd` or `bao`.

    Starts nothing on a machine that is set up. Raises ToolMissingError, which names the remedy.
    """
    return _toolbox().locate(name)


def bundle(name: str) -> list[Path]:
    """The YAML files of a bundle of custom resource definitions, such as `prometheus-operator-crds`.

    Starts nothing on a machine that is set up. Raises ToolMissingError, which names the remedy.
    """
    return _toolbox().bundle(name)


def bin_directories() -> list[Path]:
    """Directories to put on PATH after the Python environment's own `bin`, and before all else.

    The CLI's, with its language host, comes first. Tools that were found on PATH need no entry and have none: their
    directory may hold other programs, such as another python. A real provider plugin's directory is among these.
    """
    return _toolbox().bin_directories()


def real_plugin(name: str) -> Path | None:
    """The real provider plugin `pulumi-resource-<name>`, or None when a stand-in is to be used."""
    try:
        return locate(f"pulumi-resource-{name}")
    except ToolMissingError:
        return None


def _toolbox() -> Toolbox:
    return Toolbox(TOOLS, Cache.of_user())
