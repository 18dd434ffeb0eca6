"""A Secret that holds the place of a token which only a person can begin: consumers find it, and what to wait for."""

from __future__ import annotations

from dynamic_providers.state import Run
from dynamic_providers.verbs import Props
from rotation.bootstrap import PLACEHOLDER
from rotation.bootstrap_note import NOTE_PREFIX
from rotation.clock import to_rfc3339


def put(run: Run, props: Props) -> None:
    """Make the token's Secrets that are not there. What stands there already is left as it is. Raises ClusterError."""
    for place in props["places"]:
        if run.place_is_empty(place):
            namespace, name = place.split("/")
            run.cluster.hold_place(namespace, name, f"{PLACEHOLDER}{to_rfc3339(run.now)}", props["owner"])


def forget(run: Run, token: str, places: list[str]) -> None:
    """The token is published now: its note goes, and so does what told of the placeholder. Raises ClusterError."""
    if not run.kept(NOTE_PREFIX + token):
        return
    for place in places:
        placed = run.placed(place)
        if placed and placed.placeholder:
            run.cluster.give_up_place(*place.split("/"))
    run.cluster.remove_receipt(NOTE_PREFIX + token)
