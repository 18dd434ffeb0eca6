"""What every view of the simulated Authentik works with: the call, its refusals, field validation and paging."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from rotation.backends.transport import Request, Response, json_response
from sandbox.apis.authentik_records import User
from sandbox.apis.authentik_store import Store
from sandbox.apis.routing import Refusal

Row = TypeVar("Row")

DATETIME_FORMATS = "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]"


def aware(instant: datetime) -> datetime:
    """An instant without a zone is taken as UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def forbidden(detail: str = "You do not have permission to perform this action.") -> Refusal:
    return Refusal(403, {"detail": detail})


def missing(model: str) -> Refusal:
    return Refusal(404, {"detail": f"No {model} matches the given query."})


def invalid(name: str, message: str) -> Refusal:
    return Refusal(400, {name: [message]})


@dataclass(frozen=True)
class Call:
    """One authenticated request at one instant."""

    request: Request
    caller: User
    now: datetime
    store: Store
    params: Mapping[str, str]

    def require(self, *permissions: str, on: object = None) -> None:
        """Raises Refusal 403 unless the caller holds all of them globally, or on the object with this pk."""
        pk = None if on is None else str(on)
        if not all(self.caller.may(permission, pk) for permission in permissions):
            raise forbidden()

    def record(self, action: str, context: dict[str, Any]) -> None:
        self.store.record(action, self.caller.username, self.now, context)

    def named_user(self) -> User:
        """The user whose number the body names; raises Refusal 404."""
        user = self.store.users.get(self.fields().body.get("pk", 0))
        if user is None:
            raise missing("User")
        return user

    def fields(self) -> Fields:
        """The JSON body; raises Refusal 400 when it is none or no object."""
        try:
            body = self.request.json()
        except ValueError:
            raise Refusal(400, {"detail": "JSON parse error"}) from None
        if body is not None and not isinstance(body, dict):
            raise invalid("non_field_errors", f"Invalid data. Expected a dictionary, but got {type(body).__name__}.")
        return Fields(body or {})


@dataclass(frozen=True)
class Fields:
    """Typed access to a body. Every method raises Refusal 400 with the message that the real serializer gives."""

    body: dict[str, Any] = field(repr=False)

    def __contains__(self, name: str) -> bool:
        return name in self.body

    def text(self, name: str, default: str | None = None, *, longest: int = 0, blank: bool = False) -> str:
        value = self._given(name, default)
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise invalid(name, "Not a valid string.")
        if not blank and not str(value):
            raise invalid(name, "This field may not be blank.")
        if longest and len(str(value)) > longest:
            raise invalid(name, f"Ensure this field has no more than {longest} characters.")
        return str(value)

    def slug(self, name: str, default: str | None = None) -> str:
        value = self.text(name, default, longest=255)
        if not re.fullmatch(r"[-a-zA-Z0-9_]+", value):
            raise invalid(name, 'Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.')
        return value

    def choice(self, name: str, default: str | None, choices: Iterable[str]) -> str:
        value = self._given(name, default)
        if value not in choices:
            raise invalid(name, f'"{value}" is not a valid choice.')
        return str(value)

    def boolean(self, name: str, default: bool) -> bool:
        value = self._given(name, default)
        if value in (True, "true", "True", "1"):
            return True
        if value in (False, "false", "False", "0"):
            return False
        raise invalid(name, "Must be a valid boolean.")

    def instant(self, name: str) -> datetime | None:
        """An aware instant, or None when absent or null."""
        if self.body.get(name) is None:
            return None
        try:
            return aware(datetime.fromisoformat(self.body[name]))
        except (TypeError, ValueError):
            wrong = f"Datetime has wrong format. Use one of these formats instead: {DATETIME_FORMATS}."
            raise invalid(name, wrong) from None

    def mapping(self, name: str, default: dict[str, Any]) -> dict[str, Any]:
        value = self._given(name, default)
        if not isinstance(value, dict):
            raise invalid(name, "Value must be a dictionary.")
        return dict(value)

    def _given(self, name: str, default: Any) -> Any:
        value = self.body.get(name, default)
        if name not in self.body and default is None:
            raise invalid(name, "This field is required.")
        if value is None:
            raise invalid(name, "This field may not be null.")
        return value


@dataclass(frozen=True)
class Listing:
    """How one kind of row is listed: the filters and orders it knows. Parameters it does not know are ignored."""

    filters: Mapping[str, Callable[[Any, str], bool]]
    searched: Callable[[Any], Iterable[str]]
    orders: Mapping[str, Callable[[Any], Any]]
    default_order: str

    def answer(self, call: Call, rows: Iterable[Row], render: Callable[[Row], dict[str, Any]]) -> Response:
        """One page. Raises Refusal 404 for a page that is not there."""
        query = call.request.query
        for name, matches in self.filters.items():
            if wanted := query.get(name):
                rows = [row for row in rows if matches(row, wanted)]
        for word in query.get("search", "").lower().split():
            rows = [row for row in rows if any(word in text.lower() for text in self.searched(row))]
        return json_response(200, _page(call, self._ordered(call, list(rows)), render))

    def _ordered(self, call: Call, rows: list[Row]) -> list[Row]:
        wanted = call.request.query.get("ordering", "").split(",")
        known = [name for name in wanted if name.removeprefix("-") in self.orders]
        for name in reversed(known or [self.default_order]):
            rows.sort(key=self.orders[name.removeprefix("-")], reverse=name.startswith("-"))
        return rows


def _page(call: Call, rows: list[Row], render: Callable[[Row], dict[str, Any]]) -> dict[str, Any]:
    settings = call.store.settings
    asked = _positive(call.request.query.get("page_size", ""))
    size = min(asked or settings.pagination_default_page_size, settings.pagination_max_page_size)
    pages = max(1, math.ceil(len(rows) / size))
    wanted = call.request.query.get("page") or "1"
    current = pages if wanted == "last" else _positive(wanted)
    if not 1 <= current <= pages:
        raise Refusal(404, {"detail": "Invalid page."})
    start = (current - 1) * size
    shown = rows[start : start + size]
    pagination = {
        "next": current + 1 if current < pages else 0,
        "previous": current - 1,
        "count": len(rows),
        "current": current,
        "total_pages": pages,
        "start_index": start + 1 if shown else 0,
        "end_index": start + len(shown),
    }
    return {"pagination": pagination, "results": [render(row) for row in shown], "autocomplete": {}}


def _positive(text: str) -> int:
    """The number, or 0 for whatever is no positive number."""
    return int(text) if text.isascii() and text.isdigit() else 0


def is_boolean(value: bool, wanted: str) -> bool:
    """Whether a boolean filter lets the value through; a word that is no boolean lets everything through."""
    return {"true": value, "false": not value}.get(wanted.lower(), True)
