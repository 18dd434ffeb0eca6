"""Many scenarios over processes: the counts, the rate, and for a broken promise all that is needed to replay it."""

from __future__ import annotations

import gc
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

import typer

from simulator.checkers import ALL
from simulator.faults import Kind
from simulator.scenario import draw
from simulator.simulation import Outcome, Simulation
from simulator.trace import Event, Trace

COMMAND = "python -m simulator"


@dataclass(frozen=True)
class Job:
    """One seed and the size of its scenario."""

    seed: int
    years: float
    tokens: int
    elide: bool = True
    faults: bool = True

    @property
    def command(self) -> str:
        """What replays it, with every line of its trace."""
        options = f"--seed {self.seed} --years {self.years:g} --tokens {self.tokens}"
        options += "" if self.elide else " --no-elision"
        return f"{COMMAND} {options}{'' if self.faults else ' --no-faults'} --trace"


@dataclass
class Totals:
    """What all seeds came to."""

    seeds: int = 0
    token_years: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[Kind] = field(default_factory=Counter)
    broken: list[tuple[Job, Outcome]] = field(default_factory=list)

    def add(self, job: Job, outcome: Outcome) -> None:
        self.seeds += 1
        self.token_years += job.years * job.tokens
        self.counts += outcome.counts
        self.faults += outcome.faults
        if outcome.violations:
            self.broken.append((job, outcome))

    def lines(self, seconds: float) -> Iterator[str]:
        """The summary. What must be zero stands first."""
        promises = Counter(violation.promise for _, outcome in self.broken for violation in outcome.violations)
        yield f"seeds {self.seeds}, token-years {self.token_years:,.0f}, in {seconds:.1f} s"
        yield f"rate {self.token_years / seconds * 60:,.0f} token-years a minute"
        yield f"broken promises: {promises.total()}"
        for checker in ALL:
            yield f"  {promises[checker.promise]} against: {checker.promise}"
        for name in sorted(self.counts):
            yield f"  {name} {self.counts[name]:,}"
        yield "faults met " + ", ".join(f"{kind} {self.faults[kind]:,}" for kind in Kind)


def simulate(job: Job, trace: Trace | None = None) -> Outcome:
    """One scenario."""
    scenario = draw(job.seed, job.years, job.tokens, faults=job.faults)
    return Simulation(scenario, elide=job.elide, trace=trace).run()


def _leave_modules_alone() -> None:
    """What is loaded by now stays: the collector of cycles need not look at it again, nor run inside a scenario."""
    gc.freeze()
    gc.disable()


def _work(job: Job) -> tuple[Job, Outcome]:
    outcome = simulate(job)
    gc.collect()
    return job, outcome


def run_all(jobs: list[Job], workers: int) -> Iterator[tuple[Job, Outcome]]:
    """Each job with its outcome, as they are done."""
    if workers == 1:
        yield from map(_work, jobs)
        return
    with multiprocessing.get_context("fork").Pool(workers, _leave_modules_alone) as pool:
        yield from pool.imap_unordered(_work, jobs)


app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)


@app.command()
def main(  # noqa: PLR0917 - options, which are named
    seed: Annotated[int, typer.Option(help="The first seed.")] = 1,
    seeds: Annotated[int, typer.Option(help="How many seeds, from the first on.")] = 1,
    years: Annotated[float, typer.Option(help="Simulated years of daily runs.")] = 3,
    tokens: Annotated[int, typer.Option(help="Tokens in each scenario.")] = 20,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
    trace: Annotated[bool, typer.Option(help="Print every event.")] = False,
    elision: Annotated[bool, typer.Option(help="Pass over lines in which nothing can change.")] = True,
    faults: Annotated[bool, typer.Option(help="Let things go wrong.")] = True,
) -> None:
    """Simulate years of scheduled runs and check every promise. Ends with 1 when one is broken."""
    jobs = [Job(seed + number, years, tokens, elision, faults) for number in range(seeds)]
    if seeds == 1:
        typer.echo("\n".join(draw(seed, years, tokens, faults=faults).lines()))
    begun, totals = time.monotonic(), Totals()
    if trace and seeds == 1:
        totals.add(jobs[0], simulate(jobs[0], Trace(listen=_print)))
    else:
        for job, outcome in run_all(jobs, min(workers, seeds)):
            totals.add(job, outcome)
            if outcome.violations:
                _report(job, outcome)
    typer.echo("\n".join(totals.lines(time.monotonic() - begun)))
    if trace and totals.broken:
        _report(*totals.broken[0])
    sys.exit(1 if totals.broken else 0)


def _print(event: Event) -> None:
    typer.echo(str(event))


def _report(job: Job, outcome: Outcome) -> None:
    """The promise, the step, what led to it, and how to see it again."""
    typer.echo(f"BROKEN, seed {job.seed}:")
    for violation in outcome.violations:
        typer.echo(f"  {violation}")
    typer.echo("the last events before it:")
    typer.echo("\n".join(f"  {event}" for event in outcome.tail))
    typer.echo(f"replay: {job.command}")
