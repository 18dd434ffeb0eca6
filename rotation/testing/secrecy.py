"""The search for a value in what may be told: as text and in the forms that encodings give it."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Iterable
from urllib.parse import quote, quote_plus


def forms(value: str) -> frozenset[str]:
    """How a value may stand in a text: plain, JSON, URL, hexadecimal, and base64 at each of its three alignments."""
    raw = value.encode()
    encoded = {_inner_base64(raw, shift, encode) for shift in range(3) for encode in _BASE64}
    return frozenset({value, json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value), raw.hex(), *encoded})


def reveals(text: str, value: str) -> bool:
    """Whether the value stands in the text in any form, or its first or last twelve characters do, cut from it."""
    pieces = {value[:12], value[-12:]} if len(value) > 24 else set()
    return any(form in text for form in forms(value) | pieces)


def told_by(thing: object) -> str:
    """All that a log, a traceback or a debugger's first look shows of a thing, with the chain of an error."""
    shown = [repr(thing), str(thing)]
    if isinstance(thing, BaseException):
        shown += traceback.format_exception(thing)
        shown += [f"{link!r} {link.args!r} {vars(link)!r}" for link in _chain(thing)]
    return "\n".join(shown)


_BASE64 = (base64.b64encode, base64.urlsafe_b64encode)


def _inner_base64(raw: bytes, shift: int, encode: object) -> str:
    """The part of the encoding that does not depend on what stands before and after the value."""
    assert callable(encode)
    text: str = encode(b"\0" * shift + raw).decode().rstrip("=")
    return text[4 if shift else 0 : len(text) - 1]


def _chain(error: BaseException) -> Iterable[BaseException]:
    """The error and all that it came of, suppressed ones too: a debugger or a crash reporter shows them."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
