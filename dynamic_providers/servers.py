"""The servers that the stack's config names: how each is reached, with which credential, and how it is begun with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dynamic_providers.credentials import Account, BackendSettings, Credential, how_to_put, resolve, resolve_if_there
from dynamic_providers.entrance import Entrance
from dynamic_providers.kubernetes_cluster import KubernetesCluster
from dynamic_providers.no_credential import NoCredential
from dynamic_providers.scrubber import Scrubber
from rotation.backends.http_transport import http_transport
from rotation.backends.protocol import Backend
from rotation.backends.registry import KINDS, Kind
from rotation.backends.transport import Transport
from rotation.bootstrap import Bootstrap, Login
from rotation.clock import Clock
from rotation.errors import ClusterError, InvalidSettings

Warn = Callable[[str, str], None]
"""Takes a backend's name and what people are warned of."""


@dataclass
class Servers:
    """All backends of a run. `from_config` reads a key of the stack's config."""

    backends: Mapping[str, BackendSettings]
    from_config: Callable[[str], object] = field(repr=False)
    cluster: KubernetesCluster = field(repr=False)
    scrubber: Scrubber = field(repr=False)
    warn: Warn = field(repr=False)
    clock: Clock = field(repr=False)
    _reached: dict[str, Transport] = field(default_factory=dict, repr=False)
    _entrances: dict[str, Entrance | None] = field(default_factory=dict, repr=False)

    def connect(self, name: str) -> Backend:
        """The adapter with the credential that the config names; see NoCredential. Raises InvalidSettings."""
        try:
            credential = self._credential(name)
        except ClusterError as error:
            return NoCredential(name, self._kind(name).capabilities, error)
        return self._connect_with(name, credential)

    def reach(self, name: str) -> Transport:
        """The way to a server, without a credential of ours; that of the cluster authenticates by itself."""
        if name not in self._reached:
            self._reached[name] = self.cluster.transport() if self._kind(name).by_cluster else self._by_url(name)
        return self._reached[name]

    def _by_url(self, name: str) -> Transport:
        settings = self._settings(name)
        return http_transport(settings.url, Path(settings.ca_certificate) if settings.ca_certificate else None)

    def entrance(self, name: str) -> Entrance | None:
        """How it is begun with; None for a kind that needs a credential from the first."""
        if name not in self._entrances:
            bootstrap = self._kind(name).bootstrap
            self._entrances[name] = None if bootstrap is None else self._entrance(name, bootstrap)
        return self._entrances[name]

    def _entrance(self, name: str, bootstrap: Bootstrap) -> Entrance:
        settings = self._settings(name)
        account, source = settings.bootstrap, settings.credential
        assert source is not None, "settings refuse an entry without one"
        user, put = account.username if account else "", _step(name, settings, source, self._kind_name(name))
        place = source.kubernetes_secret
        return Entrance(
            lambda: bootstrap.standing(name, self.reach(name), self._credential(name), self.clock),
            lambda standing: bootstrap.instructions(standing, url=settings.url, user=user, put=put),
            (lambda: self._enter(name, bootstrap, account)) if account and account.password else None,
            place.secret if place else "",
        )

    def _enter(self, name: str, bootstrap: Bootstrap, account: Account) -> Backend:
        assert account.password is not None, "only then there is an automatic path"
        password = resolve(account.password, name, self.from_config, self.cluster)
        self.scrubber.remember(password)
        login = Login(account.username, account.email, password)
        session = bootstrap.enter(name, self.reach(name), login, self.clock)
        self.scrubber.remember(session)
        return self._connect_with(name, session)

    def _connect_with(self, name: str, credential: str) -> Backend:
        own = {"records": self._settings(name).records_place} if self._kind(name).by_cluster else {}
        reach = self.reach(name)
        return self._kind(name).connect(name, reach, credential, self.clock, lambda text: self.warn(name, text), **own)

    def _credential(self, name: str) -> str:
        """Nothing where there is none yet, and the kind can be begun with."""
        source = self._settings(name).credential
        if source is None:
            return ""
        if self._kind(name).bootstrap is not None:
            value = resolve_if_there(source, self.from_config, self.cluster)
        else:
            value = resolve(source, name, self.from_config, self.cluster)
        self.scrubber.remember(value)
        return value

    def _settings(self, name: str) -> BackendSettings:
        if name not in self.backends:
            remedy = "Name it under `token-rotation:backends` in the stack's config."
            raise InvalidSettings("connect", "the backend is not in the stack's config", remedy, backend=name)
        return self.backends[name]

    def _kind_name(self, name: str) -> str:
        return self._settings(name).kind or name

    def _kind(self, name: str) -> Kind:
        return KINDS[self._kind_name(name)]


def _step(name: str, settings: BackendSettings, source: Credential, kind: str) -> str:
    """The last step of a person: how the value gets to where the stack reads it."""
    place = source.kubernetes_secret
    if place is None:
        return how_to_put(source)
    key = "" if place.key == "token" else f" --key {place.key}"
    trusts = f" --ca-certificate {settings.ca_certificate}" if settings.ca_certificate else ""
    command = f"tokens accept {place.secret} --kind {kind} --url {settings.url}{key}{trusts}"
    return f"{command}   (it asks for the value of {name}'s token, and reads it from standard input)"
