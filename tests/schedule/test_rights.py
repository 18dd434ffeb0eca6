"""Verbs x resources x places for each account of the schedule, against the real API server, both ways.

The table is written by hand. Whoever asks is a token that the API server gave out for the ServiceAccount; every verb is
asked about (SelfSubjectAccessReview) and really tried (as a dry run, which is authorised like any other call).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from components.schedule.settings import Job
from sandbox.servers.kubernetes import KubernetesServer
from sandbox.servers.kubernetes_objects import service_account_token
from tests.schedule import rights_page
from tests.schedule.plain_api import DRY, PlainApi, account, administrator, bare, path, path_of
from tests.schedule.sample import RECEIPTS, Sample, namespace

HOME, AUTHENTIK, VAULT = "home", "authentik", "vault"
VERBS = ("get", "list", "watch", "post", "make", "patch", "update", "delete", "deletecollection")
"""Two ways to `create`: `post` names nothing in its path; `make` is a server-side apply of what is not there."""

KEEP, CHANGE, READ = {"get", "make", "patch"}, {"get", "patch"}, {"get"}
DECLARED = {
    ("cronjobs", HOME, "token-rotation"): READ,
    ("cronjobs", HOME, "token-rotation-retirement"): READ,
    ("deployments", HOME, "token-rotation-exporter"): READ,
    ("services", HOME, "token-rotation-exporter"): READ,
    ("serviceaccounts", HOME, "token-rotation"): READ,
    ("networkpolicies", HOME, "token-rotation-default-deny"): READ,
    ("roles", HOME, "token-rotation"): READ,
    ("roles", AUTHENTIK, f"token-rotation.{HOME}"): READ,
    ("rolebindings", HOME, "token-rotation"): READ,
}
LOCKED_RUNS = {
    ("leases", HOME, "token-rotation"): {"get", "update"},
    ("events", HOME, "some"): {"post"},
    ("deployments", VAULT, "web"): READ,
}
TABLE = {
    Job.RUN: {
        **DECLARED,
        **LOCKED_RUNS,
        ("secrets", AUTHENTIK, "authentik-admin"): KEEP,
        ("secrets", VAULT, "vault-admin"): KEEP,
        ("secrets", AUTHENTIK, "authentik-token-rotation-config"): KEEP,
        ("configmaps", HOME, RECEIPTS): KEEP,
        ("configmaps", HOME, f"{RECEIPTS}-validation"): KEEP,
        ("configmaps", HOME, f"{RECEIPTS}-runs"): CHANGE,
    },
    Job.RETIREMENT: {
        **LOCKED_RUNS,
        ("secrets", AUTHENTIK, "authentik-admin"): READ,
        ("secrets", VAULT, "vault-admin"): READ,
        ("secrets", AUTHENTIK, "authentik-token-rotation-config"): READ,
        ("configmaps", HOME, RECEIPTS): CHANGE,
        ("configmaps", HOME, f"{RECEIPTS}-runs"): CHANGE,
    },
    Job.VALIDATION: {
        ("events", HOME, "some"): {"post"},
        ("secrets", AUTHENTIK, "authentik-admin"): READ,
        ("secrets", VAULT, "vault-admin"): READ,
        ("secrets", AUTHENTIK, "authentik-token-rotation-config"): READ,
        ("configmaps", HOME, RECEIPTS): READ,
        ("configmaps", HOME, f"{RECEIPTS}-validation"): READ,
        ("configmaps", HOME, f"{RECEIPTS}-runs"): CHANGE,
    },
    Job.EXPORTER: {
        ("configmaps", HOME, RECEIPTS): READ,
        ("configmaps", HOME, f"{RECEIPTS}-runs"): READ,
    },
}
"""What each account may do; everything else is refused."""

OTHERS = {
    *((kind, place, "other") for kind in ("secrets", "configmaps", "leases") for place in (HOME, AUTHENTIK, VAULT)),
    ("secrets", HOME, "authentik-admin"),
    ("secrets", HOME, "token-rotation-credentials"),
    ("secrets", HOME, "token-rotation-passphrase"),
    ("configmaps", AUTHENTIK, RECEIPTS),
    ("events", AUTHENTIK, "some"),
    ("pods", HOME, "some"),
    ("jobs", HOME, "some"),
    ("deployments", VAULT, "other"),
    ("serviceaccounts/token", HOME, "token-rotation"),
    ("namespaces", "", HOME),
    ("clusterroles", "", "cluster-admin"),
}
"""What nobody may touch, beside the objects of other accounts."""

OBJECTS = sorted({place for rows in TABLE.values() for place in rows} | OTHERS)


@dataclass(frozen=True)
class Accounts:
    """The schedule of a sample, applied, and a token of each account."""

    server: KubernetesServer
    sample: Sample
    tokens: dict[Job, str] = field(repr=False)
    present: frozenset[tuple[str, str, str]]

    def there(self, place: tuple[str, str, str]) -> tuple[str, str, str]:
        """A row of the table with the names of this sample's namespaces."""
        kind, where, name = place
        if kind == "namespaces":
            return (kind, "", f"{self.sample.mark}-{name}")
        named = name.replace(f".{HOME}", f".{self.sample.mark}-{HOME}")
        return (kind, f"{self.sample.mark}-{where}" if where else "", named)


