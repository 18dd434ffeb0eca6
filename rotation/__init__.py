"""Tokens and time: what a rotation is, when one is due, and what is left to retire.

The core modules (`model`, `reasons`, `checks`, `policy`, `ledger`, `receipt`, `errors`, `clock`) decide and never act:
no sockets, no environment, no wall clock. `backends` act. `lifecycle` joins the two.
"""
