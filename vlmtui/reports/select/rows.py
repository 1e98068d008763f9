"""Entries of a report as a table: one number or text for each field and entry, for columns and conditions.

A field without a value (the row of a newline token, the score at a stage without words) is NaN, or None.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from vlmtui.display.norm_statistics import robust_z
from vlmtui.display.pieces import visible
from vlmtui.reports.image_report import ImageReport

Numbers = NDArray[np.float64]


class ReportRows:
    """The entries of one report, by field, in the order of the report."""

    def __init__(self, report: ImageReport) -> None:
        self._report = report
        places = report.reading.places_at(report.stage)
        self.places = tuple(places[entry] for entry in report.entries)

    def __len__(self) -> int:
        return len(self.places)

    def numbers(self, field: str) -> Numbers:
        """One of `NUMBERS` [rows]."""
        if field in ("index", "inside", "grid", "row", "col"):
            return _array(getattr(place, field) for place in self.places)
        if field in ("x0", "y0", "x1", "y1"):
            corner = ("x0", "y0", "x1", "y1").index(field)
            return _array(place.box[corner] if place.box else None for place in self.places)
        entries = list(self._report.entries)
        if field == "norm":
            return np.asarray(self._report.norms, np.float64)[entries]
        if field == "z":
            return robust_z(self._report.norms)[entries]
        if field == "value":
            values = self._report.values
            is_scalar = values is not None and values.numbers.ndim == 1
            return np.asarray(values.numbers, np.float64)[entries] if values is not None and is_scalar else self._none()
        return self._of_words(field)

    def z(self, field: str) -> Numbers:
        """The robust z-score of a number among the rows [rows]; for the norm, among all entries of the stage."""
        if field == "norm":
            return self.numbers("z")
        numbers = self.numbers(field)
        # a missing number is not an outlier
        return np.where(np.isfinite(numbers), robust_z(numbers), np.nan)

    def texts(self, field: str) -> list[str | None]:
        """One of `TEXTS` [rows]."""
        reading = self._report.reading
        everywhere = {"image": reading.image.source, "model": reading.model.name, "stage": self._report.stage}
        if field in everywhere:
            return [everywhere[field]] * len(self)
        if field == "kind":
            return [place.kind for place in self.places]
        return [(row_words[0] if row_words else None) for row_words in self.words(field)]

    def words(self, field: str = "word") -> list[list[str | None]]:
        """All words of every row, nearest first: as displayed (`word`), or as decoded (`text`)."""
        words = self._report.words
        if words is None:
            return [[] for _ in self.places]
        if field == "word":
            named: dict[int, str | None] = {i: visible(piece, words.texts[i]) for i, piece in words.pieces.items()}
        else:
            named = {i: text.strip() if text is not None else None for i, text in words.texts.items()}
        return [[named[id_] for id_, _ in words.at(row)] for row in range(len(self))]

    def _of_words(self, field: str) -> Numbers:
        words = self._report.words
        k = 0 if words is None or words.ids.ndim < 2 else words.ids.shape[1]
        if words is None or k == 0 or (field == "explained" and words.explained is None):
            return self._none()
        if field == "explained":
            return _array(words.share(row) for row in range(len(self)))
        has_word = words.ids >= 0
        if field == "score":
            return np.where(has_word[:, 0], words.scores[:, 0], np.nan)
        if k < 2:
            return self._none()
        return np.where(has_word[:, 1], words.scores[:, 0] - words.scores[:, 1], np.nan)

    def _none(self) -> Numbers:
        return np.full(len(self), np.nan)


def _array(values: Iterable[float | None]) -> Numbers:
    return np.array([np.nan if value is None else value for value in values], np.float64)
