"""How a backend is reached, and where its credential comes from: one source each, resolved in the provider process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dynamic_providers.cluster import Cluster
from rotation.backends.registry import KINDS, Kind
from rotation.backends.transport import stays_inside
from rotation.errors import InvalidSettings
from rotation.operator_tokens.record import RecordPlace


class SecretKey(BaseModel):
    """One key of a Kubernetes Secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str
    name: str
    key: str = "token"

    @property
    def secret(self) -> str:
        """The Secret that holds it, as places are written: `namespace/name`."""
        return f"{self.namespace}/{self.name}"


class Credential(BaseModel):
    """Exactly one source: a variable of the environment, a key of the stack's config, or a Kubernetes Secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    env: str | None = None
    config: str | None = None
    kubernetes_secret: SecretKey | None = Field(default=None, alias="kubernetesSecret")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [source for source in (self.env, self.config, self.kubernetes_secret) if source]
        if len(named) != 1:
            raise ValueError("a credential names exactly one source: env, config or kubernetesSecret")
        return self


class Account(BaseModel):
    """Whose token begins a backend that can be reached before it has one.

    With a password (and an email, for a server without users) a run makes the account and logs in by itself; without,
    the name is filled into what a person is told to do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    username: str
    email: str = ""
    password: Credential | None = None

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        if self.password and not self.email:
            raise ValueError("an account that a run makes by itself needs an `email` beside its password")
        return self


class BackendSettings(BaseModel):
    """One server: its kind (the name of its entry unless given), where it is, and the credential to use there.

    bootstrap: for a kind that can begin without a credential
    records:   for a kind that lives in the cluster itself, and needs neither url nor credential
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: str = ""
    url: str = ""
    credential: Credential | None = None
    ca_certificate: str | None = None
    bootstrap: Account | None = None
    records: RecordPlace | None = None

    @property
    def records_place(self) -> RecordPlace:
        """Where a kind that lives in the cluster has its records: the usual place unless the entry names another."""
        return self.records or RecordPlace()

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        if kind and kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of backend; there are {', '.join(sorted(KINDS))}")
        return kind

    @field_validator("url")
    @classmethod
    def _safe_url(cls, url: str) -> str:
        if not url:
            return url  # whether one is needed is known with the kind, see `refuse_unfit`
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise ValueError("a url must not hold a credential; name its source under `credential`")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is not a url; write https://name")
        if parts.scheme == "http" and not stays_inside(parts.hostname):
            raise ValueError(f"{url!r} would send the credential in clear; plain http is for loopback and .svc names")
        return url.rstrip("/")

    @field_validator("ca_certificate")
    @classmethod
    def _readable(cls, path: str | None) -> str | None:
        if path and not Path(path).is_file():
            raise ValueError(f"there is no file {path!r}")
        return path


def refuse_unfit(settings: BackendSettings, kind: Kind) -> None:
    """Whether the entry has what its kind needs, and nothing else. Raises ValueError."""
    if kind.by_cluster:
        if settings.url or settings.credential or settings.bootstrap:
            raise ValueError("it lives in the cluster: leave out url, credential and bootstrap")
        return
    if not settings.url or settings.credential is None:
        raise ValueError("it needs a `url` and a `credential`")
    if settings.records:
        raise ValueError("only a kind that lives in the cluster has `records`")
    if settings.bootstrap and kind.bootstrap is None:
        raise ValueError("this kind cannot begin without a credential: leave out `bootstrap`")


def resolve(source: Credential, backend: str, from_config: Callable[[str], object], cluster: Cluster) -> str:
    """The credential's value. Raises InvalidSettings when its source is empty, ClusterError when it cannot be read."""
    place = source.kubernetes_secret
    value = cluster.secret_value(place.namespace, place.name, place.key) if place else _told(source, from_config)
    credential = str(value or "").strip()
    if not credential:
        raise InvalidSettings(
            "find the credential", "its source is empty or not set", how_to_put(source), backend=backend
        )
    return credential


def resolve_if_there(source: Credential, from_config: Callable[[str], object], cluster: Cluster) -> str:
    """The credential's value, or nothing where its source is empty or not there yet. Raises ClusterError."""
    place = source.kubernetes_secret
    if place is None:
        return str(_told(source, from_config) or "").strip()
    if cluster.placed(place.namespace, place.name) is None:
        return ""
    return cluster.secret_value(place.namespace, place.name, place.key).strip()


def how_to_put(source: Credential) -> str:
    """What a person does to give the credential."""
    if source.kubernetes_secret:
        place = source.kubernetes_secret
        return f"Put it into the key {place.key} of the Secret {place.secret}."
    if source.env:
        return f"Set the environment variable {source.env}."
    return f"Run `pulumi config set --secret {source.config}`."


def _told(source: Credential, from_config: Callable[[str], object]) -> object:
    return os.environ.get(source.env) if source.env else from_config(str(source.config))
