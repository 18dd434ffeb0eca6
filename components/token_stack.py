"""All tokens of a stack, with a guard and a sweep for each backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.authentik_token import AuthentikToken
from components.coder_token import CoderToken
from components.external_secrets import secret_store
from components.one_password import KnownItem
from components.operator_judging import is_operational
from components.operator_token import OperatorToken
from components.publications.places import EntryPlace, Place
from components.publications.providers import Providers, cluster_provider, one_password_provider, vault_provider
from components.rotating_token import RotatingToken
from components.settings import Settings
from components.vault_token import VaultToken
from dynamic_providers.guard import Guard
from dynamic_providers.sweep import Sweep
from rotation.durations import format_duration
from rotation.model import owner_mark
from rotation.operator_tokens.published import OPERATOR_LABEL, OwnerObject
from rotation.operator_tokens.record import RecordPlace

TOKEN_KINDS: dict[str, type[RotatingToken]] = {
    "authentik": AuthentikToken,
    "coder": CoderToken,
    "operator": OperatorToken,
    "vault": VaultToken,
}
"""Kinds with a type of their own in the state; a new backend works without one."""


class TokenStack:
    """Declares everything; `tokens` and `orphans` are its outputs.

    connect: the url of 1Password Connect; without it the plugin takes OP_CONNECT_HOST
    items:   what the look-up before the run found at the places of 1Password, by the place's text
    after:   what must be there before anything is minted
    """

    def __init__(
        self,
        settings: Settings,
        project: str,
        stack: str,
        *,
        connect: str | None = None,
        items: Mapping[str, KnownItem] | None = None,
        after: Sequence[pulumi.Resource] = (),
    ) -> None:
        self._settings = settings
        self._after = list(after)
        self._marks = {name: _mark(settings, name, project, stack) for name in self._backends()}
        self.providers = _providers(settings, connect, items or {})
        self._guards = {name: self._guard(name) for name in self._backends()}
        self._rotating = {name: self._token(name) for name in settings.tokens}
        self._sweeps = {name: self._sweep(name) for name in self._backends() if settings.kind(name).capabilities.lists}
        self.tokens: dict[str, Any] = {name: rotating.summary for name, rotating in self._rotating.items()}
        self.orphans: dict[str, Any] = {name: sweep.entries for name, sweep in self._sweeps.items()}

    @property
    def rotating(self) -> Mapping[str, RotatingToken]:
        """The lines by their token's name."""
        return self._rotating

    def _backends(self) -> list[str]:
        """Every backend that a token uses, in the order of the config."""
        used = {token.backend for token in self._settings.tokens.values()}
        return [name for name in self._settings.backends if name in used]

    def _guard(self, backend: str) -> Guard:
        """Protected while any token of its backend is: its deletion ends them all."""
        mine = {name for name, token in self._settings.tokens.items() if token.backend == backend}
        protect = not mine <= set(self._settings.decommission)
        opts = pulumi.ResourceOptions(protect=protect, depends_on=self._after)
        props: dict[str, Any] = {"backend": backend, "owner": self._marks[backend]}
        if records := self._records(backend):
            props["records"] = records.model_dump(mode="json")
        return Guard(f"{backend}-guard", props, opts)

    def _token(self, name: str) -> RotatingToken:
        settings = self._settings.tokens[name]
        kind = TOKEN_KINDS.get(self._settings.kind_name(settings.backend), RotatingToken)
        return kind(
            name,
            settings,
            self._settings.policy(name),
            owner=self._marks[settings.backend],
            guard=self._guards[settings.backend],
            providers=self.providers,
            capabilities=self._settings.kind(settings.backend).capabilities,
            interval=self._settings.run_interval,
            decommissioned=name in self._settings.decommission,
            owning=self._owner(name),
            marks=self._marks_of_operator(settings.backend),
        )

    def _owner(self, token: str) -> OwnerObject | None:
        """What owns a team's operational Secret; an admission token is the platform's, and owned by nothing."""
        settings, operator = self._settings.tokens[token], self._settings.operator
        return (
            operator.owner
            if operator and settings.backend == operator.backend and is_operational(settings.spec)
            else None
        )

    def _marks_of_operator(self, backend: str) -> dict[str, str]:
        """Which operator a team's Secrets are for, as a label: there may be several in a cluster."""
        records = self._records(backend)
        return {OPERATOR_LABEL: records.mark} if records else {}

    def _records(self, backend: str) -> RecordPlace | None:
        """Where an operator's records stand; None for every other backend."""
        by_cluster = self._settings.kind(backend).by_cluster
        return self._settings.backends[backend].records_place if by_cluster else None

    def _sweep(self, backend: str) -> Sweep:
        mine = {name: self._rotating[name] for name, token in self._settings.tokens.items() if token.backend == backend}
        props = {
            "backend": backend,
            "owner": self._marks[backend],
            "known": pulumi.Output.all(**{name: _generations(rotating) for name, rotating in mine.items()}),
            "overlaps": {known: self._overlap(name) for name in mine for known in self._names(name)},
        }
        retirements = [rotating.retirement for rotating in mine.values()]
        return Sweep(f"{backend}-sweep", props, pulumi.ResourceOptions(depends_on=retirements))

    def _names(self, token: str) -> tuple[str, ...]:
        """What its generations may be named after: an orphan from before it was renamed is its orphan, too."""
        return (token, *self._settings.tokens[token].was)

    def _overlap(self, token: str) -> str:
        return format_duration(self._settings.policy(token).overlap)


def _mark(settings: Settings, backend: str, project: str, stack: str) -> str:
    """Entries with a name of their own may share a server: each has its mark, and neither sweeps the other's tokens."""
    return owner_mark(project, stack, "" if backend == settings.kind_name(backend) else backend)


def _generations(rotating: RotatingToken) -> pulumi.Output[list[str]]:
    """The current generation first, then every one that its pair still names; none of a pair that failed.

    With `--continue-on-error` the program goes on after a failure, and what failed has outputs of None.
    """
    told = pulumi.Output.all(rotating.pair.generation, rotating.pair.superseded)
    return told.apply(lambda known: [] if known[1] is None else [known[0], *(item["generation"] for item in known[1])])


def _providers(settings: Settings, connect: str | None, items: Mapping[str, KnownItem]) -> Providers:
    """Only what the tokens need; with the stores, which are made before anything is synced through them."""
    places: list[Place] = [item.place for token in settings.tokens.values() for item in token.publish]
    cluster = cluster_provider(settings.cluster)
    servers = sorted({place.backend for place in places if isinstance(place, EntryPlace)})
    opts = pulumi.ResourceOptions(provider=cluster)
    return Providers(
        cluster,
        vaults={name: vault_provider(name, settings.backends[name]) for name in servers},
        one_password=one_password_provider(connect) if items else None,
        items=items,
        stores={
            f"{store.kind}/{name}": secret_store(name, store, opts)
            for name, store in settings.external_secrets.stores.items()
        },
    )
