"""What Authentik holds for the rotator: a service account that rotates its own tokens; its group, role and permissions.

It is written by a person's run, with a superuser's token (AUTHENTIK_TOKEN of that run). Runs in which nothing of it
changes make no call at Authentik for it, so they do with the service account's own token.

An account that mints its own successors needs no permission on tokens at all. A rotator that mints for others cannot do
with permissions: the server lets only a superuser choose the owner of a token, so put such an account into a group with
`is_superuser` by hand, and know what that means.
"""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_authentik as authentik

from components.directory_settings import AuthentikDirectorySettings

# Without it each API token that the account makes for itself ends after the tenant's default, which is 30 minutes.
_ATTRIBUTES = {"goauthentik.io/user/token-expires": False}


class AuthentikDirectory(pulumi.ComponentResource):
    """Declares it all, on a provider of its own: the url from the settings, the credential from AUTHENTIK_TOKEN."""

    def __init__(
        self, name: str, settings: AuthentikDirectorySettings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("token-rotation:index:AuthentikDirectory", name, None, opts)
        self.provider = _provider(f"{name}-authentik", settings.url, pulumi.ResourceOptions(parent=self))
        self._name = name
        self._mine = pulumi.ResourceOptions(parent=self, provider=self.provider)
        self._role = authentik.RbacRole(f"{name}-role", name=settings.role, opts=self._mine)
        self.account = self._account(settings, self._group(settings))
        # What `spec.user` is looked up with.
        self._permit("view_user", "user", self.account.id, f"{name}-sees-itself")
        for pk in settings.adopts:
            self._permit("view_token_key", "token", pk, f"{name}-reads-{pk}")
        self.register_outputs({})

    def _group(self, settings: AuthentikDirectorySettings) -> authentik.Group:
        """Replaced by any change: an update sends the members that the state knows, who are none, and so drops them."""
        whole = pulumi.ResourceOptions(replace_on_changes=["*"], delete_before_replace=True)
        opts = pulumi.ResourceOptions.merge(self._mine, whole)
        return authentik.Group(f"{self._name}-group", name=settings.group, roles=[self._role.id], opts=opts)

    def _account(self, settings: AuthentikDirectorySettings, group: authentik.Group) -> authentik.User:
        return authentik.User(
            f"{self._name}-account",
            username=settings.account,
            name=settings.account,
            type="service_account",
            path="goauthentik.io/service-accounts",
            attributes=json.dumps(_ATTRIBUTES),
            groups=[group.id],
            opts=self._mine,
        )

    def _permit(self, permission: str, model: str, pk: pulumi.Input[str], name: str) -> None:
        """On one object only; a global permission would also outlive its removal (the provider cannot end it)."""
        authentik.RbacPermissionRole(
            name,
            role=self._role.id,
            permission=f"authentik_core.{permission}",
            model=f"authentik_core.{model}",
            object_id=pk,
            opts=self._mine,
        )


def _provider(name: str, url: str, opts: pulumi.ResourceOptions) -> authentik.Provider:
    """The SDK asks for the token as an input, which would put it into the state; it is dropped before it gets there."""
    bare = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[_without_token]))
    return authentik.Provider(name, url=url, token="in AUTHENTIK_TOKEN", opts=bare)  # noqa: S106 - never sent


def _without_token(given: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    props: dict[str, Any] = {key: value for key, value in given.props.items() if key != "token"}
    return pulumi.ResourceTransformationResult(props, given.opts)
