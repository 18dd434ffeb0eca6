"""Calls to a JSON API with one credential: typed errors, harmless retries, and a look at the clock."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import quote

import stamina

from rotation.backends.transport import Request, Response, Transport, json_request
from rotation.clock import Clock
from rotation.durations import format_duration
from rotation.errors import BackendError, ClockSkew, Conflict, NotFound, RateLimited, Refused, Unauthorised, Unavailable

RETRY_SECONDS = 60.0
SKEW_WARNED = timedelta(seconds=60)
SKEW_REFUSED = timedelta(minutes=5)
_SHOWN_CHARACTERS = 256


@dataclass
class ApiClient:
    """One server, one credential.

    authorise:    makes the headers of a credential's value
    refusal_text: takes from an error body what may be shown, and never a value
    warn:         told once when the server's clock is off by more than `SKEW_WARNED`
    """

    backend: str
    transport: Transport = field(repr=False)
    credential: str = field(repr=False)
    authorise: Callable[[str], Mapping[str, str]] = field(repr=False)
    refusal_text: Callable[[Any], str] = field(repr=False)
    clock: Clock = field(repr=False)
    warn: Callable[[str], None] = field(default=lambda _text: None, repr=False)
    _skew_told: bool = field(default=False, repr=False)

    def read(self, act: str, path: str, query: Mapping[str, str] | None = None, *, method: str = "GET") -> Response:
        """A call that changes nothing: repeated when rate limited or unavailable."""
        return self._repeat(act, json_request(method, path, query=query), (RateLimited, Unavailable))

    def ask(self, act: str, path: str, payload: object) -> Response:
        """A POST that changes nothing, or whose repetition changes nothing more: repeated as a read is."""
        return self._repeat(act, json_request("POST", path, payload), (RateLimited, Unavailable))

    def ask_by(self, method: str, act: str, path: str, payload: object) -> Response:
        """The same by another method: one that sets what is to be so, whatever was so before."""
        return self._repeat(act, json_request(method, path, payload), (RateLimited, Unavailable))

    def apply(self, act: str, path: str, query: Mapping[str, str], payload: object, content_type: str) -> Response:
        """A PATCH that sets what is to be so, in the content type that says how: repeated as a read is."""
        request = json_request("PATCH", path, payload, query=query, headers={"content-type": content_type})
        return self._repeat(act, request, (RateLimited, Unavailable))

    def upload(self, act: str, path: str, content: bytes, content_type: str) -> Response:
        """Send bytes to a server that knows them again: repeated as a read is."""
        request = Request("POST", path, {}, {"content-type": content_type}, content)
        return self._repeat(act, request, (RateLimited, Unavailable))

    def write(self, act: str, method: str, path: str, payload: object = None) -> Response:
        """A call that must not happen twice: repeated only when the server says that it did nothing (429)."""
        return self._repeat(act, json_request(method, path, payload), (RateLimited,))

    def delete(self, act: str, path: str) -> Response:
        """A deletion: repeating it is harmless."""
        return self._repeat(act, json_request("DELETE", path), (RateLimited, Unavailable))

    def with_credential(self, credential: str) -> ApiClient:
        """The same server, asked with another credential."""
        return replace(self, credential=credential)

    def _repeat(self, act: str, request: Request, on: tuple[type[BackendError], ...]) -> Response:
        def worth_repeating(error: Exception) -> bool | timedelta:
            if not isinstance(error, on):
                return False
            if isinstance(error, RateLimited) and error.retry_after is not None:
                return min(error.retry_after, timedelta(seconds=RETRY_SECONDS))
            return True

        try:
            return self._once(act, request)
        except on as error:
            first = error
        for attempt in stamina.retry_context(on=worth_repeating, attempts=4, timeout=RETRY_SECONDS, wait_max=10.0):
            with attempt:
                if attempt.num == 1:  # it was made above: most calls need no second one, nor what counts them
                    raise first
                return self._once(act, request)
        raise AssertionError("unreachable: stamina re-raises the last error")

    def _once(self, act: str, request: Request) -> Response:
        headers = {**request.headers, **self.authorise(self.credential)}
        sent = Request(request.method, request.path, request.query, headers, request.body)
        try:
            response = self.transport(sent)
        except ConnectionError:
            remedy = "Check the url, the network and that the server runs."
            raise Unavailable(act, "the connection ended without an answer", remedy, backend=self.backend) from None
        except BackendError as error:
            raise type(error)(act, error.cause, error.remedy, backend=self.backend) from None
        self._compare_clocks(act, response)
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            self._fail(act, response)
        if not _is_json(response):
            cause = f"HTTP {response.status} with an answer that is no JSON"
            raise Unavailable(act, cause, "Check the url: a proxy or a login page answered.", backend=self.backend)
        return response

    def _compare_clocks(self, act: str, response: Response) -> None:
        told = _server_time(response)
        if told is None:
            return
        skew = abs(told - self.clock())
        if skew > SKEW_REFUSED:
            limit, found = format_duration(SKEW_REFUSED), format_duration(skew)
            remedy = "Set both clocks by NTP: expiries and overlaps cannot be told with clocks this far apart."
            cause = f"the server's clock and ours differ by {found}, more than {limit}"
            raise ClockSkew(act, cause, remedy, backend=self.backend)
        if skew > SKEW_WARNED and not self._skew_told:
            self._skew_told = True
            self.warn(f"the clock of {self.backend} and ours differ by {format_duration(skew)}")

    def _fail(self, act: str, response: Response) -> NoReturn:
        status = response.status
        cause = f"HTTP {status}"
        shown = self._shown(response)
        if shown:
            cause += f" ({shown})"
        elif status == HTTPStatus.NOT_FOUND:  # a proxy whose server is away says so too: it does not mean gone
            cause += " without the server's own words"
            raise Unavailable(act, cause, "Check the url and that the server runs behind it.", backend=self.backend)
        raise _typed(status, act, cause, self.backend, response)

    def _shown(self, response: Response) -> str:
        try:
            text = self.refusal_text(response.json())
        except (ValueError, TypeError, KeyError, AttributeError):
            return ""
        for form in _forms(self.credential):  # before the cut, or a part of it would stay
            text = text.replace(form, "[credential]")
        return " ".join(text.split())[:_SHOWN_CHARACTERS]


@contextmanager
def understood(act: str, backend: str) -> Iterator[None]:
    """Around the reading of an answer: one that lacks what it must hold tells nothing. Raises Unavailable for it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError):
        remedy = "Check the url, and that the server's version is one that the README names."
        raise Unavailable(act, "the answer does not hold what it must", remedy, backend=backend) from None


