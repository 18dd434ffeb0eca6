"""What Vault or OpenBao holds for the rotator and for External Secrets: policies, a token role, KV, Kubernetes auth.

It is written by a person's run, with a credential that may write policies (VAULT_TOKEN of that run). Runs in which
nothing of it changes make no call at Vault for it, so they do with the rotator's own credential.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_vault as vault

from components.directory_settings import KvPlace, ServiceAccount, VaultDirectorySettings

_LOGIN_SECONDS = 3600  # a run is over by then


def rotator_rules(settings: VaultDirectorySettings) -> str:
    """The least that a rotator needs, as a policy document.

    Accessors cannot be narrowed to our own: whoever knows one may end its token. So they are never listed (that would
    need sudo), and nothing here may be done to policies, roles or other paths.
    """
    data, metadata = _kv_paths(settings.kv)
    return policy_document(
        {
            f"auth/token/create/{settings.role}": ["update"],
            f"auth/token/roles/{settings.role}": ["read"],
            "auth/token/lookup-accessor": ["update"],
            "auth/token/renew-accessor": ["update"],
            "auth/token/revoke-accessor": ["update"],
            data: ["create", "update", "read"],
            metadata: ["read", "create", "update"],
        }
    )


def reader_rules(settings: VaultDirectorySettings) -> str:
    """To read what is published, with its metadata, and nothing else."""
    return policy_document({path: ["read"] for path in _kv_paths(settings.kv)})


def policy_document(capabilities: Mapping[str, Sequence[str]]) -> str:
    """Vault's policy language: one block for each path."""
    blocks = [f'path "{path}" {{ capabilities = {json.dumps(verbs)} }}' for path, verbs in capabilities.items()]
    return "\n".join(blocks) + "\n"


def _kv_paths(kv: KvPlace) -> tuple[str, str]:
    return f"{kv.mount}/data/{kv.path}/*", f"{kv.mount}/metadata/{kv.path}/*"


class VaultDirectory(pulumi.ComponentResource):
    """Declares it all, on a provider of its own: the url from the settings, the credential from VAULT_TOKEN."""

    def __init__(self, name: str, settings: VaultDirectorySettings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("token-rotation:index:VaultDirectory", name, None, opts)
        self._name, self._settings = name, settings
        # A child token would need `auth/token/create`, which the rotator's own credential may not.
        provider_opts = pulumi.ResourceOptions(parent=self)
        self.provider = vault.Provider(f"{name}-vault", address=settings.url, skip_child_token=True, opts=provider_opts)
        self._mine = pulumi.ResourceOptions(parent=self, provider=self.provider)
        rotator = self._policy("rotator", settings.rotator_policy, rotator_rules(settings))
        reader = self._policy("reader", settings.reader_policy, reader_rules(settings))
        self._token_role()
        self._kv()
        ready = self._kubernetes_auth()
        self._logins(rotator, settings.rotator_policy, settings.rotators, ready)
        self._logins(reader, settings.reader_policy, settings.readers, ready)
        self.register_outputs({})

    def _policy(self, whose: str, name: str, rules: str) -> vault.Policy:
        return vault.Policy(f"{self._name}-{whose}", name=name, policy=rules, opts=self._mine)

    def _token_role(self) -> None:
        """Makes orphans, or each would die with the run's credential, and renewable ones, as leases are extended."""
        role, policies = self._settings.role, list(self._settings.policies)
        vault.tokenauth.AuthBackendRole(
            f"{self._name}-role",
            role_name=role,
            allowed_policies=policies,
            orphan=True,
            renewable=True,
            token_type="service",  # noqa: S106 - a batch token has no accessor, so it could not be ended
            opts=self._mine,
        )

    def _kv(self) -> None:
        """Retained: a slip in the config must not delete every secret of a mount."""
        kv = self._settings.kv
        if kv.create:
            opts = pulumi.ResourceOptions.merge(self._mine, pulumi.ResourceOptions(retain_on_delete=True))
            vault.Mount(f"{self._name}-{kv.mount}", path=kv.mount, type="kv", options={"version": "2"}, opts=opts)

    def _kubernetes_auth(self) -> list[pulumi.Resource]:
        """What logins wait for."""
        auth = self._settings.kubernetes
        if not auth.create:
            return []
        mount = vault.AuthBackend(
            f"{self._name}-{auth.mount}-auth", type="kubernetes", path=auth.mount, opts=self._mine
        )
        config = vault.kubernetes.AuthBackendConfig(
            f"{self._name}-{auth.mount}-auth-config",
            backend=mount.path,
            kubernetes_host=auth.host,
            kubernetes_ca_cert=auth.ca_certificate or None,
            disable_local_ca_jwt=not auth.inside,
            opts=self._mine,
        )
        return [config]

    def _logins(
        self,
        policy: vault.Policy,
        role: str,
        accounts: Sequence[ServiceAccount],
        ready: Sequence[pulumi.Resource],
    ) -> None:
        """A role for each namespace: in one for two, an account of one could log in as its namesake of the other."""
        auth = self._settings.kubernetes
        opts = pulumi.ResourceOptions.merge(self._mine, pulumi.ResourceOptions(depends_on=list(ready)))
        for namespace in dict.fromkeys(account.namespace for account in accounts):
            name = role if namespace == accounts[0].namespace else f"{role}-{namespace}"
            vault.kubernetes.AuthBackendRole(
                f"{self._name}-{name}-login",
                backend=auth.mount,
                role_name=name,
                bound_service_account_names=[each.name for each in accounts if each.namespace == namespace],
                bound_service_account_namespaces=[namespace],
                audience=auth.audience or None,
                token_policies=[policy.name],
                token_ttl=_LOGIN_SECONDS,
                token_max_ttl=_LOGIN_SECONDS,
                opts=opts,
            )
