"""Questions that are given up on: a server that never answers, or answers drop by drop, must not hang a job."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")
WIDTH = 8
"""So many questions wait for their answers at a time."""


def answers(questions: Sequence[Callable[[], T]], limit: timedelta) -> list[T | None]:
    """Each question's answer, in order; None for one that had none within the limit, counted from when it was asked.

    What a question raises is raised here. One that is given up on lives on in a thread that holds up no exit: a
    blocked socket cannot be interrupted, and its own time limits begin anew with each byte.
    """
    found: list[T | None] = []
    for first in range(0, len(questions), WIDTH):
        asked = [_Asked(question) for question in questions[first : first + WIDTH]]
        end = time.monotonic() + limit.total_seconds()
        found += [one.answer(end) for one in asked]
    return found


class _Asked(Generic[T]):
    """One question in a thread of its own."""

    def __init__(self, question: Callable[[], T]) -> None:
        self._question = question
        self._came: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()
        threading.Thread(target=self._ask, daemon=True).start()

    def answer(self, end: float) -> T | None:
        try:
            told, error = self._came.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            return None
        if error is not None:
            raise error
        return told

    def _ask(self) -> None:
        try:
            self._came.put((self._question(), None))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the answer is waited for
            self._came.put((None, error))
