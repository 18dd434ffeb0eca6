"""All that may be told about a token: no value, and nothing with which it could be used or revoked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from rotation.clock import from_rfc3339, to_rfc3339

RUN_ID_VARIABLE = "TOKEN_ROTATION_RUN_ID"
"""The variable by which a scheduled run gives its id to its providers, so that log lines and receipts name one run."""

ONLY_RETIRE_VARIABLE = "TOKEN_ROTATION_ONLY_RETIRE"
"""The variable by which a run that only retires tells its providers, which would mint otherwise."""


_KIND = "kubernetesSecret:"


def secret_target(place: str) -> str:
    """How a receipt names a Secret (`namespace/name`) among the places that a token was published to."""
    return f"{_KIND}{place}"


def secret_places(targets: Iterable[str]) -> list[str]:
    """The Secrets among published places, as `namespace/name`."""
    return [target.removeprefix(_KIND) for target in targets if target.startswith(_KIND)]


def _read(value: object) -> object:
    return from_rfc3339(value) if isinstance(value, str) else value


Instant = Annotated[datetime, BeforeValidator(_read), PlainSerializer(to_rfc3339)]


class Waiting(BaseModel):
    """A superseded generation that is not known dead, as the ledger's entry tells of it, without its handle."""

    model_config = ConfigDict(frozen=True)

    generation: str
    deadline: Instant
    error: str = ""
    attempts: int = 0
    published_at: Instant | None = None
    expedited: bool = False


class Receipt(BaseModel):
    """One token's entry. It is written after every publication succeeded, so `generation` is what consumers were given.

    retired:    the generations last verified dead, newest last
    conditions: the reason codes that an alert tells until they are gone
    instructions: what a person has to do before anything goes on, step by step; empty where nobody has to
    run:        the run that last changed this entry
    kind:       the kind of its backend; `backend` is the entry's name in the config
    rotations, renewals, revocation_failures: how often, since the token began; each number only grows
    auto_rotate, auto_renew: False where a person's annotation at a published place pauses that act
    """

    model_config = ConfigDict(frozen=True)

    token: str
    backend: str
    generation: str
    reason: str
    fingerprint: str
    created: Instant
    expires: Instant
    rotates: Instant
    published_at: Instant
    published: tuple[str, ...]
    superseded: tuple[Waiting, ...] = ()
    retired: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    instructions: str = ""
    run: str = ""
    kind: str = ""
    rotations: int = 0
    renewals: int = 0
    revocation_failures: int = 0
    auto_rotate: bool = True
    auto_renew: bool = True


@lru_cache(maxsize=4096)
def read_receipt(text: str) -> Receipt:
    """Read an entry; the same text is read once. Raises ValidationError."""
    return Receipt.model_validate_json(text)
