"""Content of drawings, computed in a session: a report, and for drawings of all stages a lens's values at each."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vlmtui.display.colours import Rgb
from vlmtui.errors import UsageError
from vlmtui.image import ImageFile, decode
from vlmtui.lenses.base import applies_at
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Words
from vlmtui.query.chosen_lens import lens_for
from vlmtui.query.drawing_options import HEAT, LAYERS, MOST_LINES, NORMS, WORDS
from vlmtui.query.options import Query, load_model
from vlmtui.reading import LayerNorms, ModelInfo, check_stage, default_stage, of_layers, of_patches, stages
from vlmtui.reports.image_reader import answer_for, report_of
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.per_image import ImageFailure, run_per_image
from vlmtui.session.reconnecting import OnProgress

OTHERS = "--format text, json or jsonl"

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient


@dataclass(frozen=True)
class ReportDrawing:
    """An image [height, width, 3] uint8 with its report, and the kind of drawing: `show`, one of `SHOWN`.

    `stages` are those of a sheet or chart, with the `values` of each where a lens was asked for; `layers` are the norms
    of the decoder layers, where the decoder was run.
    """

    show: str
    rgb: Rgb
    seen: ImageReport
    stages: tuple[str, ...] = ()
    values: tuple[LensResult, ...] = ()
    layers: LayerNorms | None = None


def collect_drawings(
    sources: tuple[str, ...],
    query: Query,
    start: Callable[[], SessionClient],
    on_progress: OnProgress | None = None,
) -> Generator[ReportDrawing | ImageFailure, None, None]:
    """Read the images and compute their drawings. Raises `UsageError` for a drawing that cannot be made."""
    return run_per_image(sources, _DrawingTask(query, drawing_kind(query), on_progress), start)


def drawing_kind(query: Query) -> str:
    """The kind of drawing: the one asked for; otherwise words, or values with a lens that gives numbers."""
    numbers = query.lens is not None and query.lens.drawn
    if query.lens is not None and not (numbers or query.lens.kind is Words):
        raise UsageError(
            f"--lens {query.lens.name} gives {query.lens.kind.one}, which no picture shows: choose {OTHERS}"
        )
    show = query.output.drawing.show or (HEAT if numbers else WORDS)
    if numbers and query.lens is not None and show in (WORDS, NORMS):
        raise UsageError(f"--draw {show} shows no --lens {query.lens.name}: leave one of them out, or --draw {HEAT}")
    if query.lens is not None and not numbers and show != WORDS:
        raise UsageError(f"--lens {query.lens.name} gives words: leave it out, or --draw {WORDS}")
    if query.lens is not None and show == LAYERS:
        query.lens.check_path(None, f"choose --draw {HEAT}")
    if query.selection.partial and show == LAYERS:
        raise UsageError(f"--draw {LAYERS} shows all patches: leave --patch, --rows and --where out, or --draw {HEAT}")
    if (query.selection.rows or query.selection.keep is not None) and show == NORMS:
        raise UsageError(f"--draw {NORMS} shows all patches, and lines of some: name these with --patch")
    if show == NORMS and len(query.selection.patches) > MOST_LINES:
        raise UsageError(f"--draw {NORMS} has lines of {MOST_LINES} patches at most: leave some --patch out")
    if query.search.null:
        raise UsageError("a picture does not hold words against noise: leave --null out, or choose --format json")
    return show


class _DrawingTask:
    def __init__(self, query: Query, show: str, on_progress: OnProgress | None) -> None:
        # only the words to be drawn are searched for, and none for a drawing without words
        k = query.output.drawing.num_words or query.search.k
        self._query, self._show, self._on_progress = (
            replace(query, search=replace(query.search, k=k)),
            show,
            on_progress,
        )
        self._stage = ""

    @property
    def max_pixels(self) -> int:
        return self._query.read.max_pixels

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        return load_model(client, self._query.load, self._on_progress)

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        query = self._query
        self._stage = (
            default_stage(model) if query.selection.stage is None else check_stage(query.selection.stage, model)
        )
        if query.lens is not None:
            if self._show == LAYERS:
                query.lens.check_path(model, f"choose --draw {HEAT}")
            query.lens.check(self._stage, model)
        projected = query.lens is not None and query.lens.kind is Words
        if self._show == WORDS and (model.wordless or (of_patches(self._stage) and not projected)):
            why = model.wordless or f"{self._stage} has no words of its own (--lens projector gives it some)"
            raise UsageError(f"{why}: choose --draw {HEAT}, {LAYERS} or {NORMS}")

    def look(self, client: SessionClient, source: ImageFile, index: int) -> ReportDrawing:
        query, stage = self._query, self._stage
        rgb = decode(source.data, source.source, query.read.max_pixels).rgb
        reading = client.read(
            source, max_pixels=query.read.max_pixels, prompt=query.read.prompt, on_progress=self._on_progress
        ).result()
        if self._show in (WORDS, HEAT):
            found = report_of(client, reading, query, stage, self._on_progress)
            if self._show == WORDS or found.overlay is not None or not of_layers(stage):
                return ReportDrawing(self._show, rgb, found)
            return ReportDrawing(self._show, rgb, found, layers=found.layers)
        layers = client.layers(reading.id, on_progress=self._on_progress).result() if of_layers(stage) else None
        there = stages(reading.model)
        path = tuple(s for s in there[: there.index(stage) + 1] if reading.places_at(s))
        found = ImageReport(query, reading, stage, tuple(range(len(reading.places_at(stage)))), None, layers)
        values: tuple[LensResult, ...] = ()
        if self._show == LAYERS and query.lens is not None:
            lens, progress = query.lens, self._on_progress
            path = tuple(s for s in path if applies_at(lens.description.stages, s))
            answer = answer_for(client, reading, lens, progress)
            said = answer.id if answer else ""
            values = tuple(
                client.look(reading.id, s, lens_for(lens, reading, s), answer=said, on_progress=progress).result()
                for s in path
            )
        return ReportDrawing(self._show, rgb, found, path, values, layers)

    def done(self, client: SessionClient) -> None:
        pass
