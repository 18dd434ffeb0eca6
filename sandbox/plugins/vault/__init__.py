"""Stand-in for the vault provider plugin, for the types in `kinds` only, against a real Vault or OpenBao.

| module | what it is |
| --- | --- |
| kinds | the types: where each is written, and what replaces it |
| documents | things that are written whole to one path |
| mounts | secrets engines and auth methods: enabled, tuned, moved, disabled |
| secrets | a KV v2 secret with its custom metadata |
| session | the provider's credential: by default a child of the given token, which dies after 20 minutes |
"""
