"""The example notebook, run from beginning to end by a real kernel."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOK = Path(__file__).parents[2] / "sample_images" / "notebook.ipynb"


@pytest.fixture(scope="module")
def cells() -> dict[str, NotebookNode]:
    """Its cells by their names, with what they gave; one that fails raises."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    return {cell.id: cell for cell in notebook.cells}


def shown(cell: NotebookNode, kind: str) -> str:
    """What a cell shows of a kind, such as `text/html`."""
    return "".join(output.data[kind] for output in cell.outputs if kind in output.get("data", {}))


def test_it_is_kept_without_what_it_gave() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) > 5
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


def test_a_reading_shows_itself_as_the_page(cells: dict[str, NotebookNode]) -> None:
    page = shown(cells["read"], "text/html")
    assert page.startswith("<iframe srcdoc=")
    assert "scene-town.png" in page
    assert page.count("<iframe") == 1


def test_a_bar_of_the_notebook_s_own_while_the_model_is_loaded(cells: dict[str, NotebookNode]) -> None:
    kinds = [kind for output in cells["open"].outputs for kind in output.get("data", {})]
    assert "application/vnd.jupyter.widget-view+json" in kinds


def test_words_norms_pictures_and_tables(cells: dict[str, NotebookNode]) -> None:
    assert "<table" in shown(cells["words"], "text/html")
    assert "vision.0" in shown(cells["norms"], "text/html")
    assert shown(cells["find"], "image/png")
    assert shown(cells["save"], "image/png")
    table = shown(cells["table"], "text/html")
    assert "588 rows" in table  # three pictures of 14 × 14 tokens
    assert all(f"{name}.jpg" in shown(cells["count"], "text/plain") for name in ("china", "flower"))


def test_nothing_is_said_beside_it(cells: dict[str, NotebookNode]) -> None:
    said = [output for cell in cells.values() for output in cell.get("outputs", []) if output.output_type == "stream"]
    assert said == []
