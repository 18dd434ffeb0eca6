"""The machine that we are on, in the words of the official download places."""

import platform
from collections.abc import Mapping

from toolchain.errors import UnobtainableError

_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}  # macOS and some kernels say it otherwise


def machine() -> str:
    """Such as `linux-x86_64` or `darwin-aarch64`."""
    architecture = platform.machine().lower()
    return f"{platform.system().lower()}-{_ARCHITECTURES.get(architecture, architecture)}"


def offered(names: Mapping[str, str]) -> str:
    """The entry of `names` for this machine. Raises UnobtainableError where the place offers nothing for it."""
    try:
        return names[machine()]
    except KeyError:
        raise UnobtainableError(f"not offered for {machine()}") from None
