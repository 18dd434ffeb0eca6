"""Generation ids that repeat: in the simulator's process their random part is drawn from the run and the token."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rotation import model


class SeededChoice:
    """Stands in for the module `secrets` where ids are made. `begin` names what the next ids are for."""

    def __init__(self) -> None:
        self._name = ""
        self._rng: random.Random | None = None

    def begin(self, name: str) -> None:
        self._name, self._rng = name, None

    def choice(self, alphabet: Sequence[str]) -> str:
        if self._rng is None:
            self._rng = random.Random(self._name)  # noqa: S311 - repeatable on purpose
        return self._rng.choice(alphabet)


@contextmanager
def seeded_ids() -> Iterator[SeededChoice]:
    """Let new generation ids be drawn from what `begin` named."""
    source, real = SeededChoice(), vars(model)["secrets"]
    vars(model)["secrets"] = source
    try:
        yield source
    finally:
        vars(model)["secrets"] = real
