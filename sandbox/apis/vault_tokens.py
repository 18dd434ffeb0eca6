"""`auth/token/` of the simulated Vault: who makes what, how long it is granted, and how it is looked up and ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rotation.backends.transport import Response
from sandbox.apis.vault_calls import Call, answer, refused, wrapped
from sandbox.apis.vault_records import (
    DEFAULT,
    LONGEST_LIFE,
    ZERO,
    Role,
    Token,
    asked_duration,
    go_duration,
    instant,
    seconds,
)


def create(call: Call) -> Response:
    """By a role, which decides the policies, and whether the caller becomes the parent."""
    name = call.params["role"]
    role = call.store.roles.get(name)
    if role is None:
        raise refused(400, f"unknown role {name}")
    policies = _policies(role, call.body.get("policies") or role.allowed_policies)
    longest = min(role.explicit_max_ttl or LONGEST_LIFE, LONGEST_LIFE)
    granted, warnings = _capped(_asked(call, "ttl") or LONGEST_LIFE, longest)
    shown = call.body.get("display_name")
    token = call.store.add(
        now=call.now,
        granted=granted,
        policies=policies,
        path=f"auth/token/create/{name}",
        display_name=f"token-{shown}" if shown else "token",
        meta=call.body.get("meta"),
        role=name,
        renewable=role.renewable and bool(call.body.get("renewable", True)),
        parent=None if role.orphan else call.caller,
    )
    return answer(auth=_auth(token, token.value), warnings=warnings)


def look_up_self(call: Call) -> Response:
    return answer(data=_shown(call.caller, call.now, call.caller.value))


def look_up_accessor(call: Call) -> Response:
    """Everything about a token but its value."""
    return answer(data=_shown(call.known(), call.now))


def renew_self(call: Call) -> Response:
    return _renew(call, call.caller, call.caller.value)


def renew_accessor(call: Call) -> Response:
    """The answer has no value."""
    return _renew(call, call.known())


def revoke_self(call: Call) -> Response:
    call.store.revoke(call.caller)
    return Response(204)


def revoke_accessor(call: Call) -> Response:
    """An accessor that is not known is a success with a warning."""
    token = call.store.by_accessor.get(call.accessor())
    if token is None:
        return answer(warnings=["No token found with this accessor"])
    call.store.revoke(token)
    return Response(204)


def list_accessors(call: Call) -> Response:
    return answer(data={"keys": list(call.store.by_accessor)})


def not_supported(_call: Call) -> Response:
    """A path that is there, asked by a method that it does not know."""
    raise wrapped(405, "unsupported operation")


def _renew(call: Call, token: Token, value: str = "") -> Response:
    """A shorter increment shortens, and stays the default; a periodic token gets its period, whatever is asked."""
    if not token.renewable:
        raise wrapped(400, "invalid request")
    if token.role and token.role not in call.store.roles:
        raise wrapped(
            500, f'failed to renew entry: original token role "{token.role}" could not be found, not renewing'
        )
    wished = token.period or _asked(call, "increment") or token.granted
    end = _whole(token.issued) + call.store.longest(token)
    granted, warnings = _capped(wished, LONGEST_LIFE if token.period else end - _whole(call.now))
    call.store.renew(token, call.now, granted)
    return answer(auth=_auth(token, value), warnings=warnings)


def _capped(wished: timedelta, longest: timedelta) -> tuple[timedelta, list[str]]:
    if wished <= longest:
        return wished, []
    told = f'TTL of "{go_duration(wished)}" exceeded the effective max_ttl of "{go_duration(longest)}"'
    return longest, [f"{told}; TTL value is capped accordingly"]


def _asked(call: Call, name: str) -> timedelta:
    try:
        return max(asked_duration(call.body.get(name)), ZERO)
    except ValueError as problem:
        raise refused(400, str(problem)) from None


def _policies(role: Role, wanted: Sequence[str]) -> tuple[str, ...]:
    allowed = sorted({*role.allowed_policies, DEFAULT})
    if not set(wanted) <= set(allowed):
        told = f"token policies ({_go_list(wanted)}) must be subset of the role's allowed policies"
        raise refused(400, f"{told} ({_go_list(allowed)}) or glob policies ([])")
    return tuple(sorted({*wanted, DEFAULT}))


def _go_list(words: Sequence[str]) -> str:
    return "[" + " ".join(f'"{word}"' for word in words) + "]"


def _whole(moment: datetime) -> datetime:
    """The server counts lives in whole seconds."""
    return moment.replace(microsecond=0)


def _auth(token: Token, value: str) -> dict[str, Any]:
    return {
        "client_token": value,
        "accessor": token.accessor,
        "policies": token.policies,
        "token_policies": token.policies,
        "metadata": token.meta,
        "lease_duration": seconds(token.granted),
        "renewable": token.renewable,
        "entity_id": "",
        "token_type": "service",
        "orphan": token.is_orphan,
        "mfa_requirement": None,
        "num_uses": 0,
    }


def _shown(token: Token, now: datetime, value: str = "") -> dict[str, Any]:
    if token.shown is None:
        token.shown = _lasting(token)
    return {**token.shown, "id": value, "ttl": seconds(token.expires - now) if token.expires else 0}


def _lasting(token: Token) -> dict[str, Any]:
    """What a look-up tells until the next renewal. Some fields are there only where they mean something."""
    shown: dict[str, Any] = {
        "accessor": token.accessor,
        "creation_time": int(token.issued.timestamp()),
        "creation_ttl": seconds(token.creation_ttl),
        "display_name": token.display_name,
        "entity_id": "",
        "expire_time": instant(token.expires),
        "explicit_max_ttl": 0,
        "issue_time": instant(token.issued),
        "meta": token.meta,
        "num_uses": 0,
        "orphan": token.is_orphan,
        "path": token.path,
        "policies": token.policies,
        "renewable": token.renewable,
        "type": "service",
    }
    if token.role:
        shown["role"] = token.role
    if token.period:
        shown["period"] = seconds(token.period)
    if token.last_renewal:
        shown["last_renewal"] = instant(token.last_renewal)
        shown["last_renewal_time"] = int(token.last_renewal.timestamp())
    return shown