@pytest.fixture(scope="module")
def accounts(kubernetes_server: KubernetesServer) -> Accounts:
    sample = Sample({"exporter": {"serviceMonitor": False}})  # this API server has no operators' CRDs
    with administrator(kubernetes_server) as admin:
        admin.applied(*map(namespace, sample.namespaces), *sample.manifests())
        made = Accounts(kubernetes_server, sample, {}, frozenset())
        present = frozenset(place for place in OBJECTS if admin.send("GET", path(*made.there(place))).is_success)
    with kubernetes_server.admin_client() as api:
        tokens = {job: service_account_token(api, sample.home, job.value) for job in Job}
    return replace(made, tokens=tokens, present=present)


@pytest.mark.parametrize("job", list(Job))
def test_what_the_api_server_says_is_the_table(accounts: Accounts, job: Job) -> None:
    """Asked about itself, an account may do what its table says and nothing else."""
    with account(accounts.server, accounts.tokens[job]) as caller:
        told = {(*place, verb): _is_told(caller, accounts, place, verb) for place in OBJECTS for verb in VERBS}
    assert {cell for cell, allowed in told.items() if allowed} == _expected(job)


@pytest.mark.parametrize("job", list(Job))
def test_what_can_be_done_is_the_table(accounts: Accounts, job: Job) -> None:
    """Really tried, everything in the table is let through and everything else is answered with 403."""
    with account(accounts.server, accounts.tokens[job]) as caller:
        tried = {(*place, verb): _is_let_through(caller, accounts, place, verb) for place in OBJECTS for verb in VERBS}
    assert {cell for cell, done in tried.items() if done} == _expected(job)


def test_only_the_run_can_make_anything_but_events(accounts: Accounts) -> None:
    """`create` stands in one account's Roles alone, and there only with the names of what may be made."""
    made = [
        (manifest["metadata"]["name"], rule["resources"], rule.get("resourceNames"))
        for manifest in accounts.sample.manifests()
        if manifest["kind"] in {"Role", "ClusterRole"}
        for rule in manifest["rules"]
        if "create" in rule["verbs"] and rule["resources"] != ["events"]
    ]
    assert {name.partition(".")[0] for name, _, _ in made} == {Job.RUN.value}
    assert all(names for _, _, names in made)


def test_no_account_can_give_itself_rights(accounts: Accounts) -> None:
    """Nothing of RBAC, of workloads and of accounts can be changed by any account, and no verb is a wildcard."""
    dangerous = {"roles", "rolebindings", "clusterroles", "clusterrolebindings", "cronjobs", "deployments", "jobs"}
    dangerous |= {"pods", "serviceaccounts", "serviceaccounts/token"}
    for job, rights in accounts.sample.rights().items():
        changes = [right for right in rights if right.resource in dangerous and set(right.verbs) != {"get"}]
        assert changes == [], job
        assert not [right for right in rights if "*" in (*right.verbs, right.resource, right.group)], job


def test_a_run_reads_whatever_the_schedule_declares(accounts: Accounts) -> None:
    """`up --refresh` reads every object that the stack declared; none of them may be missing from its Roles."""
    with account(accounts.server, accounts.tokens[Job.RUN]) as caller:
        for manifest in accounts.sample.manifests():
            answer = caller.send("GET", path_of(manifest))
            assert answer.status_code == 200, answer.text


def _expected(job: Job) -> set[tuple[str, str, str, str]]:
    return {(*place, verb) for place, verbs in TABLE[job].items() for verb in verbs}


def _is_told(caller: PlainApi, accounts: Accounts, place: tuple[str, str, str], verb: str) -> bool:
    resource, where, name = accounts.there(place)
    verbs = {"post": ["create"], "make": ["create", "patch"]}.get(verb, [verb])
    named = "" if verb in {"post", "list", "watch", "deletecollection"} else name
    return all(caller.allows(asked, resource, where, named) for asked in verbs)


def _is_let_through(caller: PlainApi, accounts: Accounts, place: tuple[str, str, str], verb: str) -> bool:
    resource, where, name = accounts.there(place)
    collection, one = path(resource, where), path(resource, where, name)
    method, target, query = {
        "get": ("GET", one, {}),
        "list": ("GET", collection, {"limit": "1"}),
        "watch": ("GET", collection, {"watch": "true", "timeoutSeconds": "0"}),
        "post": ("POST", collection, DRY),
        "make": ("APPLY", one, DRY),
        "patch": ("PATCH", one, DRY),
        "update": ("PUT", one, DRY),
        "delete": ("DELETE", one, DRY),
        "deletecollection": ("DELETE", collection, DRY),
    }[verb]
    if verb == "make" and place in accounts.present:
        return _is_told(caller, accounts, place, verb)  # what is there cannot be made; it would be a mere change
    body = bare(resource, name) if method in {"POST", "APPLY", "PATCH", "PUT"} else None
    answer = caller.send(method, target, body, query)
    return answer.status_code != 403


def test_the_page_shows_these_rights() -> None:
    """docs/rights.md has the tables that the settings give."""
    text = rights_page.PAGE.read_text()
    assert text == rights_page.written(text), "write it anew: python -m tests.schedule.rights_page"
