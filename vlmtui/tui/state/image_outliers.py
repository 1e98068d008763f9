"""Outliers of the image that is open: their places at every stage that was read. No Textual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlmtui.display.norm_statistics import norm_summary, outlier_mark, robust_z
from vlmtui.geometry import Place
from vlmtui.reading import stages
from vlmtui.tui.state.results import Results


@dataclass(frozen=True)
class OutlierPlaces:
    """Outliers by stage, the farthest from the median first, and the stages that were not read."""

    places: dict[str, list[str]]
    read: tuple[str, ...]
    unread: tuple[str, ...]


def image_outliers(results: Results) -> OutlierPlaces:
    """Places of outliers as `▲ 3,5 2.31×`: high or low, row and column (in several grids after the grid's number), and
    the ratio to the stage's median. Those of the language model's layers are read at one of its stages."""
    found, read, unread = {}, [], []
    for stage in stages(results.reading.model) if results.reading else ():
        norms = results.norms_at(stage)
        if norms is None:
            unread.append(stage)
            continue
        read.append(stage)
        z, median = robust_z(norms.values), norm_summary(norms.values).median
        order = np.flatnonzero(norms.outliers)[np.argsort(-np.abs(z[norms.outliers]), kind="stable")]
        several = len(results.pages(stage)) > 1
        if len(order):
            places = results.places_at(stage)
            found[stage] = [_said(places[i], norms.values[i], median, z[i], several) for i in order.tolist()]
    return OutlierPlaces(found, tuple(read), tuple(unread))


def _said(place: Place, norm: float, median: float, z: float, several: bool) -> str:
    grid = f"{place.grid}:" if several and place.grid is not None else ""
    where = f"{grid}{place.row},{place.col}" if place.row is not None else f"token {place.index}"
    ratio = f"{norm / median:.3g}×" if median > 0 else ""
    ratio = ratio if np.isfinite(norm) else "not finite"
    return f"{outlier_mark(z)} {where} {ratio}".rstrip()
