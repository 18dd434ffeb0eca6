"""What providers ask of the Kubernetes API: receipts, credential Secrets, and which generation a Secret holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from rotation.evidence import Observation, Source

MANAGER = "token-rotation"
GENERATION_ANNOTATION = "token-rotation/generation"
PREVIOUS_ANNOTATION = "token-rotation/previous-generation"
CURRENT_KEY, PREVIOUS_KEY = "token", "token-previous"
PLACEHOLDER_ANNOTATION = "token-rotation/placeholder"
AUTO_RENEW_ANNOTATION = "token-rotation/auto-renew"
AUTO_ROTATE_ANNOTATION = "token-rotation/auto-rotate"


class ReceiptPlace(BaseModel):
    """The ConfigMap that holds the receipts of a stack. Its namespace exists before the program runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str = "token-rotation"
    name: str = "token-receipts"


class ClusterSettings(BaseModel):
    """How the Kubernetes API is reached: a kubeconfig file and context; without them, KUBECONFIG or the pod's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kubeconfig: str | None = None
    context: str | None = None
    receipts: ReceiptPlace = ReceiptPlace()


@dataclass(frozen=True)
class Placed:
    """What the metadata of a Secret tells of the token in it.

    generation, previous_generation: the ids that its annotations name; empty where they name none
    manager: who else says to look after it: by a lifecycle-manager annotation, a managed-by label, or as its owner
    by_hand: somebody else wrote the value since we did, or nobody of ours ever did
    auto_renew, auto_rotate: False where an annotation says `false`: a person pauses that act
    placeholder: the mark of the stack that only holds the place; empty where it was published, or is somebody else's
    """

    generation: str = ""
    previous_generation: str = ""
    manager: str = ""
    by_hand: bool = False
    auto_renew: bool = True
    auto_rotate: bool = True
    placeholder: str = ""


class Cluster(Protocol):
    """Raises ClusterAway when no answer came, ClusterError when the answer is a refusal."""

    def receipts(self) -> dict[str, str]:
        """Every entry of the receipt, by token; none when it does not exist yet."""

    def write_receipt(self, token: str, text: str) -> None:
        """Apply one token's entry under a field manager of its own."""

    def remove_receipt(self, token: str) -> None:
        """Give up one token's entry."""

    def secret_value(self, namespace: str, name: str, key: str) -> str:
        """The value under one key of a Secret."""

    def placed(self, namespace: str, name: str) -> Placed | None:
        """What stands at a publication's place; None when there is no Secret. No value travels."""

    def uid(self, where: str) -> str | None:
        """The uid of the object at this path of the API; None when it is not there."""

    def config_map(self, namespace: str, name: str) -> dict[str, bytes] | None:
        """The entries of a ConfigMap, text and binary ones; None when there is no such ConfigMap."""

    def hold_place(self, namespace: str, name: str, value: str, owner: str) -> None:
        """Make a Secret whose value only holds a place, marked as ours."""

    def give_up_place(self, namespace: str, name: str) -> None:
        """Take that mark away; what was published there since stays."""

    def observe(self, source: Source) -> Observation:
        """What a source of evidence shows. Never raises: no answer is no evidence, with its cause."""

    def run_records(self) -> dict[str, str]:
        """What the scheduled jobs left behind of their last runs, by job; none when there is no record."""

    def ready_replicas(self, namespace: str, name: str) -> int | None:
        """How many replicas of a Deployment are ready; None when there is no such Deployment."""
