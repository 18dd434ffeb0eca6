"""What the exporter tells: instants and counts as receipts and run records hold them, and nothing it cannot know."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from operations.exporting.facts import Facts, facts_from
from rotation.bootstrap_note import BootstrapNote
from rotation.receipt import Waiting
from rotation.run_record import RETIRE, ROTATE, VALIDATE, TokenCounts
from rotation.templates.record import TemplateRecord
from rotation.testing.secrecy import reveals
from tests.operations.facts import (
    DAY,
    FIRST,
    NOW,
    PREVIOUS,
    SECOND,
    VALUE,
    a_collector,
    a_receipt,
    a_record,
    a_validation,
    some_facts,
)
from tests.operations.samples import names, samples, value

ADMIN = {"token": "admin", "backend": "authentik", "kind": "authentik"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("token_rotation_created_timestamp_seconds", (NOW - DAY).timestamp()),
        ("token_rotation_expires_timestamp_seconds", (NOW + 300 * DAY).timestamp()),
        ("token_rotation_rotates_timestamp_seconds", (NOW + 260 * DAY).timestamp()),
        ("token_rotation_published_timestamp_seconds", (NOW - DAY).timestamp()),
        ("token_rotation_rotations_total", 4),
        ("token_rotation_renewals_total", 2),
        ("token_rotation_revocation_failures_total", 1),
        ("token_rotation_mint_failures_total", 5),
        ("token_rotation_renewal_failures_total", 6),
        ("token_rotation_publication_failures_total", 7),
        ("token_rotation_validation_failures_total", 8),
        ("token_rotation_auto_rotate", 1),
        ("token_rotation_auto_renew", 1),
        ("token_rotation_valid", 1),
    ],
)
def test_each_fact_of_a_token_has_its_metric(name: str, expected: float) -> None:
    """Instants in unix seconds and counts, under the names that alerts and the dashboard use."""
    assert value(samples(some_facts()), name, **ADMIN) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("token_rotation_run_ended_timestamp_seconds", NOW.timestamp()),
        ("token_rotation_run_last_success_timestamp_seconds", NOW.timestamp()),
        ("token_rotation_run_exit_code", 0),
        ("token_rotation_runs_total", 30),
        ("token_rotation_run_failures_total", 3),
    ],
)
def test_each_fact_of_a_job_has_its_metric(name: str, expected: float) -> None:
    """A job is told by `run_job`, because `job` is Prometheus' own label."""
    told = samples(some_facts())
    assert value(told, name, run_job=ROTATE) == expected
    assert value(told, name, run_job=VALIDATE) == expected


def test_a_job_that_never_succeeded_has_no_instant_of_a_success() -> None:
    """What is not known has no series, and no zero that would look like 1970."""
    told = samples(Facts({}, {ROTATE: a_record(last_success=None, exit_code=1)}))
    assert value(told, "token_rotation_run_exit_code", run_job=ROTATE) == 1
    assert "token_rotation_run_last_success_timestamp_seconds" not in names(told)


def test_orphans_are_told_by_backend() -> None:
    """The count is that of the last `up`."""
    assert value(samples(some_facts()), "token_rotation_orphans", backend="authentik") == 2


def test_each_superseded_generation_has_its_own_deadline() -> None:
    """Two that wait for their end are two series; a retired one is none."""
    waiting = tuple(Waiting(generation=g, deadline=NOW + n * DAY) for n, g in enumerate((FIRST, SECOND)))
    told = samples(some_facts(superseded=waiting, retired=("homelab-3f9a1c2b_admin_20250101t020000z_cccccc",)))
    name = "token_rotation_retires_timestamp_seconds"
    assert {labels: v for (n, labels), v in told.items() if n == name} == {
        frozenset({**ADMIN, "generation": FIRST}.items()): NOW.timestamp(),
        frozenset({**ADMIN, "generation": SECOND}.items()): (NOW + DAY).timestamp(),
    }


def test_each_condition_is_a_series_of_its_own() -> None:
    """A reason code that stands in the receipt is 1, and gone when it is gone."""
    told = samples(some_facts(conditions=("RotationOverdue", "EvidenceMissing")))
    assert value(told, "token_rotation_condition", **ADMIN, condition="RotationOverdue") == 1
    assert value(told, "token_rotation_condition", **ADMIN, condition="EvidenceMissing") == 1
    assert "token_rotation_condition" not in names(samples(some_facts()))


