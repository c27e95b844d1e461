"""What user code sees of a run, a step and what makes them: what the reference tells, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from otel_joblog import current_run, job, step
from otel_joblog.testing import recording

REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"


def public(thing: object) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


def test_a_run_and_a_step_have_the_names_of_the_reference() -> None:
    told = re.findall(r"^\| `run\.(\w+).*?` \| (.*) \|$", REFERENCE.read_text("utf-8"), re.MULTILINE)
    assert len(told) == 7
    with recording(), job("batch") as run, step("load") as part:
        assert public(run) == {name for name, _ in told}
        assert public(part) == {name for name, meaning in told if meaning.endswith("of a step, too")}


def test_what_makes_runs_and_steps_has_no_names_for_users() -> None:
    assert public(job("batch")) == public(step("load")) == set()


def test_the_current_run_is_that_of_the_block() -> None:
    with recording(), job("batch") as run, step("load") as part:
        assert current_run() is run
        assert repr(run) == f"<Run 'batch' {run.run_id}>"
        assert repr(part) == "<Step 'load'>"
