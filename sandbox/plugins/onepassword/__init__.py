"""Stand-in for the onepassword provider plugin 1.2.1: items through a Connect server, as the real one makes them.

It bridges a Terraform provider without retries, so neither does this repeat anything: a 409 fails an update, a 500 a
deletion, and an item that is gone fails a refresh.

| module | what it is |
| --- | --- |
| settings | the provider's own configuration |
| properties | the inputs of an item, checked; what replaces it |
| items | inputs as Connect's JSON, and back |
| server | calls to the Connect server, and its refusals in words |
| provider | the verbs that the engine calls |
"""
