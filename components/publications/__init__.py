"""Where consumers look, by kind of place. One writer for each, updated in place: current and previous change together.

| module | what it is |
| --- | --- |
| places | the entries of `publish` in the config |
| stores | the stores of External Secrets that a stack makes |
| contents | what every place holds, and what is told beside it |
| kubernetes_secret, vault_kv | one place each; an item of 1Password is `components.one_password` |
| providers | how the places are reached |
| publish | all places of a token, and what is synced onwards from them |
"""
