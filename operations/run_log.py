"""JSON log lines of one run, all with its id."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import stamina.instrumentation
import structlog

from rotation.clock import to_rfc3339

Log = structlog.typing.FilteringBoundLogger


def open_log(run: str, clock: Callable[[], datetime]) -> Log:
    """A log on standard output whose every line carries the run's id and an instant.

    Retries are told by what comes of them, not by a line for each.
    """
    stamina.instrumentation.set_on_retry_hooks([])

    def stamp(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {"at": to_rfc3339(clock()), "run": run, **event}

    structlog.configure(
        processors=[stamp, structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    log: Log = structlog.get_logger()
    return log
