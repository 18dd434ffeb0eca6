"""One cell played: a settled world, one fault at one act, healthy runs until nothing changes, and the verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from simulator.facts import Life
from simulator.fault_matrix.acts import Act, Fault, Moment, target_of
from simulator.fault_matrix.aim import Aim
from simulator.fault_matrix.cells import Cell, Variant
from simulator.fault_matrix.judge import Fate, Register, fate, has_ended, is_installed, waiting
from simulator.fault_matrix.stage import NAME, PLACES, Stage
from simulator.scenario import DAY

_LIMIT = 15
"""Daily runs within which everything must have settled: two overlaps, and some days."""
_MORE_TRIES = 3
_SPOILS = frozenset({Act.MINT, Act.READ_BACK, Act.PROBE, Act.SAVE_MINT})
_SPOILS_A_LEASE = _SPOILS | {Act.PAIR, Act.NOTE, Act.CONFIRM, Act.SAVE_PAIR}
"""Acts before a mint is known, or a lease known to be confirmed: when one fails, another mint is due."""
_OTHERS = {Fate.SWEPT: "swept", Fate.UNDONE: "undone", Fate.LEASE_ENDED: "lease ended"}


@dataclass
class Verdict:
    """What a cell came to.

    mints:   generations born from the faulty run on
    failed:  runs that did not reach their end
    settled: the run, counted from the faulty one, after which the token is installed, or what was due is known dead
    fates:   of every generation that was ever born
    wrong:   why it is no good; empty when it is
    """

    mints: int = 0
    failed: int = 0
    settled: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """The outcome in a few words."""
        if self.wrong:
            return "THIRD: " + "; ".join(self.wrong)
        if not self.mints:
            return f"revoked and verified, run {self.settled}"
        others = [f"{self.fates[kind]} {word}" for kind, word in _OTHERS.items() if self.fates[kind]]
        mints = f"{self.mints} mint{'s' * (self.mints > 1)}"
        return ", ".join([f"installed, run {self.settled}", mints, *others])


def play(cell: Cell) -> Verdict:
    """Bring a fresh world to the cell's moment, strike, heal, and judge."""
    with Stage(cell.setting) as stage:
        return _Play(cell, stage).verdict()


class _Play:
    def __init__(self, cell: Cell, stage: Stage) -> None:
        self._cell, self._stage = cell, stage
        self._register = Register(stage)
        stage.facts.watchers.append(self._register)
        self._verdict = Verdict()
        self._before = 0
        self._struck_in = 0

    def verdict(self) -> Verdict:
        self._bring_to_moment()
        self._strike()
        self._heal()
        self._judge()
        self._verdict.trace = [str(event) for event in self._stage.trace.events]
        return self._verdict

    def _bring_to_moment(self) -> None:
        """Everything is installed, and the next run is the one of this moment."""
        stage, moment = self._stage, self._cell.moment
        if moment is not Moment.FIRST_RUN:
            self._run_well()
            due = stage.token.due()
            assert due is not None, "the first generation has a due date"
            stage.pass_time(due - stage.now + timedelta(hours=1))
        if moment is Moment.ORPHAN:
            stage.run(Aim(target_of(Moment.ROTATION, Act.MINT, NAME, PLACES), Fault.KILLED_AFTER))
            stage.pass_time(DAY)
        if moment in (Moment.RETIREMENT, Moment.ORPHAN):
            self._run_well()
            stage.pass_time(stage.policy.overlap + timedelta(hours=1))
        self._before, self._struck_in = len(self._register.births), stage.runs + 1

    def _run_well(self) -> None:
        ran = self._stage.run()
        assert not ran.failed, "a run without a fault ends well"

    def _strike(self) -> None:
        """The faulty run; a credential that has expired stays so for another run."""
        cell, stage = self._cell, self._stage
        ran = stage.run(
            Aim(target_of(cell.moment, cell.act, NAME, PLACES), cell.fault, once=cell.variant is Variant.FIRST_TRY)
        )
        self._count(failed=ran.failed)
        if not stage.hits:
            self._verdict.wrong.append("the act did not happen, so nothing was struck")
        if cell.fault is Fault.EXPIRED:
            self._wait()
            self._count(failed=stage.run_refused().failed)

    def _heal(self) -> None:
        """Daily runs without a fault, until one changes nothing and nothing waits for its end."""
        stage = self._stage
        for _ in range(_LIMIT):
            self._wait()
            ran = stage.run()
            self._count(failed=ran.failed)
            if not ran.steps and not ran.failed and not waiting(stage):
                return
        self._verdict.wrong.append(f"after {_LIMIT} healthy runs something still changes")

    def _wait(self) -> None:
        """Until the next run: a day, or a minute where somebody starts it at once."""
        at_once = self._cell.variant is Variant.AT_ONCE and not self._verdict.settled
        self._stage.pass_time(timedelta(minutes=1) if at_once else DAY)

    def _count(self, *, failed: bool) -> None:
        verdict, run = self._verdict, self._stage.runs - self._struck_in + 1
        verdict.failed += failed
        if not verdict.settled and self._is_settled():
            verdict.settled = run

    def _is_settled(self) -> bool:
        """Whether what the struck run had to do is done: seen from outside, and told to a run."""
        register, stage = self._register, self._stage
        if self._cell.moment in (Moment.RETIREMENT, Moment.ORPHAN):
            return has_ended(register, register.births[self._cell.moment is Moment.ORPHAN])
        return any(is_installed(stage, life) for life in register.births[self._before :])

    def _judge(self) -> None:
        stage, verdict = self._stage, self._verdict
        births = self._register.births
        verdict.mints = len(births) - self._before
        for life in births:
            self._judge_one(life)
        if verdict.fates[Fate.INSTALLED] != 1:
            verdict.wrong.append(f"{verdict.fates[Fate.INSTALLED]} generations are installed")
        faulty = 2 if self._cell.fault is Fault.EXPIRED else 1
        if not 0 < verdict.settled <= faulty + 1:
            verdict.wrong.append("the first healthy run did not heal it")
        if verdict.mints > _excused(self._cell):
            verdict.wrong.append(f"{verdict.mints} mints, and the fault excuses {_excused(self._cell)}")
        verdict.wrong += [str(violation) for violation in stage.violations]

    def _judge_one(self, life: Life) -> None:
        found = fate(self._register, life)
        self._verdict.fates[found] += 1
        if found is Fate.THIRD:
            alive = "alive" if self._register.is_alive(life) else "dead"
            self._verdict.wrong.append(f"{life.generation} is {alive}, and neither installed nor verified dead")


def _excused(cell: Cell) -> int:
    """How many mints there may be: one for the due date, one for what the fault spoilt, one for each further try."""
    if cell.moment in (Moment.RETIREMENT, Moment.ORPHAN):
        return 0
    before_known = _SPOILS_A_LEASE if cell.setting.leases else _SPOILS
    undone = cell.act is Act.MINT and cell.fault in (Fault.REFUSED, Fault.KILLED_BEFORE, Fault.EXPIRED)
    unheard = cell.act is Act.MINT and cell.fault in (Fault.LOST, Fault.LATE)
    return 1 + (cell.act in before_known and not undone) + _MORE_TRIES * unheard
