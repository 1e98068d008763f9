"""Animation of a lens through the model: its results at every stage whose entries have a place in the image."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vlmtui.display.colours import Rgb
from vlmtui.errors import UsageError
from vlmtui.images.image_file import ImageFile
from vlmtui.lenses.base import applies_at
from vlmtui.lenses.captions import LensResult
from vlmtui.query.chosen_lens import ChosenLens, default_colour_lens, lens_for
from vlmtui.query.options import Query, ReadOptions, load_model, read_image
from vlmtui.reading import ModelInfo, Reading, check_stage, default_stage, stages
from vlmtui.reports.image_reader import answer_for
from vlmtui.reports.images.content import check_null, unused_metric
from vlmtui.reports.lens_noise import with_noise_end
from vlmtui.reports.per_image import ImageFailure, run_per_image
from vlmtui.session.reconnecting import OnProgress

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient


@dataclass(frozen=True)
class Animation:
    """An image [height, width, 3] uint8, and the lens's result at each stage."""

    query: Query
    lens: ChosenLens
    rgb: Rgb
    reading: Reading
    values: tuple[LensResult, ...]

    @property
    def unused_option(self) -> str:
        """A note on an option of the query that has no effect here; "" where all have one."""
        return unused_metric(self.query, self.values, "a gif")


def collect_animations(
    sources: tuple[str, ...], query: Query, start: Callable[[], SessionClient], on_progress: OnProgress | None = None
) -> Generator[Animation | ImageFailure, None, None]:
    """Read the image and compute the lens at every stage up to the selected one. Raises `UsageError` for several."""
    if len(sources) > 1:
        raise UsageError("a gif shows one image: give one IMAGE, or choose another --format")
    lens = query.lens or default_colour_lens()
    if not lens.is_drawable:
        raise UsageError("a gif shows numbers and colours: choose --lens pca, similarity or find")
    check_null(query)
    return run_per_image(sources, _AnimationTask(query, lens, on_progress), start)


class _AnimationTask:
    def __init__(self, query: Query, lens: ChosenLens, on_progress: OnProgress | None) -> None:
        self._query, self._through, self._on_progress = query, lens, on_progress
        self._last = ""

    @property
    def read(self) -> ReadOptions:
        return self._query.read

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        return load_model(client, self._query.load, self._on_progress)

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        stage = self._query.selection.stage
        self._last = default_stage(model) if stage is None else check_stage(stage, model)
        self._through.check_path(model, "choose --format png")
        self._through.check(self._last, model)

    def look(self, client: SessionClient, source: ImageFile, index: int) -> Animation:
        query = self._query
        rgb = query.read.decode(source).rgb
        reading = read_image(client, source, query.read, self._on_progress).result()
        return animate(client, rgb, reading, query, self._through, self._last, self._on_progress)

    def done(self, client: SessionClient) -> None:
        pass


def animate(
    client: SessionClient,
    rgb: Rgb,
    reading: Reading,
    query: Query,
    lens: ChosenLens,
    last: str,
    on_progress: OnProgress | None = None,
) -> Animation:
    """Compute the lens at every stage of a reading up to the `last`."""
    all_stages = stages(reading.model)
    # a stage whose entries have no place in the image cannot be drawn
    drawn_stages = [
        path_stage
        for path_stage in all_stages[: all_stages.index(last) + 1]
        if any(place.box for place in reading.places_at(path_stage))
    ]
    if not drawn_stages:
        raise UsageError(reading.placeless or "no stage of this model has positions in the image")
    answer = answer_for(client, reading, lens, on_progress)
    answer_id = answer.id if answer else ""
    found = (
        client.look(
            reading.id, stage, lens_for(lens, reading, stage, query.search), answer=answer_id, on_progress=on_progress
        ).result()
        for stage in drawn_stages
        if applies_at(lens.description.stages, stage)
    )
    results = tuple(with_noise_end(client, reading.id, result, query.search, on_progress) for result in found)
    return Animation(query, lens, rgb, reading, results)
