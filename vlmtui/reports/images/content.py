"""Content of drawings, computed in a session: a report, and for drawings of all stages a lens's values at each."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vlmtui.display.colours import Rgb
from vlmtui.errors import UsageError
from vlmtui.images.image_file import ImageFile
from vlmtui.lenses.base import applies_at
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Words
from vlmtui.lenses.noise_call import noise_call
from vlmtui.metrics import DEFAULT_METRIC
from vlmtui.query.chosen_lens import lens_for
from vlmtui.query.drawing_options import HEAT, LAYERS, MOST_LINES, NORMS, WORDS
from vlmtui.query.options import Query, ReadOptions, load_model, read_image
from vlmtui.reading import LayerNorms, ModelInfo, Reading, check_stage, default_stage, of_layers, of_patches, stages
from vlmtui.reports.image_reader import answer_for, report_of
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.lens_noise import with_noise_end
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
    report: ImageReport
    stages: tuple[str, ...] = ()
    values: tuple[LensResult, ...] = ()
    layers: LayerNorms | None = None

    @property
    def unused_option(self) -> str:
        """A note on an option of the query that has no effect on this drawing; "" where all have one."""
        if self.show == WORDS or self.report.query.selection.condition is not None:
            return self.report.unused_option
        values = [self.report.values] if self.report.values else self.values
        return unused_metric(self.report.query, values, f"--draw {self.show}")


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
    numbers = query.lens is not None and query.lens.is_drawable
    if query.lens is not None and not (numbers or query.lens.kind is Words):
        raise UsageError(
            f"--lens {query.lens.name} gives {query.lens.kind.one}, which cannot be drawn: choose {OTHERS}"
        )
    show = query.output.drawing.show or (HEAT if numbers else WORDS)
    if numbers and query.lens is not None and show in (WORDS, NORMS):
        raise UsageError(
            f"--draw {show} does not show --lens {query.lens.name}: leave one of them out, or --draw {HEAT}"
        )
    if query.lens is not None and not numbers and show != WORDS:
        raise UsageError(f"--lens {query.lens.name} gives words: leave it out, or --draw {WORDS}")
    if query.lens is not None and show == LAYERS:
        query.lens.check_path(None, f"choose --draw {HEAT}")
    if query.selection.partial and show == LAYERS:
        raise UsageError(f"--draw {LAYERS} shows all patches: leave --patch, --rows and --where out, or --draw {HEAT}")
    if (query.selection.rows or query.selection.condition is not None) and show == NORMS:
        raise UsageError(f"--draw {NORMS} shows all patches, and lines of single ones: name these with --patch")
    if show == NORMS and len(query.selection.patches) > MOST_LINES:
        raise UsageError(f"--draw {NORMS} has lines for at most {MOST_LINES} patches: give fewer --patch")
    if query.output.drawing.num_words is not None and show != WORDS:
        raise UsageError(f"--num-words is for --draw {WORDS}, and {show} shows none: leave it out")
    check_null(query)
    return show


def check_null(query: Query) -> None:
    """Raise `UsageError` for `--null` where an image would show no noise baseline of it."""
    if query.search.null and (query.lens is None or noise_call(query.lens.call) is None):
        raise UsageError("an image report does not show the noise baseline: leave --null out, or choose --format json")


def unused_metric(query: Query, values: Iterable[LensResult], drawing: str) -> str:
    """A note on a metric that neither words nor these values depend on; "" where one does."""
    metric = query.search.metric
    used = metric == DEFAULT_METRIC or any("metric" in one.call.given for one in values)
    return "" if used else f"--metric {metric} is not used: {drawing} shows no words"


class _DrawingTask:
    def __init__(self, query: Query, show: str, on_progress: OnProgress | None) -> None:
        # only the words to be drawn are searched for, but a built-in lens of words looks at whole lists
        lens = query.lens
        whole = lens is not None and lens.kind is Words and lens.built_in is not None and not lens.uses_projector
        k = (None if whole else query.output.drawing.num_words) or query.search.k
        # noise is that of a lens's numbers: words are drawn without percentiles
        search = replace(query.search, k=k, null=False, noise=False)
        self._query, self._show, self._on_progress = replace(query, search=search), show, on_progress
        self._search = query.search
        self._stage = ""

    @property
    def read(self) -> ReadOptions:
        return self._query.read

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
        if model.wordless and query.lens is None and query.output.drawing.show is None:
            self._show = HEAT
        if self._show == WORDS and (model.wordless or (of_patches(self._stage) and not projected)):
            reason = model.wordless or f"{self._stage} has no words of its own (--lens projector finds some)"
            raise UsageError(f"{reason}: choose --draw {HEAT}, {LAYERS} or {NORMS}")

    def look(self, client: SessionClient, source: ImageFile, index: int) -> ReportDrawing:
        query, stage = self._query, self._stage
        rgb = query.read.decode(source).rgb
        reading = read_image(client, source, query.read, self._on_progress).result()
        if self._show in (WORDS, HEAT):
            report = report_of(client, reading, query, stage, self._on_progress)
            if report.values is not None:
                report = replace(report, values=self._with_noise_end(client, reading, report.values))
            if self._show == WORDS or report.overlay is not None or not of_layers(stage):
                return ReportDrawing(self._show, rgb, report)
            return ReportDrawing(self._show, rgb, report, layers=report.layers)
        layers = client.layers(reading.id, on_progress=self._on_progress).result() if of_layers(stage) else None
        all_stages = stages(reading.model)
        shown_stages = tuple(
            path_stage for path_stage in all_stages[: all_stages.index(stage) + 1] if reading.places_at(path_stage)
        )
        report = ImageReport(query, reading, stage, tuple(range(len(reading.places_at(stage)))), None, layers)
        values: tuple[LensResult, ...] = ()
        if self._show == LAYERS and query.lens is not None:
            lens, progress = query.lens, self._on_progress
            shown_stages = tuple(
                path_stage for path_stage in shown_stages if applies_at(lens.description.stages, path_stage)
            )
            answer = answer_for(client, reading, lens, progress)
            answer_id = answer.id if answer else ""
            found = (
                client.look(reading.id, path_stage, call, answer=answer_id, on_progress=progress).result()
                for path_stage in shown_stages
                for call in (lens_for(lens, reading, path_stage, query.search),)
            )
            values = tuple(self._with_noise_end(client, reading, result) for result in found)
        return ReportDrawing(self._show, rgb, report, shown_stages, values, layers)

    def _with_noise_end(self, client: SessionClient, reading: Reading, found: LensResult) -> LensResult:
        return with_noise_end(client, reading.id, found, self._search, self._on_progress)

    def done(self, client: SessionClient) -> None:
        pass