def _typed(status: int, act: str, cause: str, backend: str, response: Response) -> BackendError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        limited = RateLimited(act, cause, "Wait, or raise the server's limit.", backend=backend)
        limited.retry_after = _retry_after(response)
        return limited
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        remedy = "Check that the credential in use is alive and has the permissions that the README lists."
        return Unauthorised(act, cause, remedy, backend=backend)
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(act, cause, backend=backend)
    if status == HTTPStatus.CONFLICT:
        return Conflict(act, cause, backend=backend)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(act, cause, "See the server's log; the next run tries again.", backend=backend)
    return Refused(act, cause, "Change what the config asks for to what the server accepts.", backend=backend)


def _forms(credential: str) -> list[str]:
    """How a server may echo a credential: as it is, and as JSON, URL and base64 write it."""
    if not credential:
        return []
    raw = credential.encode()
    encoded = [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
    return [credential, json.dumps(credential)[1:-1], quote(credential, safe=""), *encoded]


def _is_json(response: Response) -> bool:
    """Whether the body is JSON, or there is none."""
    try:
        response.json()
    except ValueError:
        return False
    return True


def _server_time(response: Response) -> datetime | None:
    return _http_date(response.headers["date"]) if "date" in response.headers else None


@lru_cache(maxsize=1)
def _http_date(text: str) -> datetime | None:
    """The instant, or None for a text that tells none. Calls that follow each other often name the same second."""
    try:
        told = parsedate_to_datetime(text)
    except ValueError:
        return None
    return told if told.tzinfo else None


def _retry_after(response: Response) -> timedelta | None:
    try:
        wish = timedelta(seconds=float(response.headers["retry-after"]))
    except (KeyError, ValueError, OverflowError):
        return None
    return wish if wish >= timedelta(0) else None
