from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamic_providers.scrubber import HIDDEN, Scrubber

WRITINGS: dict[str, Callable[[str], str]] = {
    "text": lambda value: value,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 without padding": lambda value: base64.b64encode(value.encode()).decode().rstrip("="),
    "base64 for urls": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "url": lambda value: quote(value, safe=""),
    "json": lambda value: json.dumps(value)[1:-1],
}


@pytest.mark.parametrize("writing", WRITINGS)
@given(value=st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=6, max_size=80))
def test_a_remembered_value_is_hidden_however_it_is_written(writing: str, value: str) -> None:
    """A text that holds it in this form holds a mark in its place."""
    scrubber = Scrubber()
    scrubber.remember(value)
    assert scrubber.scrub(f"<{WRITINGS[writing](value)}>") == f"<{HIDDEN}>"


def test_one_value_inside_another_leaves_no_rest() -> None:
    """The longer one is hidden first, so that no part of it stays."""
    scrubber = Scrubber()
    for value in ("secret", "secret-and-more"):
        scrubber.remember(value)
    assert scrubber.scrub("it is secret-and-more") == f"it is {HIDDEN}"


@pytest.mark.parametrize("value", [None, "", "short", 17, ["listed-value"]])
def test_what_is_no_value_hides_nothing(value: object) -> None:
    """Short words and other things leave messages as they are."""
    scrubber = Scrubber()
    scrubber.remember(value)
    assert scrubber.scrub("a short text of 17 words") == "a short text of 17 words"


def test_a_scrubber_shows_nothing_of_what_it_knows() -> None:
    """Its repr is no way out."""
    scrubber = Scrubber()
    scrubber.remember("planted-value")
    assert "planted" not in repr(scrubber)
