"""Stand-in for the authentik provider plugin, for the types in `kinds` only.

The package is a parameter of the generic plugin `terraform-provider`: the CLI asks for that one, and then tells it
which provider it is. The real provider's calls are made (resource_user, resource_group, resource_rbac_role,
resource_rbac_permission_role of goauthentik/terraform-provider-authentik), so that its traps are here, too.

| module | what it is |
| --- | --- |
| kinds | the types |
| rows | users, groups and roles: a row with a number or a uuid, written whole |
| permissions | permissions of a role, and those of a user, whose calls are gone |
| session | the provider's url and credential |
"""
