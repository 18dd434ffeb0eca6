"""A server that answers 200 with JSON of another shape tells nothing: every act says so as a typed error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from rotation.backends.protocol import Backend
from rotation.backends.registry import KINDS
from rotation.backends.transport import json_response
from rotation.errors import Unavailable
from rotation.testing.builders import START, a_generation, an_order

HANDLE = a_generation()
SPECS: dict[str, dict[str, str]] = {
    "authentik": {},
    "coder": {},
    "operator": {"namespace": "team-a"},
    "vault": {"role": "admin"},
}
ACTS: dict[str, Callable[[Backend, str], object]] = {
    "mint": lambda backend, kind: backend.mint(an_order(START, lifetime=timedelta(days=1), spec=SPECS[kind])),
    "inventory": lambda backend, _kind: backend.inventory("owner", ["handle"]),
    "holds": lambda backend, _kind: backend.holds(HANDLE),
    "find": lambda backend, _kind: backend.find(HANDLE),
    "recognise": lambda backend, kind: backend.recognise("value", SPECS[kind]),
}


@pytest.mark.parametrize("body", [[3], {}, {"data": None, "auth": [], "results": 3}], ids=repr)
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_misshapen_answer_is_a_typed_error(kind: str, act: str, body: object) -> None:
    """No act ends in a bare KeyError, which would skip the undo of a mint or fall out of a ledger."""
    if act == "holds" and not KINDS[kind].capabilities.own_credential:
        return  # nothing is asked
    backend = KINDS[kind].connect(
        "server", lambda _request: json_response(200, body), "credential", lambda: START, print
    )
    with pytest.raises(Unavailable, match="does not hold what it must"):
        ACTS[act](backend, kind)


def test_a_misshapen_renewal_is_a_typed_error() -> None:
    """What cannot be read of a confirmation counts as unknown."""
    backend = KINDS["vault"].connect(
        "vault", lambda _request: json_response(200, {}), "credential", lambda: START, print
    )
    with pytest.raises(Unavailable, match="does not hold what it must"):
        backend.confirm("handle", timedelta(days=1))
