"""Every act of the line under every fault, one at a time: what became of each generation after healing.

`python -m simulator.fault_matrix` (`make fault-matrix`) plays all cells and prints them; docs/fault-matrix.md explains
the table, and what the judge calls a third outcome.
"""
