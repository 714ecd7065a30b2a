"""docs/own-models.md: its lines run, in their order."""

import os
import re
from pathlib import Path

import pytest

pytest.importorskip("torch")
PAGE = Path(__file__).parents[2] / "docs" / "own-models.md"


def test_every_line_of_the_page_runs(tmp_path, capsys):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    before, names = os.getcwd(), {}
    os.chdir(tmp_path)
    try:
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)
    finally:
        os.chdir(before)
    assert len(blocks) >= 5 and (tmp_path / "landscape.html").is_file() and (tmp_path / "report.safetensors").is_file()
    said = capsys.readouterr().out
    assert "Critical batch size" in said and "stationary: ratio" in said and "of the time." in said


def test_its_table_names_what_a_report_has():
    from thermoviz.experiments.report import results
    from thermoviz.runs.results import results_in

    known = {entry.kept.name for kind in results_in(results) for entry in kind.schema}
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| `.*?\|", PAGE.read_text(), re.M)))
    assert set(named) <= known and len(named) > 10
