"""What validation needs to know of a stack, without a value: which copies of each token to read, and where to use them.

The stack writes it into a ConfigMap; the validation job reads it there and needs neither the state nor its secrets.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

_STRICT = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SecretCopy(BaseModel):
    """A Kubernetes Secret, as its consumers read it; also the target of an ExternalSecret."""

    model_config = _STRICT

    namespace: str
    name: str
    key: str = "token"
    generation_annotation: str = "token-rotation/generation"
    """Where its generation stands; empty where the copy does not tell one."""


class ItemCopy(BaseModel):
    """An item of 1Password, read through Connect."""

    model_config = _STRICT

    url: str
    vault: str
    item: str
    field: str = "token"


class KvCopy(BaseModel):
    """An entry of a KV (version 2) mount of Vault or OpenBao."""

    model_config = _STRICT

    url: str
    mount: str
    path: str
    key: str = "token"


class Copy(BaseModel):
    """One place where consumers look; exactly one of the three."""

    model_config = _STRICT

    kubernetes_secret: SecretCopy | None = Field(default=None, alias="kubernetesSecret")
    one_password: ItemCopy | None = Field(default=None, alias="onePassword")
    vault_kv: KvCopy | None = Field(default=None, alias="vaultKv")


class PlannedToken(BaseModel):
    """One token: the kind of its backend, where that is, and every place that it is published to.

    records: `namespace/name` of a backend that lives in the cluster and has no url
    """

    model_config = _STRICT

    kind: str
    backend: str
    url: str
    ca_certificate: str | None = None
    records: str = ""
    copies: tuple[Copy, ...]


class ValidationPlan(BaseModel):
    """The whole stack. `timeout` is for one probe, written as `30s`."""

    model_config = _STRICT

    enabled: bool = True
    timeout: str = "30s"
    receipts_namespace: str
    receipts_name: str
    tokens: dict[str, PlannedToken]


PLAN_KEY = "plan.json"
"""The key of the plan in its ConfigMap."""


def plan_name(receipts: str) -> str:
    """The name of the ConfigMap that holds the plan in the namespace of the receipts."""
    return f"{receipts}-validation"
