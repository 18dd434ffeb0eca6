"""The types of the vault provider that the stand-in knows, as data."""

from sandbox.plugins.bridged.kinds import Kind, Package, table
from sandbox.plugins.vault.documents import Document
from sandbox.plugins.vault.mounts import Mounted
from sandbox.plugins.vault.secrets import KvSecret
from sandbox.plugins.vault.session import SETTINGS, Session

_NAMESPACE = frozenset({"namespace"})  # of Vault Enterprise
_LIVES = {
    "tokenBoundCidrs": "token_bound_cidrs",
    "tokenExplicitMaxTtl": "token_explicit_max_ttl",
    "tokenNoDefaultPolicy": "token_no_default_policy",
    "tokenNumUses": "token_num_uses",
    "tokenPeriod": "token_period",
    "tokenType": "token_type",
}
_LOGIN_LIVES = {
    **_LIVES,
    "tokenMaxTtl": "token_max_ttl",
    "tokenPolicies": "token_policies",
    "tokenTtl": "token_ttl",
}
# The SDK offers them, but they are no fields of a token role: the server would drop them in silence.
_NO_ROLE_FIELDS = frozenset({"tokenTtl", "tokenMaxTtl", "tokenPolicies", "aliasMetadata"})

_POLICY = Document("sys/policies/acl/{name}", {"policy": "policy"}, identified_by="name")
_TOKEN_ROLE = Document(
    "auth/token/roles/{roleName}",
    {
        "allowedPolicies": "allowed_policies",
        "allowedPoliciesGlobs": "allowed_policies_glob",
        "disallowedPolicies": "disallowed_policies",
        "disallowedPoliciesGlobs": "disallowed_policies_glob",
        "allowedEntityAliases": "allowed_entity_aliases",
        "orphan": "orphan",
        "renewable": "renewable",
        "pathSuffix": "path_suffix",
        **_LIVES,
    },
    {
        "allowedPolicies": [],
        "disallowedPolicies": [],
        "orphan": False,
        "renewable": True,
        "pathSuffix": "",
        "tokenType": "default-service",
    },
)
_KUBERNETES_CONFIG = Document(
    "auth/{backend}/config",
    {
        "kubernetesHost": "kubernetes_host",
        "kubernetesCaCert": "kubernetes_ca_cert",
        "tokenReviewerJwt": "token_reviewer_jwt",
        "disableLocalCaJwt": "disable_local_ca_jwt",
        "disableIssValidation": "disable_iss_validation",
        "issuer": "issuer",
        "pemKeys": "pem_keys",
    },
    {"backend": "kubernetes"},
    kept=True,
)
_KUBERNETES_ROLE = Document(
    "auth/{backend}/role/{roleName}",
    {
        "boundServiceAccountNames": "bound_service_account_names",
        "boundServiceAccountNamespaces": "bound_service_account_namespaces",
        "audience": "audience",
        "aliasNameSource": "alias_name_source",
        **_LOGIN_LIVES,
    },
    {"backend": "kubernetes"},
)

PACKAGE = Package(
    "vault",
    table(
        Kind(
            "vault:index/policy:Policy",
            _POLICY,
            replaced_by=frozenset({"name"}),
            refused=_NAMESPACE | {"allowOverwrite"},
            named_by="name",
        ),
        Kind(
            "vault:index/mount:Mount",
            Mounted("sys/mounts"),
            replaced_by=frozenset({"type", "local", "sealWrap", "externalEntropyAccess"}),
            computed=frozenset({"accessor"}),
            refused=_NAMESPACE | {"sealWrap", "externalEntropyAccess", "allowedManagedKeys", "pluginVersion"},
        ),
        Kind(
            "vault:index/authBackend:AuthBackend",
            Mounted("sys/auth", "auth/"),
            replaced_by=frozenset({"type", "local"}),
            computed=frozenset({"accessor", "path"}),
            refused=_NAMESPACE | {"tune", "disableRemount", "identityTokenKey"},
        ),
        Kind(
            "vault:tokenauth/authBackendRole:AuthBackendRole",
            _TOKEN_ROLE,
            replaced_by=frozenset({"roleName"}),
            refused=_NAMESPACE | _NO_ROLE_FIELDS,
        ),
        Kind(
            "vault:kubernetes/authBackendConfig:AuthBackendConfig",
            _KUBERNETES_CONFIG,
            replaced_by=frozenset({"backend"}),
            refused=_NAMESPACE | {"tokenReviewerJwtWo", "tokenReviewerJwtWoVersion", "useAnnotationsAsAliasMetadata"},
        ),
        Kind(
            "vault:kubernetes/authBackendRole:AuthBackendRole",
            _KUBERNETES_ROLE,
            replaced_by=frozenset({"backend", "roleName"}),
            refused=_NAMESPACE | {"boundServiceAccountNamespaceSelector", "aliasMetadata"},
        ),
        Kind(
            "vault:kv/secretV2:SecretV2",
            KvSecret(),
            replaced_by=frozenset({"mount", "name"}),
            computed=frozenset({"data", "metadata", "path"}),
            secret=frozenset({"data", "dataJson"}),
            refused=_NAMESPACE | {"dataJsonWo", "dataJsonWoVersion"},
            named_by="name",
        ),
    ),
    settings=SETTINGS,
    connect=Session,
)
