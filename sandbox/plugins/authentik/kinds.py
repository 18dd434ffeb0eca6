"""The types of the authentik provider that the stand-in knows, as data. All but permissions change in place."""

from sandbox.plugins.authentik.permissions import Permission
from sandbox.plugins.authentik.rows import Row
from sandbox.plugins.authentik.session import SETTINGS, Session
from sandbox.plugins.bridged.kinds import Kind, Package, table

_USER = Row(
    "core/users/",
    {
        "username": "username",
        "name": "name",
        "email": "email",
        "type": "type",
        "path": "path",
        "isActive": "is_active",
        "attributes": "attributes",
        "groups": "groups",
    },
    {"name": "", "type": "internal", "path": "users", "isActive": True, "attributes": "{}"},
    two_sided="groups",
)
_GROUP = Row(
    "core/groups/",
    {"name": "name", "isSuperuser": "is_superuser", "attributes": "attributes", "roles": "roles", "users": "users"},
    {"isSuperuser": False, "attributes": "{}", "roles": []},
    two_sided="users",
)
_ROLE = Row("rbac/roles/", {"name": "name"})

PACKAGE = Package(
    "authentik",
    table(
        Kind(
            "authentik:index/user:User",
            _USER,
            computed=frozenset({"groups"}),
            refused=frozenset({"password", "userId"}),
        ),
        Kind(
            "authentik:index/group:Group",
            _GROUP,
            computed=frozenset({"users"}),
            # The server has `parents` since 2025.12 and drops `parent` in silence.
            refused=frozenset({"parent", "groupId"}),
        ),
        Kind("authentik:index/rbacRole:RbacRole", _ROLE, refused=frozenset({"rbacRoleId"})),
        Kind(
            "authentik:index/rbacPermissionRole:RbacPermissionRole",
            Permission("role"),
            replaced_by=frozenset({"role", "permission", "model"}),
            refused=frozenset({"rbacPermissionRoleId"}),
        ),
        Kind(
            "authentik:index/rbacPermissionUser:RbacPermissionUser",
            Permission("user"),
            replaced_by=frozenset({"user", "permission", "model"}),
            refused=frozenset({"rbacPermissionUserId"}),
        ),
    ),
    settings=SETTINGS,
    connect=Session,
)
