"""Finding the view of a request by method and path template, and what makes an answer of it, or of a refusal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from rotation.backends.transport import Request, Response, json_response
from sandbox.apis.http_date import http_date

View = TypeVar("View")
_NO_HEADERS: Mapping[str, str] = {}


class Refusal(Exception):  # noqa: N818 - an answer, not a mistake of ours
    """Ends a request with this status and JSON payload."""

    def __init__(self, status: int, payload: object) -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.payload = payload


def answered(
    view: Callable[[Request, datetime], Response],
    request: Request,
    now: datetime,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Response:
    """What a view answers, be it a refusal, with the server's own headers and its date."""
    try:
        response = view(request, now)
    except Refusal as refusal:
        response = json_response(refusal.status, refusal.payload)
    return Response(response.status, {**response.headers, **headers, "date": http_date(now)}, response.body)


@dataclass(frozen=True, slots=True)
class Match(Generic[View]):
    """The view that answers, the template it stands under, and the parts of the path that the template names."""

    template: str
    view: View
    params: Mapping[str, str]


class Router(Generic[View]):
    """A table of views by method and template; `{name}` in a template stands for one path segment.

    `other_method` is the view of a known path that does not know the method, where a plain Refusal 405 will not do.
    """

    def __init__(self, routes: Mapping[tuple[str, str], View], *, other_method: View | None = None) -> None:
        self._other_method = other_method
        self._plain: dict[tuple[str, str], Match[View]] = {}
        self._by_length: defaultdict[int, list[tuple[str, str, list[str], View]]] = defaultdict(list)
        # Templates without parameters go first: `/users/me/` must win over `/users/{pk}/`.
        for (method, template), view in sorted(routes.items(), key=lambda route: route[0][1].count("{")):
            segments = template.split("/")
            self._by_length[len(segments)].append((method, template, segments, view))
            if "{" not in template:
                self._plain[method, template] = Match(template, view, {})

    def match(self, method: str, path: str) -> Match[View] | None:
        """The first route that fits, or None when the path is unknown. May raise Refusal 405 for a known path."""
        plain = self._plain.get((method, path))
        if plain is not None:
            return plain
        given = path.split("/")
        known = ""
        for wanted, template, segments, view in self._by_length.get(len(given), ()):
            params = _params(segments, given)
            if params is None:
                continue
            if wanted == method:
                return Match(template, view, params)
            known = known or template
        return self._mismatched(method, known) if known else None

    def _mismatched(self, method: str, template: str) -> Match[View]:
        if self._other_method is None:
            raise Refusal(405, {"detail": f'Method "{method}" not allowed.'})
        return Match(template, self._other_method, {})


def _params(segments: Sequence[str], given: Sequence[str]) -> dict[str, str] | None:
    """What the parameters of a template stand for in a path of as many segments; None when it is another path."""
    params: dict[str, str] = {}
    for part, value in zip(segments, given, strict=True):
        if part.startswith("{") and value:
            params[part[1:-1]] = value
        elif part != value:
            return None
    return params
