"""Real servers on 127.0.0.1, each with a state directory that tells which process is ours.

`running(...)` is for a test; `start(...)` leaves the server behind for `stop(...)` in a later process.
"""
