"""What docs/fault-matrix.md says before its tables."""

HEAD = """\
# Fault matrix

Written by `make fault-matrix`; a test fails when it is not what the command would write today.

A cell is a fresh simulated world with one token, two places and a reader at each, brought to the moment of an act. The
fault strikes exactly that act. Then production code runs on without faults, once a day, until a run changes nothing any
more, and every generation that was ever born is judged from outside. It is

- **installed**: alive, accepted, current in the state and the receipt, the very value at both places; or
- **revoked and verified**: dead at the backend, held for alive by no ledger and no receipt, and the backend told a run
  so. A lease at Vault that nobody confirmed ends by itself; the table names it.

Anything else is a third outcome and fails the command. So does a reader that holds a dead value at any instant, a cell
that the first run without a fault does not heal, and more mints than the fault excuses: one for the due date, one for
what the fault spoilt before the state knew it, one for each further try of a mint without an answer.

| fault | what it is here |
| --- | --- |
| refused before | the server answers with an error and does nothing, at each try of this run |
| lost after | the server acts, and the answer is lost, at each try of this run |
| late | no answer to any try; all of them are carried out when the run is over |
| killed before | the run's process is gone with the act undone; the state is as saved until then |
| killed after | the run's process is gone with the act done; the state is as saved until then |
| credential expired | from this act on this server refuses whatever we send, in this run and in the next |

A save is that of the state, after the act that it is named for; the receipt is what the retirement writes into the
cluster. In the table

- `run 2` is the run, counted from the struck one, after which the new generation was installed, or what had reached its
  deadline was known dead
- `2 mints` counts the generations that were born from the struck run on
- `1 undone` was revoked by the run that minted it, `1 swept` is an orphan that the sweep ended after its overlap, and
  `1 lease ended` died unconfirmed
- `(1)` refers to the reason why a cell is impossible
- `[cli]` is played on the real CLI as well, by tests/agreement: with a real kube-apiserver and, for Vault, a real
  OpenBao, and each run compared with the model
"""
