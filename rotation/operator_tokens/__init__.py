"""Tokens whose values we make ourselves: an operator's, one team and one namespace each. Only their hashes are kept.

`record` and `changes` are pure; `store` reads and writes the records; the others act through it.
"""
