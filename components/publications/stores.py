"""The stores of External Secrets: how each is written in the config, and in its manifest."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.publications.places import NAMESPACE, OBJECT_NAME, EntryPlace, Place, SecretPlace
from rotation.copies.connect import is_id

_STRICT = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SecretKeyRef(BaseModel):
    """One key of a Secret."""

    model_config = _STRICT

    namespace: str = Field(pattern=NAMESPACE)
    name: str = Field(pattern=OBJECT_NAME)
    key: str = "token"


class ServiceAccountRef(BaseModel):
    """A ServiceAccount that External Secrets asks the API server for a token of."""

    model_config = _STRICT

    namespace: str = Field(pattern=NAMESPACE)
    name: str = Field(pattern=OBJECT_NAME)
    audiences: tuple[str, ...] = ()


class ConnectStore(BaseModel):
    """1Password through a Connect server. vaults: names or ids; the first that has an item wins."""

    model_config = _STRICT

    connect_host: str = Field(alias="connectHost")
    vaults: tuple[str, ...] = Field(min_length=1)
    connect_token: SecretKeyRef = Field(alias="connectToken")


class VaultStore(BaseModel):
    """A KV (version 2) mount of Vault or OpenBao, by its Kubernetes auth.

    mount:      of the KV entries, which are then named by their path in it
    auth_mount: of the Kubernetes auth
    ca_bundle:  PEM of the authority, encoded as the API wants it (base64)
    """

    model_config = _STRICT

    server: str
    mount: str
    role: str
    service_account: ServiceAccountRef = Field(alias="serviceAccount")
    auth_mount: str = Field(default="kubernetes", alias="authMount")
    ca_bundle: str | None = Field(default=None, alias="caBundle")


class KubernetesStore(BaseModel):
    """Secrets of one namespace of this cluster.

    authority: the ConfigMap, in the namespace of the ServiceAccount, whose key ca.crt vouches for the API server
    """

    model_config = _STRICT

    remote_namespace: str = Field(alias="remoteNamespace", pattern=NAMESPACE)
    service_account: ServiceAccountRef = Field(alias="serviceAccount")
    server: str = "https://kubernetes.default.svc"
    authority: str = "kube-root-ca.crt"


class Store(BaseModel):
    """One store, for the whole cluster or for one namespace; exactly one of the three providers."""

    model_config = _STRICT

    kind: Literal["ClusterSecretStore", "SecretStore"] = "ClusterSecretStore"
    namespace: str = Field(default="", pattern=f"^$|{NAMESPACE}")
    one_password: ConnectStore | None = Field(default=None, alias="onePassword")
    vault: VaultStore | None = None
    kubernetes: KubernetesStore | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if sum(part is not None for part in (self.one_password, self.vault, self.kubernetes)) != 1:
            raise ValueError("a store names exactly one provider: onePassword, vault or kubernetes")
        if bool(self.namespace) != (self.kind == "SecretStore"):
            raise ValueError("a SecretStore has a namespace, and a ClusterSecretStore has none")
        if self.namespace and self.namespace != self._reference().namespace:
            raise ValueError(f"a SecretStore reads only what is in its own namespace, {self.namespace}")
        return self

    def _reference(self) -> SecretKeyRef | ServiceAccountRef:
        """What it proves itself with."""
        if self.one_password:
            return self.one_password.connect_token
        if self.vault:
            return self.vault.service_account
        assert self.kubernetes is not None, "a store has one of the three"
        return self.kubernetes.service_account

    def holds(self, place: Place) -> bool:
        """Whether what is published at a place can be read through this store."""
        if isinstance(place, SecretPlace):
            return self.kubernetes is not None and self.kubernetes.remote_namespace == place.namespace
        if isinstance(place, EntryPlace):
            return self.vault is not None and self.vault.mount == place.mount
        if self.one_password is None:
            return False
        named = (place.vault, *self.one_password.vaults)
        return place.vault in self.one_password.vaults or any(map(is_id, named))  # an id may be that of a name


class ExternalSecretsSettings(BaseModel):
    """Everything under `token-rotation:externalSecrets`."""

    model_config = _STRICT

    stores: dict[str, Store] = {}


def provider(store: Store) -> dict[str, Any]:
    """`spec.provider` of a store."""
    everywhere = store.kind == "ClusterSecretStore"
    if store.one_password:
        connect = store.one_password
        reference = {"name": connect.connect_token.name, "key": connect.connect_token.key}
        auth = {"secretRef": {"connectTokenSecretRef": _placed(reference, connect.connect_token.namespace, everywhere)}}
        vaults = {vault: number for number, vault in enumerate(connect.vaults, start=1)}
        return {"onepassword": {"connectHost": connect.connect_host, "vaults": vaults, "auth": auth}}
    if store.vault:
        vault = store.vault
        account = _account(vault.service_account, everywhere=everywhere)
        login = {"mountPath": vault.auth_mount, "role": vault.role, "serviceAccountRef": account}
        given = {"server": vault.server, "path": vault.mount, "version": "v2", "auth": {"kubernetes": login}}
        return {"vault": {**given, **({"caBundle": vault.ca_bundle} if vault.ca_bundle else {})}}
    assert store.kubernetes is not None, "a store has one of the three"
    cluster = store.kubernetes
    authority = {"type": "ConfigMap", "name": cluster.authority, "key": "ca.crt"}
    return {
        "kubernetes": {
            "remoteNamespace": cluster.remote_namespace,
            "server": {
                "url": cluster.server,
                "caProvider": _placed(authority, cluster.service_account.namespace, everywhere),
            },
            "auth": {"serviceAccount": _account(cluster.service_account, everywhere=everywhere)},
        }
    }


def _account(account: ServiceAccountRef, *, everywhere: bool) -> dict[str, Any]:
    named = {"name": account.name, **({"audiences": list(account.audiences)} if account.audiences else {})}
    return _placed(named, account.namespace, everywhere)


def _placed(reference: dict[str, Any], namespace: str, everywhere: bool) -> dict[str, Any]:
    """A ClusterSecretStore says where; a SecretStore only ever means its own namespace, and must not say."""
    return {**reference, "namespace": namespace} if everywhere else reference
