"""A local world to try rotation in: simulated APIs, real servers, faults, and a clock that can be moved.

Belongs here: whatever stands in for a homelab. Does not belong here: anything that production imports, and anything
that knows the clients. A fake that knows its client proves nothing.
"""
