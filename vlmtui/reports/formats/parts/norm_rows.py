"""Norms by stage as rows of text: of an entry's vision patches, and of its token through the language model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from vlmtui.display.norm_statistics import is_outlier
from vlmtui.display.numbers import format_number
from vlmtui.display.text_lines import flow
from vlmtui.geometry import Place
from vlmtui.reading import of_patches
from vlmtui.reports.image_report import ImageReport


class NormRows:
    """The norms of a report's entries at every stage, outliers marked, below heads that name the stages; computed once
    per image."""

    def __init__(self, report: ImageReport) -> None:
        reading, layers = report.reading, report.layers
        self._at = {(p.grid, p.patches): i for i, p in enumerate(reading.patch_places)}
        stages = [norms.patches for norms in reading.grid_norms]
        self._vision = _MarkedNorms(np.concatenate(stages, axis=1) if stages else np.zeros((0, 0), np.float32))
        is_llm = layers is not None and not of_patches(report.stage)
        self._llm = _MarkedNorms(layers.norms if layers is not None and is_llm else np.zeros((0, 0), np.float32))

    def heads(self, places: Iterable[Place]) -> Iterator[str]:
        """The heads of the rows of entries at these places, by stage: `.3` after `vision` is `vision.3`."""
        vision, llm = self._vision.norms, self._llm.norms
        labels = [label for place in places for label, _ in self._patches(place)]
        if not labels and not len(llm):
            return
        yield "  L2 norm at"
        if labels:
            label = labels[0].rstrip(" 0123456789").ljust(len(labels[0]))
            yield from _row(label, [f".{stage}" for stage in range(len(vision))])
        if len(llm):
            yield from _row("  llm   ", [f".{stage}" for stage in range(1, len(llm) + 1)])

    def of(self, place: Place, entry: int) -> Iterator[str]:
        """The rows of one entry, whose vision patches are those of its place."""
        for label, index in self._patches(place):
            yield from _row(label, self._vision.cells(index))
        if len(self._llm.norms):
            yield from _row("  llm   ", self._llm.cells(entry))

    def _patches(self, place: Place) -> Iterator[tuple[str, int]]:
        """The vision patches of a place: the label of each, as long as the others', and its column of norms."""
        digits = len(str(len(self._at)))
        for patch in place.patches:
            if (index := self._at.get((place.grid, (patch,)))) is not None:
                yield "  vision" if len(place.patches) == 1 else f"  vision patch {patch:<{digits}}", index


class _MarkedNorms:
    """Norms [stages, entries], with those that are outliers of their stage."""

    def __init__(self, norms: NDArray[np.float32]) -> None:
        self.norms = norms
        self._marks = np.array([is_outlier(row) for row in norms], dtype=bool).reshape(norms.shape)

    def cells(self, index: int) -> list[str]:
        """The norms of one entry by stage, as text."""
        found = zip(self.norms[:, index], self._marks[:, index], strict=True)
        return [f"{format_number(float(norm))}{'!' if mark else ''}" for norm, mark in found]


def _row(label: str, cells: list[str]) -> Iterator[str]:
    yield from flow([label, *(f" {cell:>7}" for cell in cells)], "", indent=len(label))
