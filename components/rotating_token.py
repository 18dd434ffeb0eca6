"""One token as one line in Pulumi's graph: mint, pair, publish, retire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pulumi

from components.outlook import outlook
from components.publications.contents import published
from components.publications.providers import Providers
from components.publications.publish import publish
from components.settings import TokenSettings
from dynamic_providers.guard import Guard
from dynamic_providers.retirement import Retirement
from dynamic_providers.token import Token
from dynamic_providers.token_pair import ACTS, TokenPair
from rotation.backends.protocol import Capabilities
from rotation.durations import format_duration
from rotation.model import Policy
from rotation.reasons import Reason


class RotatingToken(pulumi.ComponentResource):
    """A token that stays fresh. The engine itself keeps the order: nothing is retired before all is published."""

    TYPE = "token-rotation:index:RotatingToken"
    """The type in stored states; each kind of token has its own."""
    TELLS_ACCESSOR = False
    """Whether a published Secret tells the handle, with the other annotations of seed 001."""

    def __init__(
        self,
        name: str,
        settings: TokenSettings,
        policy: Policy,
        *,
        owner: str,
        guard: Guard,
        providers: Providers,
        capabilities: Capabilities,
        interval: timedelta,
        decommissioned: bool,
    ) -> None:
        aliases = [pulumi.Alias(name=former) for former in settings.was]
        super().__init__(self.TYPE, name, None, pulumi.ResourceOptions(aliases=aliases))
        self._name = name
        self._kept = pulumi.ResourceOptions(parent=self, protect=not decommissioned)
        common: dict[str, Any] = {
            "token": name,
            "owner": owner,
            "backend": settings.backend,
            "policy": policy.model_dump(mode="json"),
            "was": list(settings.was),
        }
        self._places = [str(item.kubernetes_secret) for item in settings.publish if item.kubernetes_secret]
        self.token = self._mint(common, settings, guard, interval)
        self.pair = self._pair(common)
        self.publications = self._publish(settings, policy, providers)
        self.retirement = self._retire(common, settings)
        self.summary = self._summary(policy, capabilities, interval)
        self.register_outputs({})

    def _mint(self, common: dict[str, Any], settings: TokenSettings, guard: Guard, interval: timedelta) -> Token:
        given = {
            "spec": settings.spec,
            "force": settings.force,
            "emergency": settings.emergency,
            "rollback": settings.rollback,
            "paused": settings.paused,
            "probe": settings.probe,
            "places": self._places,
            "adopt": [str(item.kubernetes_secret) for item in settings.publish if item.adopt],
            "dependencies": settings.dependencies.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            "interval": format_duration(interval),
            "take_over": [str(item.kubernetes_secret) for item in settings.publish if item.take_over],
        }
        opts = pulumi.ResourceOptions(parent=self, depends_on=[guard])
        return Token(f"{self._name}-token", {**common, **given}, opts)

    def _pair(self, common: dict[str, Any]) -> TokenPair:
        taken = ("generation", "reason", "value", "handle", "created", "granted_until", "fingerprint", "emergency")
        minted = {name: getattr(self.token, name) for name in taken}
        return TokenPair(f"{self._name}-pair", {**common, **minted, "places": self._places}, self._kept)

    def _publish(self, settings: TokenSettings, policy: Policy, providers: Providers) -> list[pulumi.Resource]:
        description = settings.description or f"API token {self._name}, kept fresh by token-rotation"
        given = published(self._name, self.pair, description=description, paused=settings.paused)
        accessor = self.token.handle if self.TELLS_ACCESSOR else None
        return publish(given, settings.publish, policy, providers, self._kept, accessor=accessor)

    def _retire(self, common: dict[str, Any], settings: TokenSettings) -> Retirement:
        taken = ("generation", "reason", "created", "expires", "fingerprint", "emergency", "superseded", *ACTS)
        paired = {name: getattr(self.pair, name) for name in taken}
        given = {
            "published": [target for publication in settings.publish for target in publication.targets],
            "evidence": settings.evidence.model_dump(mode="json", by_alias=True),
        }
        opts = pulumi.ResourceOptions.merge(self._kept, pulumi.ResourceOptions(depends_on=self.publications))
        return Retirement(f"{self._name}-retirement", {**common, **paired, **given}, opts)

    def _summary(
        self, policy: Policy, capabilities: Capabilities, interval: timedelta
    ) -> pulumi.Output[dict[str, Any]]:
        """What the stack's outputs tell of this token: instants in RFC 3339, and no value."""
        told = pulumi.Output.all(
            generation=self.pair.generation,
            created=self.pair.created,
            expires=self.pair.expires,
            published_at=self.retirement.published_at,
            entries=self.retirement.entries,
        )
        return pulumi.Output.all(
            generation=self.pair.generation,
            reason=self.pair.reason,
            health=self.retirement.conditions.apply(lambda conditions: (conditions or [str(Reason.HEALTHY)])[0]),
            created=self.pair.created,
            expires=self.pair.expires,
            rotates=self.retirement.rotates,
            retires=self.retirement.retires,
            published=self.retirement.published,
            failed=self.retirement.failed,
            forecast=told.apply(lambda known: outlook(known, policy, capabilities, interval)),
        )
