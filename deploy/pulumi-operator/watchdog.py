"""Wakes a Stack of the Pulumi Kubernetes Operator that stands still: `python watchdog.py NAMESPACE/NAME ...`.

After three failed updates in a row the operator calls a Stack Stalled and does nothing more until its spec or source
changes: an outage of minutes would stop rotation for good. This changes the spec by one second of its resync interval,
there and back, which starts the operator's count anew. A Stack that is not Stalled is left alone.

It ends with 0 when every Stack could be looked at, and with 1 otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from kubernetes import client, config

_KIND = ("pulumi.com", "v1")
_SECONDS = 3600
_TIME_LIMIT = (10.0, 30.0)  # seconds to connect, and in all


def is_stalled(stack: Mapping[str, Any]) -> bool:
    """Whether the operator gave up on the spec that stands now, and not on an earlier one."""
    generation = stack["metadata"].get("generation")
    conditions = (stack.get("status") or {}).get("conditions") or []
    return any(
        condition.get("type") == "Stalled"
        and condition.get("status") == "True"
        and condition.get("observedGeneration", generation) == generation
        for condition in conditions
    )


def touched(stack: Mapping[str, Any]) -> int:
    """The resync interval in seconds, one more where it is even, one less where it is odd: never far from its own."""
    seconds = int(stack["spec"].get("resyncFrequencySeconds") or _SECONDS)
    return seconds + 1 if seconds % 2 == 0 else seconds - 1


def watch(objects: client.CustomObjectsApi, namespace: str, name: str) -> str:
    """Look at one Stack and wake it when it stands still; says what was done. Raises kubernetes.client.ApiException."""
    place = (*_KIND, namespace, "stacks", name)
    stack = objects.get_namespaced_custom_object(*place, _request_timeout=_TIME_LIMIT)
    if not is_stalled(stack):
        return "is not stalled"
    change = {"spec": {"resyncFrequencySeconds": touched(stack)}}
    objects.patch_namespaced_custom_object(*place, change, _request_timeout=_TIME_LIMIT)
    return "was stalled; its spec was touched, so that the operator tries again"


def main(places: Iterable[str]) -> int:
    """Look at every Stack; one that cannot be looked at keeps no other from it."""
    config.load_config()
    objects, failed = client.CustomObjectsApi(), 0
    for place in places:
        namespace, _, name = place.partition("/")
        try:
            done = watch(objects, namespace, name)
        except client.ApiException as error:
            done, failed = f"could not be looked at: HTTP {error.status} {error.reason}", 1
        print(f"Stack {place} {done}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
