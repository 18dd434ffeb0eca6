"""Takes known values out of a text, in every form in which they could have got there."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

_SHORTEST = 6  # characters; shorter values would take ordinary words out of messages
HIDDEN = "[hidden]"


class Scrubber:
    """Remembers values and hides them; their forms are worked out when there is a text to hide them in."""

    def __init__(self) -> None:
        self._forms: dict[str, tuple[str, ...]] = {}

    def remember(self, value: object) -> None:
        """Hide this value from now on; anything but a text of some length is passed over."""
        if isinstance(value, str) and len(value) >= _SHORTEST:
            self._forms.setdefault(value, ())

    def scrub(self, text: str) -> str:
        """The text without any remembered value."""
        for value in [value for value, forms in list(self._forms.items()) if not forms]:
            self._forms[value] = _forms(value)
        for form in sorted({form for forms in list(self._forms.values()) for form in forms}, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return text


def _forms(value: str) -> tuple[str, ...]:
    raw = value.encode()
    encoded = [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
    unpadded = (form.rstrip("=") for form in encoded)
    return (value, quote(value, safe=""), json.dumps(value)[1:-1], *encoded, *unpadded)
