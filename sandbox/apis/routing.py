"""Finding the view of a request by method and path template, and the one exception that becomes an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

View = TypeVar("View")


class Refusal(Exception):  # noqa: N818 - an answer, not a mistake of ours
    """Ends a request with this status and JSON payload."""

    def __init__(self, status: int, payload: object) -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.payload = payload


@dataclass(frozen=True)
class Match(Generic[View]):
    """The view that answers, the template it stands under, and the parts of the path that the template names."""

    template: str
    view: View
    params: Mapping[str, str]


class Router(Generic[View]):
    """A table of views by method and template; `{name}` in a template stands for one path segment."""

    def __init__(self, routes: Mapping[tuple[str, str], View]) -> None:
        # Templates without parameters go first: `/users/me/` must win over `/users/{pk}/`.
        self._routes = sorted(routes.items(), key=lambda route: route[0][1].count("{"))

    def match(self, method: str, path: str) -> Match[View] | None:
        """The first route that fits, or None when the path is unknown. Raises Refusal 405 for a known path only."""
        path_is_known = False
        for (wanted, template), view in self._routes:
            params = _params(template, path)
            if params is None:
                continue
            if wanted == method:
                return Match(template, view, params)
            path_is_known = True
        if path_is_known:
            raise Refusal(405, {"detail": f'Method "{method}" not allowed.'})
        return None


def _params(template: str, path: str) -> dict[str, str] | None:
    wanted, given = template.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    params: dict[str, str] = {}
    for part, value in zip(wanted, given, strict=True):
        if part.startswith("{") and value:
            params[part[1:-1]] = value
        elif part != value:
            return None
    return params
