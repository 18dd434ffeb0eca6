"""Validation: reads every published copy as its consumers do, uses what stands there, compares, and changes nothing."""
