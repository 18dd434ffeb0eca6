"""What is known of one team's tokens: a hash, instants and a state each, never a value. Pure.

One ConfigMap per namespace holds it, so that no size limit is near and teams do not wait for each other. Its keys are
the SHA-256 of each value in hexadecimal, and `team` for what concerns them all.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rotation.receipt import Instant

TEAM_KEY = "team"
VALUE_BYTES = 32
"""256 bits."""
_HASH = re.compile(r"[0-9a-f]{64}")
_DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_FROZEN = ConfigDict(frozen=True)

TokenType = Literal["operational", "admission"]
OPERATIONAL: TokenType = "operational"


class State(StrEnum):
    """Where an entry stands in its life."""

    PENDING = "pending"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


class Status(StrEnum):
    """What a team is told of its namespace."""

    AUTHORIZED = "Authorized"
    GRACE = "Grace"
    DEGRADED = "Degraded"
    REVOKED = "Revoked"


class Entry(BaseModel):
    """One generation of one token.

    generation:  its id
    version:     counts the generations of this namespace and type, from 1
    kept_by:     `stack`: the stack's config declares it; `admission`: an admission token made it, and the keeper has it
    made_by:     the generation of the admission token that made it; empty for the stack's
    lease_until: the end of one that is pending; it is dead from then on unless it was confirmed
    grace_until: the end of one that is superseded, where that is sooner than its own
    """

    model_config = _FROZEN

    namespace: str
    token_type: TokenType = OPERATIONAL
    state: State
    generation: str
    version: int
    issued_at: Instant
    valid_until: Instant
    kept_by: Literal["stack", "admission"] = "stack"
    made_by: str = ""
    lease_until: Instant | None = None
    grace_until: Instant | None = None
    revoked_at: Instant | None = None

    @property
    def ends_at(self) -> datetime:
        """The instant from which it is accepted no more."""
        ends = [self.valid_until]
        if self.state is State.PENDING and self.lease_until is not None:
            ends.append(self.lease_until)
        if self.state is State.SUPERSEDED and self.grace_until is not None:
            ends.append(self.grace_until)
        if self.state is State.REVOKED:
            ends.append(self.revoked_at or self.issued_at)
        return min(ends)

    def is_accepted(self, now: datetime) -> bool:
        """Whether its value is let in."""
        return self.state is not State.REVOKED and now < self.ends_at


class Team(BaseModel):
    """What concerns all tokens of a namespace: its receipt.

    revoked_at: when the team was revoked; nothing is minted for it until a person restores it
    status, reason, since: what the team is told, why, and from when on
    orphaned:   why its token is an orphan, as one clause; empty while it is none
    secret:     where the operational token is published, `namespace/name`
    bootstraps, rotations: how often; each number only grows
    """

    model_config = _FROZEN

    revoked_at: Instant | None = None
    status: Status = Status.DEGRADED
    reason: str = "NotBootstrapped"
    since: Instant | None = None
    orphaned: str = ""
    secret: str = ""
    bootstraps: int = Field(default=0, ge=0)
    rotations: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Record:
    """One namespace's record. `version` is the object's resourceVersion; empty where there is no object yet."""

    namespace: str
    entries: Mapping[str, Entry] = field(default_factory=dict)
    team: Team = field(default_factory=Team)
    version: str = ""

    def of_type(self, token_type: TokenType) -> dict[str, Entry]:
        """The entries of one type, by hash."""
        return {hashed: entry for hashed, entry in self.entries.items() if entry.token_type == token_type}

    def accepted(self, now: datetime, token_type: TokenType = OPERATIONAL) -> dict[str, Entry]:
        """Those of one type that are let in now, by hash."""
        return {hashed: entry for hashed, entry in self.of_type(token_type).items() if entry.is_accepted(now)}

    def with_entry(self, hashed: str, entry: Entry) -> Record:
        """The record with one entry added or changed."""
        return replace(self, entries={**self.entries, hashed: entry})

    def with_team(self, **changes: Any) -> Record:
        """The record with these facts of the team changed."""
        return replace(self, team=self.team.model_copy(update=changes))

    def next_version(self, token_type: TokenType = OPERATIONAL) -> int:
        """The version of the next generation of a type."""
        return max((entry.version for entry in self.of_type(token_type).values()), default=0) + 1


def new_value() -> str:
    """A fresh value of 256 bits, in 43 characters of URL-safe base64."""
    return secrets.token_urlsafe(VALUE_BYTES)


def hash_of(value: str) -> str:
    """The SHA-256 of a value, in hexadecimal: the key under which its entry stands."""
    return hashlib.sha256(value.encode()).hexdigest()


def read_record(namespace: str, data: Mapping[str, str], version: str = "") -> Record:
    """Read a ConfigMap's data; keys that are neither a hash nor ours are left alone. Raises ValidationError."""
    entries = {key: Entry.model_validate_json(text) for key, text in data.items() if _HASH.fullmatch(key)}
    team = Team.model_validate_json(data[TEAM_KEY]) if TEAM_KEY in data else Team()
    return Record(namespace, entries, team, version)


def data_of(record: Record) -> dict[str, str]:
    """A record as a ConfigMap's data."""
    entries = {hashed: entry.model_dump_json(exclude_defaults=True) for hashed, entry in record.entries.items()}
    return {**entries, TEAM_KEY: record.team.model_dump_json(exclude_defaults=True)}


class RecordPlace(BaseModel):
    """Where the records stand: one ConfigMap `name-TEAM` for each team's namespace, all in the operator's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str = Field(default="keycloak-system", pattern=_DNS_LABEL, max_length=63)
    name: str = Field(default="keycloak-operator-token-metadata", pattern=_DNS_LABEL, max_length=63)

    @property
    def mark(self) -> str:
        """What a Secret says of the operator that lets its token in, as the value of a label."""
        return f"{self.namespace}.{self.name}"[:63].rstrip("-.")
