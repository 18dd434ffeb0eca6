"""What every view of the simulated Vault works with: the call, its refusals, and the envelope of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rotation.backends.transport import Request, Response, json_response
from sandbox.apis.routing import Refusal
from sandbox.apis.vault_records import Token
from sandbox.apis.vault_store import Store


def refused(status: int, *errors: str) -> Refusal:
    """The server's own words."""
    return Refusal(status, {"errors": list(errors)})


def wrapped(status: int, error: str) -> Refusal:
    """As the server writes an error that came out of one of its backends."""
    return refused(status, f"1 error occurred:\n\t* {error}\n\n")


@dataclass(frozen=True, slots=True)
class Call:
    """One permitted request at one instant."""

    caller: Token
    now: datetime
    store: Store
    params: Mapping[str, str]
    body: Mapping[str, Any] = field(repr=False)

    def known(self) -> Token:
        """The token of the accessor in the body; raises Refusal 400 when there is none."""
        token = self.store.by_accessor.get(self.accessor())
        if token is None:
            raise wrapped(400, "invalid accessor")
        return token

    def accessor(self) -> str:
        """Raises Refusal 400 when the body names none."""
        accessor = self.body.get("accessor")
        if not accessor:
            raise wrapped(400, "missing accessor")
        return str(accessor)


def fields(request: Request) -> dict[str, Any]:
    """The JSON body; raises Refusal 400 when it is none or no object."""
    try:
        body = request.json()
    except ValueError:
        raise refused(400, "failed to parse JSON input") from None
    if body is not None and not isinstance(body, dict):
        raise refused(400, "failed to parse JSON input")
    return body or {}


def answer(
    *, data: Mapping[str, Any] | None = None, auth: Mapping[str, Any] | None = None, warnings: Sequence[str] = ()
) -> Response:
    """The envelope around every answer that has a body."""
    envelope = {
        "request_id": "00000000-0000-4000-8000-000000000000",
        "lease_id": "",
        "renewable": False,
        "lease_duration": 0,
        "data": data,
        "wrap_info": None,
        "warnings": list(warnings) or None,
        "auth": auth,
    }
    return json_response(200, envelope)
