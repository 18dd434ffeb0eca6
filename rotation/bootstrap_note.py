"""What is told of a token that has no receipt yet, because a person has to give its backend a credential first.

It stands among the receipts under a key of its own, and goes with the token's first receipt.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from rotation.receipt import Instant

NOTE_PREFIX = "bootstrap."


class BootstrapNote(BaseModel):
    """One token that waits. `since` is the run that first saw this standing; no value stands here."""

    model_config = ConfigDict(frozen=True)

    token: str
    backend: str
    kind: str
    standing: str
    instructions: str
    since: Instant


def read_bootstrap_note(text: str) -> BootstrapNote:
    """Read an entry. Raises ValidationError."""
    return BootstrapNote.model_validate_json(text)
