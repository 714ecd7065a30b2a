"""The notebooks of the documents run from their first cell to their last, and are kept without outputs."""

from pathlib import Path

import nbclient
import nbformat
import pytest
from notebooks import environment

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs_and_is_kept_without_outputs(path, tmp_path, monkeypatch):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute(cwd=str(tmp_path))
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any(WIDGET in output.get("data", {}) for output in outputs)
    # What is saved has a picture beside each widget, for readers without a kernel.
    assert any("data:image/png" in output.get("data", {}).get("text/html", "") for output in outputs)
    assert any("nearest record of the path" in output.get("text", "") for output in outputs)
