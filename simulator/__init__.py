"""Years of scheduled runs in seconds: production code from check to revoke, on virtual time, under drawn faults.

`python -m simulator --seed N --years Y --tokens T`; docs/simulator.md explains what it promises and what it prints.
"""
