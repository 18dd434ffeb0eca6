"""See the package."""

from __future__ import annotations

import json
import runpy
import sys
import sysconfig
from pathlib import Path

_ASKED = ["list", "-v", "--format", "json"]
_HERE = Path(__file__).resolve().parents[1]


def _installed() -> list[dict[str, str]]:
    """Name, version and location of each distribution, as pip tells them."""
    location = Path(sysconfig.get_path("purelib"))
    found = [path.stem.partition("-") for path in location.glob("*.dist-info")]
    return [
        {"name": name.replace("_", "-"), "version": version, "location": str(location), "installer": "pip"}
        for name, _, version in sorted(found)
    ]


def _run_the_real_one() -> None:
    sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != _HERE]
    del sys.modules["pip"]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if sys.argv[1:] == _ASKED:
        print(json.dumps(_installed()))
    else:
        _run_the_real_one()
