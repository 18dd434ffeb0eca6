"""What a stack's config says of the directories. Their SDKs are slow to import, so these models stand apart."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_STRICT = ConfigDict(frozen=True, extra="forbid")
_NAME = r"^[a-z0-9]([-a-z0-9_]*[a-z0-9])?$"
_ACCOUNT = r"^[A-Za-z0-9][-A-Za-z0-9_.]*$"
_PATH = r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$"


class ServiceAccount(BaseModel):
    """Who logs in: a ServiceAccount of Kubernetes."""

    model_config = _STRICT

    namespace: str = Field(pattern=_NAME)
    name: str = Field(pattern=_NAME)


_ROTATORS = (
    ServiceAccount(namespace="token-rotation", name="token-rotation"),
    ServiceAccount(namespace="token-rotation", name="token-rotation-retirement"),
)
_READERS = (
    ServiceAccount(namespace="external-secrets", name="external-secrets"),
    ServiceAccount(namespace="token-rotation", name="token-rotation-validation"),
)


class KvPlace(BaseModel):
    """Where published values stand: all below one path of a KV v2 mount.

    create: the mount is ours; false where it is there already
    """

    model_config = _STRICT

    mount: str = Field(default="secret", pattern=_PATH)
    path: str = Field(default="token-rotation", pattern=_PATH)
    create: bool = True


class KubernetesAuth(BaseModel):
    """How ServiceAccounts log in.

    host, ca_certificate: the API server as Vault reaches it; the certificate is PEM text, not needed inside the cluster
    inside:   Vault runs in that cluster and has logins reviewed as its own ServiceAccount; else as whoever logs in,
              who then needs the ClusterRole system:auth-delegator
    audience: what a login's JWT must be meant for; empty: anything the API server accepts
    create:   the mount and its configuration are ours; false where they are there already
    """

    model_config = _STRICT

    mount: str = Field(default="kubernetes", pattern=_PATH)
    host: str = "https://kubernetes.default.svc"
    ca_certificate: str = ""
    inside: bool = True
    audience: str = ""
    create: bool = True

    @model_validator(mode="after")
    def _trusts_somebody(self) -> Self:
        if not self.inside and not self.ca_certificate:
            raise ValueError("a Vault outside the cluster needs the API server's `ca_certificate`")
        return self


class VaultDirectorySettings(BaseModel):
    """`token-rotation:vault_directory` of the stack's config.

    role:     the token role by which the rotator mints
    policies: what its tokens may hold, by name; these policies are somebody else's
    rotators: who mints, and publishes to KV
    readers:  who reads what is published there: External Secrets, and the validation

    The Kubernetes auth roles are named after the policies; further namespaces than that of the first account have
    theirs appended.
    """

    model_config = _STRICT

    url: str
    role: str = Field(default="homelab-admin", pattern=_NAME)
    policies: tuple[str, ...] = Field(min_length=1)
    rotator_policy: str = Field(default="token-rotator", pattern=_NAME)
    reader_policy: str = Field(default="token-reader", pattern=_NAME)
    kv: KvPlace = KvPlace()
    kubernetes: KubernetesAuth = KubernetesAuth()
    rotators: tuple[ServiceAccount, ...] = _ROTATORS
    readers: tuple[ServiceAccount, ...] = _READERS


class AuthentikDirectorySettings(BaseModel):
    """`token-rotation:authentik_directory` of the stack's config.

    account: the service account whose tokens rotate; `spec.user` of its tokens
    adopts:  the pk of token rows that somebody else made for it and whose keys it may read, to take them over
    """

    model_config = _STRICT

    url: str
    account: str = Field(default="token-rotation", pattern=_ACCOUNT)
    group: str = Field(default="token-rotators", pattern=_ACCOUNT)
    role: str = Field(default="token-rotator", pattern=_ACCOUNT)
    adopts: tuple[str, ...] = ()
