"""For tests only: builders, strategies, and the conformance kit that every backend passes.

`builders` make plain records, `strategies` draw them, `secrecy` searches for a value, `worlds` says what the kit needs
of a server, `laws` (of life, of failure) and `machine` hold a backend to the protocol. Production imports none of this.
"""
