"""What a Kubernetes Event of ours holds. It is of events.k8s.io/v1, which replaced the core group's.

That group has fields of its own for the act and for who reports, and `kubectl` shows both alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rotation.clock import to_rfc3339

_LONGEST_NOTE = 1000  # bytes; the API refuses more than 1024
_LONGEST_NAME = 128


@dataclass(frozen=True)
class Happening:
    """What an Event tells. `reason` is a code in CamelCase, `action` a word; `warning`: somebody should look."""

    reason: str
    action: str
    note: str
    warning: bool = False


@dataclass(frozen=True)
class Reporter:
    """Who tells: the controller, and which process of it, such as the name of its pod."""

    controller: str
    instance: str


def event_body(happening: Happening, regarding: Mapping[str, str], reporter: Reporter, now: datetime) -> dict[str, Any]:
    """An Event as it is posted. `regarding`: kind, namespace, name and uid of an object of the core group."""
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": "token-rotation-", "namespace": regarding["namespace"]},
        "eventTime": to_rfc3339(now).removesuffix("Z") + f".{now.microsecond:06}Z",
        "reportingController": reporter.controller,
        "reportingInstance": reporter.instance[:_LONGEST_NAME] or reporter.controller,
        "action": happening.action[:_LONGEST_NAME],
        "reason": happening.reason[:_LONGEST_NAME],
        "note": happening.note.encode()[:_LONGEST_NOTE].decode(errors="ignore"),
        "type": "Warning" if happening.warning else "Normal",
        "regarding": {"apiVersion": "v1", **{part: text for part, text in regarding.items() if text}},
    }
