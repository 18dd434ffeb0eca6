"""The minute of a schedule, drawn by lot."""

from __future__ import annotations

from pathlib import Path

from tests.sandbox.declared_stack import Stack


def test_a_lot_is_drawn_once_for_each_job_and_schedule(tmp_path: Path) -> None:
    """`H` becomes a minute that stays; a plain schedule is left alone; a changed one draws again."""
    stack = Stack.of("directories", tmp_path / "program", {})
    jobs = {f"job-{number}": "H 2 * * *" for number in range(8)}
    stack.wish["schedules"] = {**jobs, "plain": "0 2 * * *", "often": "*/30 * * * *"}
    stack.up()
    first = stack.outputs()
    stack.up("--expect-no-changes")
    assert first["plain"] == "0 2 * * *"
    assert first["often"] == "*/30 * * * *"
    minutes = [int(first[job].removesuffix(" 2 * * *")) for job in jobs]
    assert all(0 <= minute <= 59 for minute in minutes)
    assert len(set(minutes)) > 1

    stack.wish["schedules"] |= dict.fromkeys(jobs, "H 3 * * *")
    stack.up()
    second = stack.outputs()
    assert [int(second[job].removesuffix(" 3 * * *")) for job in jobs] != minutes
