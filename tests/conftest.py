"""What all tests share: real servers on request, and retries that do not wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina

pytest_plugins = ["sandbox.pytest_servers"]


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    """Retries happen as often as in production, without their waiting times."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield
