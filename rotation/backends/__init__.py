"""Adapters to the systems that mint tokens: one file for each, behind the protocol in `protocol`."""
