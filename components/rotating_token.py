"""One token as one line in Pulumi's graph: mint, pair, publish, retire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
from rotation.operator_tokens.published import OwnerObject
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
        owning: OwnerObject | None = None,
        marks: Mapping[str, str] | None = None,
    ) -> None:
        aliases = [pulumi.Alias(name=former) for former in settings.was]
        super().__init__(self.TYPE, name, None, pulumi.ResourceOptions(aliases=aliases))
        self._name = name
        self._owning = owning
        self._marks = marks or {}
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
        self.pair = self._pair(common, settings)
        self.publications = self._publish(settings, policy, providers)
        self.retirement = self._retire(common, settings)
        self.summary = self._summary(policy, capabilities, interval)
        self.register_outputs({})

    @staticmethod
    def labels(settings: TokenSettings) -> Mapping[str, str]:  # noqa: ARG004 - a kind may have some
        """Labels of its own kind on its Secrets."""
        return {}

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
            "dependencies": self._wanted(settings),
            "interval": format_duration(interval),
            "owned_by": self._owned(settings)["by"],
            "take_over": [str(item.kubernetes_secret) for item in settings.publish if item.take_over],
        }
        opts = pulumi.ResourceOptions(parent=self, depends_on=[guard])
        return Token(f"{self._name}-token", {**common, **given}, opts)

    def _wanted(self, settings: TokenSettings) -> dict[str, Any]:
        """What must be there before anything is minted: what the config says, and what is to own its Secrets."""
        told = settings.dependencies.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return told | ({"owner": self._owned(settings)["as"]["path"]} if self._owning else {})

    def _owned(self, settings: TokenSettings) -> dict[str, Any]:
        """How the owner of its Secrets is looked up, what they say of it, and what others take it for."""
        if self._owning is None:
            return {"by": "", "as": {}}
        namespace, owner = str(settings.spec["namespace"]), self._owning
        reference = {"apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name_in(namespace)}
        told = {"path": owner.path_in(namespace), "reference": reference}
        return {"by": f"{owner.kind} {owner.name_in(namespace)}", "as": told}

    def _pair(self, common: dict[str, Any], settings: TokenSettings) -> TokenPair:
        taken = ("generation", "reason", "value", "handle", "created", "granted_until", "fingerprint", "emergency")
        minted = {name: getattr(self.token, name) for name in taken}
        given = {**common, **minted, "places": self._places, "owning": self._owned(settings)["as"]}
        return TokenPair(f"{self._name}-pair", given, self._kept)

    def _publish(self, settings: TokenSettings, policy: Policy, providers: Providers) -> list[pulumi.Resource]:
        description = settings.description or f"API token {self._name}, kept fresh by token-rotation"
        labels = {**self.labels(settings), **self._marks}
        given = published(self._name, self.pair, description=description, paused=settings.paused, labels=labels)
        if self._owning is not None:
            given = replace(given, owners=self.pair.owners)
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
