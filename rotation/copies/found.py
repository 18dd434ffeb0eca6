"""What a consumer finds at a place."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Found:
    """The value that was read, and the generation that the place names beside it; empty where it names none."""

    value: str = field(repr=False)
    generation: str = ""
