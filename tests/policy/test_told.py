"""What is told: reason lines, receipts, errors. Written once, read by programs and people, never with a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rotation import errors
from rotation.errors import BackendError, GrantedTooShort, RateLimited, RotationError, Unavailable
from rotation.reasons import Action, Decision, Reason, read_reason_line, reason_line
from rotation.receipt import Receipt, Waiting
from rotation.testing.builders import DAY, START

ONE_LINE = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1).map(str.strip)


@given(st.sampled_from(Action), st.sampled_from(Reason), ONE_LINE)
def test_a_reason_line_is_read_back(action: Action, reason: Reason, message: str) -> None:
    """What a dry run prints of a decision, amid other text, is found again: token, action, reason, message."""
    decision = Decision(action, reason, message)
    line = f"  pulumi:pulumi:Stack: {reason_line('authentik-admin', decision)}  "
    assert read_reason_line(line) == ("authentik-admin", decision)


def test_the_form_of_a_reason_line() -> None:
    """The line is a public format."""
    decision = Decision(Action.ROTATE, Reason.NEARING_EXPIRY, "it ends soon", START)
    assert reason_line("admin", decision) == "token-rotation: admin: rotate (NearingExpiry): it ends soon"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "token-rotation:tokens",
        "token-rotation: admin: dance (NearingExpiry): x",
        "token-rotation: admin: rotate (Boredom): x",
        "token-rotation: admin: rotate NearingExpiry: x",
        "rotation: admin: rotate (NearingExpiry): x",
    ],
)
def test_other_lines_are_no_reason_lines(line: str) -> None:
    """Unknown codes and other forms are not read as a reason."""
    assert read_reason_line(line) is None


def a_receipt() -> Receipt:
    """A receipt with every field set."""
    waiting = Waiting(
        generation="g0", deadline=START, error="refused", attempts=2, published_at=START - DAY, expedited=True
    )
    return Receipt(
        token="admin",
        backend="authentik",
        generation="g1",
        reason="MaximumAge",
        fingerprint="0123456789abcdef",
        created=START,
        expires=START + DAY,
        rotates=START,
        published_at=START,
        published=("authentik/admin",),
        superseded=(waiting,),
        retired=("g-1",),
        conditions=("EvidenceMissing",),
        run="r1",
    )


def test_a_receipt_is_read_back() -> None:
    """What is written as JSON is read back the same, with instants in RFC 3339."""
    written = a_receipt().model_dump_json()
    assert Receipt.model_validate_json(written) == a_receipt()
    assert '"deadline":"2026-01-01T12:00:00Z"' in written


def test_a_receipt_has_no_place_for_a_value() -> None:
    """The fields are these: none could hold a value, a handle or an accessor; what else is offered is left out."""
    assert set(Receipt.model_fields) == {
        *("token", "backend", "generation", "reason", "fingerprint", "created", "expires", "rotates"),
        *("published_at", "published", "superseded", "retired", "conditions", "instructions", "run", "kind"),
        *("rotations", "renewals", "revocation_failures", "auto_rotate", "auto_renew"),
    }
    assert set(Waiting.model_fields) == {
        *("generation", "deadline", "error", "attempts", "published_at", "expedited"),
    }
    offered = {**a_receipt().model_dump(), "value": "planted", "handle": "planted"}
    offered["superseded"] = [{**offered["superseded"][0], "handle": "planted"}]
    assert "planted" not in Receipt.model_validate(offered).model_dump_json()


def test_a_receipt_with_a_naive_instant_is_refused() -> None:
    """An instant without a zone is no instant."""
    with pytest.raises(ValidationError, match="without a time zone"):
        Waiting(generation="g", deadline="2026-01-01T00:00:00")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ({}, "Unavailable: mint: no answer. Try again."),
        ({"token": "admin"}, "Unavailable: mint admin: no answer. Try again."),
        ({"backend": "authentik"}, "Unavailable: mint authentik: no answer. Try again."),
        ({"token": "admin", "backend": "authentik"}, "Unavailable: mint admin at authentik: no answer. Try again."),
    ],
)
def test_an_error_says_act_token_backend_cause_and_remedy(names: dict[str, str], text: str) -> None:
    """One form of message; `about` adds the names that the place of the failure did not know."""
    assert str(Unavailable("mint", "no answer", "Try again.", **names)) == text
    late = Unavailable("mint", "no answer", "Try again.")
    assert late.about(**names) is late
    assert str(late) == text


def test_the_first_name_stands() -> None:
    """`about` does not overwrite what the place of the failure knew; without a remedy the cause ends the message."""
    error = Unavailable("mint", "no answer", token="one", backend="here").about("two", "there")
    assert str(error) == "Unavailable: mint one at here: no answer."


def test_the_tree_of_errors() -> None:
    """All are RotationErrors, and a backend's are BackendErrors; only a rate limit knows when to come back."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RotationError)]
    backends = {kind.__name__ for kind in kinds if issubclass(kind, BackendError)}
    assert backends == {
        *("BackendError", "Unauthorised", "NotFound", "Conflict", "Refused", "GrantedTooShort"),
        *("ProbeFailed", "ClockSkew", "RateLimited", "Unavailable"),
    }
    assert {kind.__name__ for kind in kinds} - backends == {
        *("RotationError", "InvalidSettings", "StateIsOlder", "StateIsNewer", "ClusterError", "ClusterAway"),
        *("WaitingForDependency", "BootstrapNeeded", "UnfitTemplate"),
    }
    assert issubclass(GrantedTooShort, errors.Refused)
    assert RateLimited("a", "b").retry_after is None
