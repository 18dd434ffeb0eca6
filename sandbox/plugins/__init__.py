"""Stand-in provider plugins, for machines where the real ones cannot be installed. Never in a production path.

`host` speaks the plugin protocol for all of them, `values` turns its values into plain ones, `errors` holds the one
exception whose text a person reads. Each plugin is a package of its own, and `bin/` holds what the Pulumi CLI finds on
PATH. A stand-in knows exactly the types that this project uses and decides nothing that the real plugin does not.
"""