def test_a_verdict_on_another_generation_is_not_told_of_the_current_one() -> None:
    """After a rotation the last validation says nothing until the next one."""
    receipts = {"admin": a_receipt()}
    assert value(samples(Facts(receipts, {VALIDATE: a_validation(works=False)})), "token_rotation_valid", **ADMIN) == 0
    late = samples(Facts(receipts, {VALIDATE: a_validation(works=False, generation=FIRST)}))
    assert "token_rotation_valid" not in names(late)


def test_a_token_without_a_receipt_still_counts_its_failures() -> None:
    """A first mint that fails each day is seen, although no receipt tells a backend."""
    told = samples(Facts({}, {ROTATE: a_record(), VALIDATE: a_validation(works=False, generation="")}))
    unknown = {"token": "admin", "backend": "", "kind": ""}
    assert value(told, "token_rotation_mint_failures_total", **unknown) == 5
    assert value(told, "token_rotation_valid", **unknown) == 0


def test_a_token_that_never_failed_counts_zero() -> None:
    """The first failure is an increase; where no job left a record, nothing is known and nothing is told."""
    told = samples(Facts({"admin": a_receipt()}, {ROTATE: a_record(tokens={})}))
    assert value(told, "token_rotation_mint_failures_total", **ADMIN) == 0
    assert "token_rotation_mint_failures_total" not in names(samples(Facts({"admin": a_receipt()}, {})))


def test_counts_of_several_jobs_are_summed() -> None:
    """A publication that failed in the daily run and one in the hourly one are two."""
    other = a_record(RETIRE, tokens={"admin": TokenCounts(publication_failures=3)})
    told = samples(Facts({"admin": a_receipt()}, {ROTATE: a_record(), RETIRE: other}))
    assert value(told, "token_rotation_publication_failures_total", **ADMIN) == 10


def test_the_names_of_the_vault_design() -> None:
    """Only a token of kind vault has them; a person's pause makes auto_rotate 0."""
    told = samples(some_facts(kind="vault", backend="vault", auto_rotate=False))
    assert value(told, "vault_token_auto_rotate", token="admin") == 0
    assert value(told, "vault_token_renewal_failed_total", token="admin") == 6
    assert not [name for name in names(samples(some_facts())) if name.startswith("vault_")]


def test_the_names_of_the_operator_design() -> None:
    """Only a token of kind operator has them, by the Secret that it is published to."""
    place = "kubernetesSecret:team-a/team-a-operator-token"
    told = samples(some_facts(kind="operator", published=(place, "onePassword:homelab/x")))
    assert value(told, "keycloak_operator_token_rotations_total", namespace="team-a") == 4
    labels = {"namespace": "team-a", "secret_name": "team-a-operator-token"}
    assert value(told, "keycloak_operator_token_expires_timestamp", **labels) == (NOW + 300 * DAY).timestamp()
    assert value(told, "keycloak_operator_operational_tokens_active") == 1
    assert not [name for name in names(samples(some_facts())) if name.startswith("keycloak_")]


def test_no_value_and_no_handle_is_told() -> None:
    """Planted in every field that could hold one, none of them stands in a metric, nor does a fingerprint."""
    handle = "hvs-accessor-of-a-taken-token"
    receipt = a_receipt(
        generation=handle, superseded=(Waiting(generation=handle, deadline=NOW, error=f"refused {PREVIOUS}"),)
    )
    record = a_validation(causes=()).model_copy(update={"undelivered": (f"said {VALUE}",)})
    registry = CollectorRegistry()
    beside: dict[str, Any] = {
        "waiting": {"coder-admin": a_note()},
        "templates": {"workspace": a_template(error=f"said {VALUE}")},
    }
    registry.register(a_collector(lambda: Facts({"admin": receipt}, {VALIDATE: record}, **beside)))
    text = generate_latest(registry).decode()
    assert "token_rotation_retires_timestamp_seconds{" in text
    assert not [planted for planted in (handle, VALUE, PREVIOUS, receipt.fingerprint) if reveals(text, planted)]


def test_an_entry_that_cannot_be_read_is_a_condition() -> None:
    """One that a newer release wrote hides no other token, and is not silently missing."""
    facts = facts_from({"admin": a_receipt().model_dump_json(), "odd": '{"token": 1}'}, {ROTATE: "?"})
    told = samples(facts)
    assert value(told, "token_rotation_rotations_total", **ADMIN) == 4
    unknown = {"backend": "", "kind": "", "condition": "ReceiptUnreadable"}
    assert value(told, "token_rotation_condition", token="odd", **unknown) == 1
    assert value(told, "token_rotation_condition", token=ROTATE, **unknown) == 1


