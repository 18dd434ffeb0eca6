"""A machine of its own for each test, and a count of the processes that a test starts."""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.toolchain.machines import Machine
from tests.toolchain.places import Place


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any tool."""
    (tmp_path / "path").mkdir()
    return Machine(tmp_path)


@pytest.fixture
def place() -> Iterator[Place]:
    """A place that offers nothing yet."""
    with Place() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


_started: list[str] = []
_STARTS = {"subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "os.exec"}


def _note(event: str, _arguments: tuple[object, ...]) -> None:
    if event in _STARTS:
        _started.append(event)


sys.addaudithook(_note)


@pytest.fixture
def started() -> Callable[[], list[str]]:
    """Every start of a process since the test began, as the interpreter itself reports it."""
    _started.clear()
    return lambda: list(_started)
