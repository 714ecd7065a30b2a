"""docs/results.md tells what every run keeps: from the same lines as docstrings, checks and what charts need.

Written anew by `python tests/labs/test_results_docs.py`.
"""

from pathlib import Path

from thermoviz.labs import LABS
from thermoviz.runs import record
from thermoviz.runs.results import results_of, table

PAGE = Path(__file__).parents[2] / "docs" / "results.md"
HEAD = """# What a run keeps

Arrays (with their axes; equal letters of one table mean equal lengths) and numbers of a run, by name:
`run.arrays["losses"]`, `run.numbers["surface"]["error"]`. Written by the schemas in `thermoviz/runs/record.py` and
`thermoviz/labs/<lab>/results.py`, which also check each run: do not edit by hand.
"""


def page():
    parts = [HEAD, f"## Shared by many kinds of runs\n\n{table(record.KINDS)}\n"]
    parts += [f"## {lab}\n\n{table(results_of(f'thermoviz.labs.{lab}'))}\n" for lab in LABS]
    return "\n".join(parts)


def test_the_page_tells_what_runs_keep_today():
    assert PAGE.read_text() == page(), "write it anew: python tests/labs/test_results_docs.py"


def test_every_lab_has_a_table():
    assert all(results_of(f"thermoviz.labs.{lab}") for lab in LABS)


if __name__ == "__main__":
    PAGE.write_text(page())
