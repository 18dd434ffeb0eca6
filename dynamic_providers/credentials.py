"""How a backend is reached, and where its credential comes from: one source each, resolved in the provider process."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dynamic_providers.cluster import Cluster
from rotation.backends.registry import KINDS
from rotation.errors import InvalidSettings

_CLUSTER_SUFFIXES = (".svc", ".svc.cluster.local", ".cluster.local")


class SecretKey(BaseModel):
    """One key of a Kubernetes Secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str
    name: str
    key: str = "token"


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


class BackendSettings(BaseModel):
    """One server: its kind (the name of its entry unless given), where it is, and the credential to use there."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kind: str = ""
    url: str
    credential: Credential
    ca_certificate: str | None = None

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        if kind and kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of backend; there are {', '.join(sorted(KINDS))}")
        return kind

    @field_validator("url")
    @classmethod
    def _safe_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise ValueError("a url must not hold a credential; name its source under `credential`")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is not a url; write https://name")
        if parts.scheme == "http" and not _stays_inside(parts.hostname):
            raise ValueError(f"{url!r} would send the credential in clear; plain http is for loopback and .svc names")
        return url.rstrip("/")

    @field_validator("ca_certificate")
    @classmethod
    def _readable(cls, path: str | None) -> str | None:
        if path and not Path(path).is_file():
            raise ValueError(f"there is no file {path!r}")
        return path


def resolve(settings: BackendSettings, backend: str, from_config: Callable[[str], object], cluster: Cluster) -> str:
    """The credential's value. Raises InvalidSettings when its source is empty, ClusterError when it cannot be read."""
    source = settings.credential
    if source.kubernetes_secret:
        place = source.kubernetes_secret
        value: object = cluster.secret_value(place.namespace, place.name, place.key)
        remedy = f"Put it into the key {place.key} of the Secret {place.namespace}/{place.name}."
    elif source.env:
        value = os.environ.get(source.env)
        remedy = f"Set the environment variable {source.env}."
    else:
        value = from_config(str(source.config))
        remedy = f"Run `pulumi config set --secret {source.config}`."
    credential = str(value or "").strip()
    if not credential:
        raise InvalidSettings("find the credential", "its source is empty or not set", remedy, backend=backend)
    return credential


def _stays_inside(host: str) -> bool:
    if host == "localhost" or host.endswith(_CLUSTER_SUFFIXES):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
