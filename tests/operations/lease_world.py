"""A Lease API that answers as the real one does, on a clock that moves when somebody waits."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.lease import Lease
from rotation.errors import ClusterAway

START = datetime(2026, 1, 31, 2, tzinfo=UTC)


class LeaseWorld:
    """One Lease; writes with an old resourceVersion are refused. `at` lets other holders act as time passes."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.away = False
        self.stored: dict[str, Any] | None = {"metadata": {"namespace": "ops", "name": "lease", "resourceVersion": "1"}}
        self._later: list[tuple[float, Callable[[], object]]] = []

    # --- what is asked of the cluster -------------------------------------------------------------------------------

    def lease(self, _namespace: str, _name: str, _seconds: float = 30) -> dict[str, Any] | None:
        self._answer()
        return copy.deepcopy(self.stored)

    def replace_lease(self, lease: Mapping[str, Any], _seconds: float = 30) -> dict[str, Any] | None:
        self._answer()
        assert self.stored is not None
        if lease["metadata"]["resourceVersion"] != self.stored["metadata"]["resourceVersion"]:
            return None
        self.stored = copy.deepcopy(dict(lease))
        self.touch()
        return copy.deepcopy(self.stored)

    def _answer(self) -> None:
        if self.away:
            raise ClusterAway("ask the cluster", "no answer")

    # --- time and others --------------------------------------------------------------------------------------------

    def touch(self) -> None:
        """Any write gives a new version."""
        assert self.stored is not None
        metadata = self.stored["metadata"]
        metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        """Let somebody else act once that much time has passed."""
        self._later.append((seconds, act))

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        due = [act for at, act in self._later if at <= self.seconds]
        self._later = [(at, act) for at, act in self._later if at > self.seconds]
        for act in due:
            act()

    def of(self, holder: str, *, clock_is_wrong_by: timedelta = timedelta()) -> Lease:
        """The Lease as one run sees it."""

        def clock() -> datetime:
            return START + timedelta(seconds=self.seconds) + clock_is_wrong_by

        return Lease(self, "ops", "lease", holder, clock, monotonic=lambda: self.seconds, sleep=self.sleep)
