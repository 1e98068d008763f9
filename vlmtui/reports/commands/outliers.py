"""Outlier positions (`vlmtui outliers`): whether outliers repeat at the same positions across images, as text or JSON.

The JSON is `vlmtui/outliers/1`, one object:

    {"schema", "model": {...},                                     as in vlmtui/report/1
     "images": [{"source", "sha256", "width", "height",           every image read, in the order given
                 "again": false}],                                 true: same file as an earlier one, not counted
     "rule": {"z", "alpha", "mostly", "least"},                    an outlier: |robust z| > z; see below
     "stages": [{"stage",
                 "grids": [{"kind": "patch|token|query",           entries of a view: vision patches or image
                            "rows", "cols",                        tokens on rows × cols; queries, 1 per row
                            "pictures", "views",                   with this grid; an image in tiles has several views
                            "outliers", "rate",                    their number, and share of all entries
                            "verdict": "position|content|both|too few|none",
                            "positions": [{"row", "col", "index",  where one occurred, the least likely first
                                           "count", "views",       an outlier in `count` of so many views
                                           "share", "chance",
                                           "repeats"}]}]}]}

An entry is an outlier by its robust z-score among all entries of the stage in its image. `chance` is the probability of
at least as many outliers at a position if all positions were equally likely: an exact binomial test with the `rate`,
Bonferroni-corrected by the number of positions, at most 1. A position `repeats` if that is at most `alpha`. The verdict
is `position` if at least `mostly` of the outliers are at such positions, else `both`. Without such a position it is
`content` if one that is an outlier in `mostly` of the views would have been detected, and `too few` if not, or with
fewer images than `least`; `none` without an outlier. Newline tokens are not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmtui.display import numbers
from vlmtui.display.norm_statistics import HIGH_NORM, RULE, THRESHOLD, is_outlier
from vlmtui.display.outlier_positions import (
    ALPHA,
    LEAST,
    MOSTLY,
    TEST,
    VERDICTS,
    GridEntries,
    GridLayouts,
    PositionCounts,
    ShapeCounts,
    position_test,
)
from vlmtui.display.pieces import plain
from vlmtui.display.text_lines import flow, labelled, wrapped
from vlmtui.errors import UsageError
from vlmtui.images.image_file import ImageFile
from vlmtui.query.options import LoadOptions, ReadOptions, load_model, read_image
from vlmtui.reading import ModelInfo, Reading, check_stage, llm_layer, of_layers, of_patches, stages
from vlmtui.reports.formats import json
from vlmtui.reports.per_image import ImageFailure, run_per_image
from vlmtui.reports.run import ReportJob, write_contents
from vlmtui.reports.seen_files import SeenFiles
from vlmtui.session.client import SessionClient
from vlmtui.session.reconnecting import OnProgress

SCHEMA = "vlmtui/outliers/1"
_SHOWN = 12
Marks = dict[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class ImageOutliers:
    """One image, and by stage a mask of the entries that are outliers."""

    reading: Reading
    marks: Marks


OutliersOrFailure = ImageOutliers | ImageFailure


def run_outliers(load: LoadOptions, read: ReadOptions, stage: str | None, format: str, job: ReportJob) -> int:
    """Write which outlier positions the images share; return the exit status."""
    if format not in FORMATS:
        raise UsageError(f"outliers has no format {format!r}: choose {', '.join(FORMATS)}")
    write = FORMATS[format]

    def collect_images(start: Callable[[], SessionClient], progress: OnProgress) -> Any:
        return run_per_image(job.sources, _OutlierReader(load, read, stage, progress), start)

    return write_contents(job, collect_images, write)


@dataclass
class _OutlierReader:
    options: LoadOptions
    read: ReadOptions
    stage: str | None
    progress: OnProgress
    stages: tuple[str, ...] = ()

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        return load_model(client, self.options, self.progress)

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        all_stages = tuple(stage for stage in stages(model) if not of_layers(stage))
        self.stages = all_stages if self.stage is None else (check_stage(self.stage, model, pixels=True),)

    def look(self, client: SessionClient, source: ImageFile, index: int) -> ImageOutliers:
        reading = read_image(client, source, self.read, self.progress).result()
        marks: Marks = {}
        for stage in self.stages:
            norms = reading.norms_at(stage)
            if of_layers(stage):
                layers = client.layers(reading.id, on_progress=self.progress).result()
                norms = layers.norms[llm_layer(stage) - 1]
            marks[stage] = is_outlier(norms) if len(norms) else np.zeros(0, bool)
        return ImageOutliers(reading, marks)

    def done(self, client: SessionClient) -> None:
        pass


@dataclass
class SideCounts:
    """Outliers of a stage below and above the median of their image, and those of at least twice the median."""

    below: int = 0
    above: int = 0
    high: int = 0

    def add(self, norms: NDArray[np.float32], marks: NDArray[np.bool_]) -> None:
        """Count those of an image: its norms [entries], and which are outliers [entries]."""
        finite = np.isfinite(norms)
        ordered = np.sort(norms[finite])
        # that of `np.median`, whose own checks take longer than all else here
        median = float((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2) if len(ordered) else 0.0
        found = norms[marks & finite]
        self.below += int(np.count_nonzero(found < median))
        self.above += int(np.count_nonzero(found > median))
        self.high += int(np.count_nonzero(found >= HIGH_NORM * median))

    def text(self) -> str:
        """One sentence."""
        high = f"{self.high:,} of at least twice the median" if self.high else "none of twice the median"
        return f"{self.below:,} below the median, {self.above:,} above it; {high}"


@dataclass
class OutlierSummary:
    """Outlier counts over all images, by stage. Of an image nothing is kept but some bytes of its file's hash.

    `read` counts the images, `again` those of them whose file was given before. `sides` has those stages of which a
    reading has the norms: none of the language model.
    """

    about: ModelInfo
    read: int = 0
    again: int = 0
    stages: dict[str, ShapeCounts] = field(default_factory=dict)
    sides: dict[str, SideCounts] = field(default_factory=dict)
    _files: SeenFiles = field(default_factory=SeenFiles)
    _layouts: GridLayouts = field(default_factory=GridLayouts)

    def add(self, image: ImageOutliers) -> bool:
        """Count an image; whether its file was given before, so that it is only listed."""
        reading = image.reading
        is_repeated = not self._files.add(reading.image.sha256)
        self.read += 1
        self.again += is_repeated
        places: dict[bool, GridEntries] = {}
        for stage, marks in image.marks.items():
            tallies = self.stages.setdefault(stage, ShapeCounts())
            if is_repeated or not len(marks):  # the positions of an unknown family's patches are not known
                continue
            if marks.any() and not of_layers(stage):
                self.sides.setdefault(stage, SideCounts()).add(reading.norms_at(stage), marks)
            of_patch = of_patches(stage)
            if of_patch not in places:
                places[of_patch] = self._layouts.entries(
                    reading.grids, reading.places_at(stage), "patch" if of_patch else "token"
                )
            tallies.add_new(places[of_patch].marked(marks))
        return is_repeated


def count_outliers(results: Iterable[OutliersOrFailure]) -> Iterator[tuple[OutlierSummary, json.Object, bool]]:
    """Count image by image: the summary so far, the image and the model as JSON fields, and whether it came again."""
    summary: OutlierSummary | None = None
    for result in results:
        if not isinstance(result, ImageFailure):
            summary = summary or OutlierSummary(result.reading.model)
            is_repeated = summary.add(result)
            yield summary, json.model_and_image(result.reading), is_repeated


def outliers_text(results: Iterable[OutliersOrFailure]) -> Iterator[str]:
    """One page of text for all images."""
    whole: OutlierSummary | None = None
    for whole, _, _ in count_outliers(results):  # noqa: B007
        pass
    if whole is not None:
        yield from (f"{line.rstrip()}\n" for line in _page(whole))


def _page(whole: OutlierSummary) -> Iterator[str]:
    model = whole.about
    said = numbers.count(whole.read - whole.again, "image")
    if whole.again:
        said += f"; {numbers.count(whole.again, 'file')} given more than once, counted once"
    yield from labelled("read", said)
    yield from labelled("model", f"{plain(model.name)} · {model.family} · {model.parts}")
    yield from labelled("runs on", f"{model.device}, {model.dtype}")
    yield ""
    yield from wrapped(f"{RULE}.", "")
    yield from wrapped(f"Test: {TEST}. A position is row,column from 0, and its index; the share is of grids.", "")
    yield ""
    verdicts: list[str] = []
    for stage, tallies in whole.stages.items():
        if not tallies.all:
            yield f"{stage}  no entry has a position or an index of its own"
        for tally in tallies.all:
            verdict = position_test(tally).verdict
            verdicts += [verdict] if verdict not in verdicts else []
            yield from position_lines(stage, tally)
        if stage in whole.sides:
            yield f"  {whole.sides[stage].text()}"
    yield ""
    for verdict, what in VERDICTS.items():
        if verdict in verdicts:
            yield from flow([f"{verdict}: ", *(f"{word} " for word in what.split())], "", indent=2)


def position_lines(stage: str, tally: PositionCounts) -> Iterator[str]:
    """The verdict of one grid shape in a line, and the positions that repeat."""
    found, shape, total = position_test(tally), tally.shape, int(tally.counts.sum())
    laid = f"{shape.rows} queries" if shape.kind == "query" else f"{shape.rows} × {shape.cols}"
    of = numbers.count(tally.pictures, "image")
    of += f", {numbers.count(tally.views, 'grid')}" if tally.views != tally.pictures else ""
    share = f" ({numbers.percent(100 * found.rate)})" if total else ""
    yield f"{stage}  {found.verdict}  {laid}, {of}: {numbers.count(total, 'outlier')}{share}"
    cells = [_position(tally, i) for i in found.repeat[:_SHOWN]]
    more = len(found.repeat) - len(cells)
    yield from flow([f"{cell}   " for cell in cells] + ([f"and {more} more"] if more else []), "  repeat: ", indent=10)


def _position(tally: PositionCounts, at: int) -> str:
    """`12,1 (193) 95.3%`; for a query token its index alone."""
    share = share_text(int(tally.counts[at]), int(tally.there[at]))
    if tally.shape.kind == "query":
        return f"{at} {share}"
    row, col = divmod(at, tally.shape.cols)
    return f"{row},{col} ({at}) {share}"


def share_text(count: int, of: int) -> str:
    """A share as a percentage with one decimal, or as `3 of 4` for fewer than 20."""
    return f"{count} of {of}" if of < 20 else f"{100 * count / of:.1f}%"


def outliers_json(results: Iterable[OutliersOrFailure]) -> Iterator[str]:
    """One JSON object for all images, `vlmtui/outliers/1`: each is listed when it is counted."""
    summary: OutlierSummary | None = None
    for summary, about, is_repeated in count_outliers(results):
        if summary.read == 1:
            head = json.json_line({"schema": SCHEMA, "model": about["model"]})
            yield f'{head.removesuffix("}")},"images":['
        yield ("," if summary.read > 1 else "") + json.json_line(about["image"] | {"again": is_repeated})
    if summary is not None:
        yield f"],{json.json_line(_counts(summary)).removeprefix('{')}\n"


def outliers_object(results: Iterable[OutliersOrFailure]) -> json.Object | None:
    """The JSON object of all images: `vlmtui/outliers/1`; None where none could be read."""
    counted = list(count_outliers(results))
    if not counted:
        return None
    images = [about["image"] | {"again": is_repeated} for _, about, is_repeated in counted]
    model, summary = counted[0][1]["model"], counted[-1][0]
    return {"schema": SCHEMA, "model": model, "images": images, **_counts(summary)}


def _counts(whole: OutlierSummary) -> json.Object:
    return {
        "rule": {"z": THRESHOLD, "alpha": ALPHA, "mostly": MOSTLY, "least": LEAST},
        "stages": [
            {"stage": stage, "grids": [grid_object(tally) for tally in tallies.all]}
            for stage, tallies in whole.stages.items()
        ],
    }


def grid_object(tally: PositionCounts) -> json.Object:
    """The JSON object of one grid shape."""
    found, shape = position_test(tally), tally.shape
    ever = np.flatnonzero(tally.counts)
    order = ever[np.lexsort((ever, found.chances[ever]))].tolist()
    return {
        "kind": shape.kind,
        "rows": shape.rows,
        "cols": shape.cols,
        "pictures": tally.pictures,
        "views": tally.views,
        "outliers": int(tally.counts.sum()),
        "rate": found.rate,
        "verdict": found.verdict,
        "positions": [
            {
                "row": at // shape.cols,
                "col": at % shape.cols,
                "index": at,
                "count": int(tally.counts[at]),
                "views": int(tally.there[at]),
                "share": float(tally.counts[at] / tally.there[at]),
                "chance": float(found.chances[at]),
                "repeats": at in found.repeat,
            }
            for at in order
        ],
    }


FORMATS: dict[str, Callable[[Iterable[OutliersOrFailure]], Iterator[str]]] = {
    "text": outliers_text,
    "json": outliers_json,
}
