"""Takes known values out of a text, in every form in which they could have got there."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

_SHORTEST = 6  # characters; shorter values would take ordinary words out of messages
HIDDEN = "[hidden]"


class Scrubber:
    """Remembers values and hides them."""

    def __init__(self) -> None:
        self._forms: set[str] = set()

    def remember(self, value: object) -> None:
        """Hide this value from now on; anything but a text of some length is passed over."""
        if not isinstance(value, str) or len(value) < _SHORTEST or value in self._forms:
            return
        raw = value.encode()
        encoded = [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
        self._forms |= {value, *encoded, *(form.rstrip("=") for form in encoded)}
        self._forms |= {quote(value, safe=""), json.dumps(value)[1:-1]}

    def scrub(self, text: str) -> str:
        """The text without any remembered value."""
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return text
