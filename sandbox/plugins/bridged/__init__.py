"""What the stand-ins for bridged providers (random, vault, authentik) share: everything but their tables.

| module | what it is |
| --- | --- |
| kinds | what a type is: its acts, what replaces it, what the server decides, what is secret |
| sdk_properties | which properties the installed SDK knows |
| decisions | what changed, and whether it is an update or a replacement |
| api | calls to a JSON API, and its refusals |
| provider | the verbs that the engine calls |
"""