def a_note(**changes: str) -> BootstrapNote:
    """What a run leaves of a token that waits for a person."""
    told = {"token": "coder-admin", "backend": "coder", "kind": "coder", "standing": "no users"}
    return BootstrapNote.model_validate({**told, "instructions": f"paste {VALUE}", "since": NOW, **changes})


def a_template(**changes: Any) -> TemplateRecord:
    """A template that was deployed twice, and the last attempt went well."""
    told = {"template": "workspace", "backend": "coder", "version": "v2", "files": 3, "bytes": 4096}
    counts = {"job_seconds": 38.5, "deployed_at": NOW, "deployments": 2, "failures": 1}
    return TemplateRecord.model_validate({**told, **counts, **changes})


def test_a_token_that_waits_for_its_bootstrap_is_a_condition() -> None:
    """It has no receipt; what a run noted beside the receipts is told with backend and kind, and without the steps."""
    told = samples(facts_from({"bootstrap.coder-admin": a_note().model_dump_json()}, {}))
    labels = {"token": "coder-admin", "backend": "coder", "kind": "coder", "condition": "BootstrapNeeded"}
    assert value(told, "token_rotation_condition", **labels) == 1
    assert len(told) == 1


def test_a_note_that_outlived_the_first_receipt_is_not_told() -> None:
    """The receipt says itself what stands; a note that could not be taken away would call a good token waiting."""
    receipt = a_receipt(token="coder-admin", backend="coder", kind="coder")
    notes = {"bootstrap.coder-admin": a_note().model_dump_json()}
    told = samples(facts_from({"coder-admin": receipt.model_dump_json(), **notes}, {}))
    assert "token_rotation_condition" not in names(told)


def test_a_template_has_its_metrics() -> None:
    """Counts, sizes and the instant of the last deployment, by the template's name."""
    told = samples(facts_from({"template.workspace": a_template().model_dump_json()}, {}))
    found = {name.removeprefix("token_rotation_template_"): number for (name, _), number in told.items()}
    assert found == {
        "deployments_total": 2,
        "failures_total": 1,
        "job_seconds": 38.5,
        "files": 3,
        "bytes": 4096,
        "failed": 0,
        "deployed_timestamp_seconds": NOW.timestamp(),
    }
    assert {labels for _, labels in told} == {frozenset({("template", "workspace")})}


def test_a_template_that_never_was_deployed_has_no_instant() -> None:
    """It has failed, and says so while its last attempt did; the error itself is for the log."""
    failed = a_template(deployed_at=None, deployments=0, error=f"terraform says {VALUE}", failed_at=NOW)
    told = samples(facts_from({"template.workspace": failed.model_dump_json()}, {}))
    assert value(told, "token_rotation_template_failed", template="workspace") == 1
    assert "token_rotation_template_deployed_timestamp_seconds" not in names(told)


def test_what_stands_beside_the_receipts_and_cannot_be_read_is_a_condition() -> None:
    """A note or a template of a newer release hides nothing, and is named by its key."""
    told = samples(facts_from({"bootstrap.coder-admin": "{", "template.workspace": '{"files": "x"}'}, {}))
    unknown = {"backend": "", "kind": "", "condition": "ReceiptUnreadable"}
    for key in ("bootstrap.coder-admin", "template.workspace"):
        assert value(told, "token_rotation_condition", token=key, **unknown) == 1
    assert len(told) == 2


def test_what_is_no_receipt_among_the_receipts_is_passed_over() -> None:
    """The rotation's notes to itself stand in the same ConfigMap and are no tokens."""
    assert facts_from({"lease.admin": "[]", "orphans.authentik": "2"}, {}) == Facts()


def test_orphans_are_those_of_the_last_sweep() -> None:
    """The hourly retirement sweeps too; a run that another kept out did not."""
    later = {"ended": NOW + DAY, "orphans": {"authentik": 7}}
    told = samples(Facts({}, {ROTATE: a_record(), RETIRE: a_record(RETIRE, **later)}))
    assert value(told, "token_rotation_orphans", backend="authentik") == 7
    kept_out = samples(Facts({}, {ROTATE: a_record(), RETIRE: a_record(RETIRE, exit_code=4, **later)}))
    assert value(kept_out, "token_rotation_orphans", backend="authentik") == 2
