"""Stand-in for the kubernetes provider plugin: server-side apply, read, diff, in-place update, replacement, delete.

It does what the real plugin was measured to do, for the types in `kinds` only:

| module | what it is |
| --- | --- |
| kinds | the types, one line each: where they live in the API and what replaces them |
| sdk_properties | which properties the installed SDK knows |
| settings | the provider's own configuration |
| inputs | checked inputs: names, namespaces, `stringData` as `data` |
| decisions | what changed, and whether it is an update or a replacement |
| cluster | calls to the API server |
| refusals | its refusals, in words for a person and without values |
| provider | the verbs that the engine calls |
"""
