"""What a run told, read out of the lines that the real CLI prints: whose failure, of which kind, and what changed."""

from __future__ import annotations

import pytest

from operations.told import Told, added
from rotation.reasons import Action, Decision, Reason, reason_line
from rotation.run_record import TokenCounts

OURS = "pulumi-python:dynamic/token-rotation"
ERROR = "error: Exception calling application: Unavailable: mint admin at authentik: HTTP 500. See the server's log."


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f" +  {OURS}:Token admin-token **creating failed** {ERROR}", TokenCounts(mint_failures=1)),
        (
            f" ++ {OURS}:Token admin-token **creating replacement failed** [diff: ~a]; {ERROR}",
            TokenCounts(mint_failures=1),
        ),
        (
            f" ~  {OURS}:Token admin-token **updating failed** [diff: ~renewal]; {ERROR}",
            TokenCounts(renewal_failures=1),
        ),
        (f" ~  {OURS}:TokenPair admin-pair **updating failed** [diff: ~a]; {ERROR}", TokenCounts(mint_failures=1)),
        (
            " ~  kubernetes:core/v1:Secret admin-secret-apps/admin **updating failed** [diff: ~a]; error: no answer",
            TokenCounts(publication_failures=1),
        ),
        (
            " +  onepassword:index/item:Item admin-item-Homelab **creating failed (2s)** 1 error",
            TokenCounts(publication_failures=1),
        ),
        (f"    {OURS}:Token admin-token **failed** 1 error", None),
        (f" ~  {OURS}:Retirement admin-retirement **updating failed** {ERROR}", None),
        (" +  pulumi:pulumi:Stack token-rotation-homelab **creating failed (4s)** 1 error", None),
        (" +  pulumi:providers:kubernetes cluster **creating failed** error: x", None),
        ("    error: update failed", None),
    ],
)
def test_a_failure_is_counted_where_it_belongs(line: str, expected: TokenCounts | None) -> None:
    """A mint, a renewal or a publication, by token; what tells of none of them is not counted."""
    assert Told([line]).counts(["admin"]) == ({"admin": expected} if expected else {})


def test_a_publication_belongs_to_the_token_with_the_longest_name() -> None:
    """`admin-secret` is a token as well, and its Secret's resource begins with the name of `admin`, too."""
    line = " ~  kubernetes:core/v1:Secret admin-secret-secret-apps/x **updating failed** error: x"
    assert set(Told([line]).counts(["admin", "admin-secret"])) == {"admin-secret"}
    assert set(Told([line]).counts(["admin"])) == {"admin"}


def test_a_publication_of_a_token_without_a_receipt_is_counted() -> None:
    """The first generation has no receipt before it is published; its resource's name tells whose it is."""
    line = " +  kubernetes:core/v1:Secret web-admin-secret-apps/x **creating failed** error: x"
    assert set(Told([line]).counts()) == {"web-admin"}


def test_counts_add_up_by_token() -> None:
    """What the run found goes on top of what stood in the record, also for tokens that only one of them names."""
    before = {"a": TokenCounts(mint_failures=2, validation_failures=1), "b": TokenCounts(renewal_failures=1)}
    assert added(before, {"a": TokenCounts(mint_failures=1), "c": TokenCounts(publication_failures=1)}) == {
        "a": TokenCounts(mint_failures=3, validation_failures=1),
        "b": TokenCounts(renewal_failures=1),
        "c": TokenCounts(publication_failures=1),
    }


def test_what_the_cli_repeats_is_told_once() -> None:
    """Decisions and errors stand in the progress and again in the diagnostics."""
    line = reason_line("admin", Decision(Action.ROTATE, Reason.MAXIMUM_AGE, "it is old"))
    told = Told([f"  Stack x creating {line}", f"    {line}", f"  Token admin {ERROR}", f"    {ERROR}"])
    assert [token for token, _ in told.acts] == ["admin"]
    assert told.errors == ["Unavailable: mint admin at authentik: HTTP 500. See the server's log."]


def test_orphans_are_counted_by_backend() -> None:
    """Each that was found is one line of its backend."""
    lines = [
        reason_line(backend, Decision(Action.RETIRE, Reason.ORPHAN_FOUND, f"{name} is alive and known to no ledger"))
        for backend, name in [("authentik", "x"), ("authentik", "y"), ("authentik", "y"), ("coder", "z")]
    ]
    assert Told(lines).orphans() == {"authentik": 2, "coder": 1}


def test_only_errors_of_our_own_form_are_quoted() -> None:
    """What an API or another plugin says stays in the log: it may hold what must not leave with a notification."""
    told = Told([" ~  kubernetes:core/v1:Secret admin-secret-x/y **updating failed** error: invalid value s3cr3t"])
    assert told.errors == []
    assert told.failed == ["kubernetes:core/v1:Secret admin-secret-x/y"]
