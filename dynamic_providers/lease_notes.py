"""What is about to be confirmed is written down first, beside the receipts: a backend of leases cannot list it.

A run killed between a confirmation and its record would otherwise leave a token that lives its whole life unknown. The
note is taken away when the token's receipt names the generation; until then the next pair, or a destroy, finds it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from dynamic_providers.state import Run
from rotation.errors import ClusterError


@dataclass(frozen=True)
class Note:
    """A generation that may have been confirmed."""

    backend: str
    generation: str
    handle: str


def write(run: Run, token: str, note: Note) -> None:
    """Add to the token's notes. Where the cluster cannot be written to, the confirmation goes on without a trace."""
    notes = {*read(run, token), note}
    with suppress(ClusterError):
        run.cluster.write_receipt(run.note_key(token), json.dumps([asdict(item) for item in sorted(notes, key=str)]))


def read(run: Run, token: str) -> list[Note]:
    """The notes of one token, as they stood at the start of the run."""
    return _parsed(run.notes().get(token, "[]"))


def of_backend(run: Run, backend: str) -> dict[str, list[Note]]:
    """All notes of one backend, by token."""
    found = {token: [note for note in _parsed(text) if note.backend == backend] for token, text in run.notes().items()}
    return {token: notes for token, notes in found.items() if notes}


def forget(run: Run, token: str) -> None:
    """Take a token's notes away. Raises ClusterError."""
    run.cluster.remove_receipt(run.note_key(token))


def _parsed(text: str) -> list[Note]:
    return [Note(**item) for item in json.loads(text)]
