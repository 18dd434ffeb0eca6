"""A program called `pulumi` that answers as a script says: a stand-in for the CLI, where only its words matter."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

_PROGRAM = """#!{python}
import json, pathlib, signal, sys, time
home = pathlib.Path({home!r})
with (home / "calls").open("a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
script = json.loads((home / "script").read_text())
answers = script.get(sys.argv[1], [])
answer = answers.pop(0) if len(answers) > 1 else (answers or [{{"code": 0, "output": ""}}])[0]
(home / "script").write_text(json.dumps(script))
if answer.get("ending"):
    def ending(*_):
        time.sleep(answer["ending"])
        (home / "ended").touch()
        sys.exit(1)
    signal.signal(signal.SIGINT, ending)
    (home / "ready").touch()
if answer.get("stubborn"):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    (home / "ready").touch()
print(answer["output"], flush=True)
time.sleep(answer.get("seconds", 0))
sys.exit(answer["code"])
"""


class ScriptedCli:
    """Each command has a list of answers; the last one is given again and again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        program = home / "pulumi"
        program.write_text(_PROGRAM.format(python=sys.executable, home=str(home)))
        program.chmod(0o755)
        self.answers: dict[str, list[dict[str, object]]] = {}

    @property
    def path(self) -> str:
        """A PATH on which it is the `pulumi`."""
        return os.pathsep.join([str(self.home), os.environ["PATH"]])

    def answer(
        self,
        command: str,
        output: str = "",
        code: int = 0,
        seconds: float = 0,
        *,
        stubborn: bool = False,
        ending: float = 0,
    ) -> None:
        """Add an answer to a command.

        stubborn: it does not end when it is asked to
        ending:   the seconds that it takes to end when it is asked to
        """
        answer = {"output": output, "code": code, "seconds": seconds, "stubborn": stubborn, "ending": ending}
        self.answers.setdefault(command, []).append(answer)
        (self.home / "script").write_text(json.dumps(self.answers))

    def calls(self) -> list[list[str]]:
        """The arguments of every call so far."""
        file = self.home / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
