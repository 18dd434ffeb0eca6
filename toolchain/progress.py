"""What a person sees while a set-up is at work: lines with the time since its start, and a sign of life."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

_LINE_SECONDS = 15.0  # often enough that nobody thinks it hangs, rare enough for a log of a build server
_TERMINAL_SECONDS = 1.0


def spoken(seconds: float) -> str:
    """`75.3` as `1m15s`, `4.2` as `4.2s`."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


@dataclass
class Progress:
    """Writes progress to `stream`: on a terminal one line that changes, elsewhere a plain line now and then."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.monotonic
    line_seconds: float = _LINE_SECONDS

    def __post_init__(self) -> None:
        self._start = self.clock()
        self._terminal = self.stream.isatty()
        self._last_beat = self._start

    @property
    def beat_seconds(self) -> float:
        """How long a waiting caller may sleep before it calls `beat` again."""
        return min(_TERMINAL_SECONDS, self.line_seconds)

    def say(self, text: str) -> None:
        """Write one line that stays."""
        clear = "\r\x1b[K" if self._terminal else ""
        self._write(f"{clear}[{spoken(self.elapsed()):>6}] {text}\n")
        self._last_beat = self.clock()

    def beat(self, text: str) -> None:
        """Show that `text` is still going on: at once on a terminal, else when the last line is old enough."""
        if self._terminal:
            self._write(f"\r\x1b[K[{spoken(self.elapsed()):>6}] {text}")
        elif self.clock() - self._last_beat >= self.line_seconds:
            self.say(text)

    def elapsed(self) -> float:
        """Seconds since this set-up began."""
        return self.clock() - self._start

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
