"""For operators that are asked by teams: is this value one of that namespace's tokens, now? No I/O.

`verdict` says what the answer is made of, `verifier` gives it, `prometheus` counts the refusals for a scrape. Nothing
here writes a record or asks a server: whoever calls reads the records and hands them over.
"""

from rotation.verify.verdict import Failures, Reason, Verdict
from rotation.verify.verifier import Told, Verifier

__all__ = ["Failures", "Reason", "Told", "Verdict", "Verifier"]
