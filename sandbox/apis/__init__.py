"""Simulated APIs, each one handler from request to response, with the traps of the real server.

The same handler serves a unit test (called directly), a socket (`sandbox.serve`) and a simulator (virtual time).
"""
