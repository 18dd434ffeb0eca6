"""The entries of `publish` in the config: a place where consumers look, and what is synced onwards from there."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rotation.durations import Duration
from rotation.receipt import secret_target

NAMESPACE = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
OBJECT_NAME = r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"
_PATH = r"^[^/\s]+(/[^/\s]+)*$"
_STRICT = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SecretPlace(BaseModel):
    """A Kubernetes Secret by namespace and name."""

    model_config = _STRICT

    namespace: str = Field(pattern=NAMESPACE)
    name: str = Field(pattern=OBJECT_NAME)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def target(self) -> str:
        """How a receipt names it."""
        return secret_target(str(self))


class ItemPlace(BaseModel):
    """An item of 1Password, its vault by id or name. What is left out is taken from the preferences."""

    model_config = _STRICT

    vault: str = ""
    item: str = ""

    def __str__(self) -> str:
        return f"{self.vault}/{self.item}"

    @property
    def target(self) -> str:
        """How a receipt names it."""
        return f"onePassword:{self}"


class EntryPlace(BaseModel):
    """An entry of a KV (version 2) mount.

    backend: the entry of `backends` with the server's url; without it the only one of kind vault
    """

    model_config = _STRICT

    mount: str = Field(pattern=_PATH)
    path: str = Field(pattern=_PATH)
    backend: str = ""

    def __str__(self) -> str:
        return f"{self.mount}/{self.path}"

    @property
    def target(self) -> str:
        """How a receipt names it."""
        return f"vaultKv:{self}"


Place = SecretPlace | ItemPlace | EntryPlace


class StoreRef(BaseModel):
    """A store of External Secrets by kind and name: one of `externalSecrets.stores`, or one that is there already."""

    model_config = _STRICT

    kind: Literal["ClusterSecretStore", "SecretStore"] = "ClusterSecretStore"
    name: str = Field(pattern=OBJECT_NAME)


class ExternalSecretPlace(BaseModel):
    """An ExternalSecret that brings a published token into another Secret.

    target:           the name of that Secret; without it, that of the ExternalSecret
    store:            reads where the token is published
    refresh_interval: how often it reads again by itself; a publication pokes it at once
    """

    model_config = _STRICT

    namespace: str = Field(pattern=NAMESPACE)
    name: str = Field(pattern=OBJECT_NAME)
    target: str = Field(default="", pattern=f"^$|{OBJECT_NAME}")
    store: StoreRef
    refresh_interval: Duration = Field(default=timedelta(hours=1), alias="refreshInterval")

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def made(self) -> SecretPlace:
        """The Secret that it makes."""
        return SecretPlace(namespace=self.namespace, name=self.target or self.name)

    @property
    def target_name(self) -> str:
        """How a receipt names it."""
        return f"externalSecret:{self}"


class PushSecretPlace(BaseModel):
    """A PushSecret beside a published Secret, which puts all of it at `remote` in a store."""

    model_config = _STRICT

    name: str = Field(pattern=OBJECT_NAME)
    store: StoreRef
    remote: str = Field(pattern=_PATH)
    refresh_interval: Duration = Field(default=timedelta(hours=1), alias="refreshInterval")


class Publication(BaseModel):
    """One place where consumers look: exactly one of the three kinds.

    adopt:            a working token that stands in the Secret is taken over as it is, at first and whenever it is put
                      there by hand
    take_over:        also where somebody else says to manage its lifecycle
    external_secrets: what External Secrets syncs onwards from here
    push_secrets:     what External Secrets pushes onwards from the Secret
    """

    model_config = _STRICT

    kubernetes_secret: SecretPlace | None = Field(default=None, alias="kubernetesSecret")
    one_password: ItemPlace | None = Field(default=None, alias="onePassword")
    vault_kv: EntryPlace | None = Field(default=None, alias="vaultKv")
    adopt: bool = False
    take_over: bool = Field(default=False, alias="takeOver")
    external_secrets: tuple[ExternalSecretPlace, ...] = Field(default=(), alias="externalSecrets")
    push_secrets: tuple[PushSecretPlace, ...] = Field(default=(), alias="pushSecrets")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if len(self._named()) != 1:
            raise ValueError("a publication names exactly one place: kubernetesSecret, onePassword or vaultKv")
        if self.kubernetes_secret is None and (self.adopt or self.push_secrets):
            raise ValueError("adopt and pushSecrets are for a kubernetesSecret")
        return self

    @model_validator(mode="after")
    def _takes_over_what_it_adopts(self) -> Self:
        if self.take_over and not self.adopt:
            raise ValueError("takeOver is for a place with `adopt: true`")
        return self

    @property
    def place(self) -> Place:
        """The one that is named."""
        return self._named()[0]

    def _named(self) -> list[Place]:
        return [place for place in (self.kubernetes_secret, self.one_password, self.vault_kv) if place is not None]

    @property
    def targets(self) -> list[str]:
        """How a receipt names the place, and all that is synced onwards from it."""
        pushed = [f"pushSecret:{self.pushed_by(push)}" for push in self.push_secrets]
        return [self.place.target, *(synced.target_name for synced in self.external_secrets), *pushed]

    def pushed_by(self, push: PushSecretPlace) -> str:
        """A PushSecret as `namespace/name`; it stands beside the Secret."""
        return f"{self.kubernetes_secret.namespace if self.kubernetes_secret else ''}/{push.name}"
