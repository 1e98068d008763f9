"""Reports of models without words: an overview of norms in the text, a heat map in a drawing."""

from __future__ import annotations

import msgspec
import numpy as np

from tests.query.queries import query_of
from tests.reports import made_reports
from vlmtui.display.norm_statistics import is_outlier
from vlmtui.reports.formats.text import report_lines
from vlmtui.reports.images.content import _DrawingTask, drawing_kind


def test_a_text_begins_with_the_norms_on_their_grid() -> None:
    rows, cols = 4, 30
    made = made_reports.reading(rows, cols)
    norms = made.grid_norms[0].patches
    norms[-1][37] = 1000.0
    model = msgspec.structs.replace(made.model, wordless="it is a vision-only model, without a vocabulary")
    report = made_reports.seen(msgspec.structs.replace(made, model=model), None, stage="vision.2")
    lines = list(report_lines(report))
    start = next(i for i, line in enumerate(lines) if line.startswith("Norms at vision.2"))
    end = lines.index("Patches")
    assert start < 15
    found = [cell for line in lines[start:end] if line[:2].strip().isdigit() for cell in line.split()[1:]]
    numbers = [cell for cell in found if "." in cell or "!" in cell or len(cell) > 2]
    assert len(numbers) == rows * cols
    assert [cell.endswith("!") for cell in numbers].count(True) == np.count_nonzero(is_outlier(norms[-1]))
    values = sorted(float(cell.rstrip("!")) for cell in numbers)
    np.testing.assert_allclose(values, np.sort(norms[-1]), rtol=0.006)


def test_a_drawing_is_of_heat_unless_words_are_asked_for() -> None:
    query = query_of("tiny")
    task = _DrawingTask(query, drawing_kind(query), None)
    model = msgspec.structs.replace(made_reports.reading().model, llm_layers=0, embeddings=None, wordless="none")
    task.ready(None, model)  # type: ignore[arg-type]
    assert task._show == "heat"
