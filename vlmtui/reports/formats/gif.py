"""`gif`: a picture with its patches coloured by a lens, stage after stage along the path.

Every patch is coloured where it lies in the picture, tiles over the whole view. Scales are the same for all frames
whose numbers are of one kind, so that what grows brighter has grown.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from vlmtui.display.colours import Rgb, blend, brightness, robust_range
from vlmtui.display.numbers import percent
from vlmtui.display.pieces import plain
from vlmtui.errors import UsageError
from vlmtui.geometry import Place
from vlmtui.image import ImageFile, decode
from vlmtui.lenses.base import applies_at
from vlmtui.lenses.wording import LensResult, number_name
from vlmtui.query.chosen_lens import ChosenLens, colouring, lens_for
from vlmtui.query.options import Query, load_model
from vlmtui.reading import ModelInfo, Reading, check_stage, default_stage, of_layers, stages
from vlmtui.reports.image_reader import answer_for
from vlmtui.reports.images import fonts
from vlmtui.reports.per_image import Failure, each
from vlmtui.session.reconnecting import OnProgress

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient

LONG_SIDE = 640
FRAME_MS = 400
LAST_MS = 1600
CAPTION = 28
_SHARE = 0.75


@dataclass(frozen=True)
class Played:
    """A picture [height, width, 3] uint8 that was read, and what the lens made of each stage."""

    query: Query
    through: ChosenLens
    rgb: Rgb
    reading: Reading
    values: tuple[LensResult, ...]


def played(
    sources: tuple[str, ...], query: Query, start: Callable[[], SessionClient], on_progress: OnProgress | None = None
) -> Generator[Played | Failure, None, None]:
    """Read the picture and look through the lens at every stage up to the one asked for; `UsageError` for several."""
    if len(sources) > 1:
        raise UsageError("a gif shows one picture: give one IMAGE, or choose another --format")
    through = query.lens or colouring()
    if not through.drawn:
        raise UsageError("a gif shows numbers and colours: choose --lens pca, similarity or find")
    return each(sources, _Playing(query, through, on_progress), start)


class _Playing:
    def __init__(self, query: Query, through: ChosenLens, on_progress: OnProgress | None) -> None:
        self._query, self._through, self._on_progress = query, through, on_progress
        self._last = ""

    @property
    def max_pixels(self) -> int:
        return self._query.read.max_pixels

    def load(self, client: SessionClient) -> Future[ModelInfo]:
        return load_model(client, self._query.load, self._on_progress)

    def ready(self, client: SessionClient, model: ModelInfo) -> None:
        stage = self._query.selection.stage
        self._last = default_stage(model) if stage is None else check_stage(stage, model)
        self._through.check_path(model, "choose --format png")
        self._through.check(self._last, model)

    def look(self, client: SessionClient, source: ImageFile, index: int) -> Played:
        query = self._query
        rgb = decode(source.data, source.source, query.read.max_pixels).rgb
        reading = client.read(
            source, max_pixels=query.read.max_pixels, prompt=query.read.prompt, on_progress=self._on_progress
        ).result()
        return play(client, rgb, reading, query, self._through, self._last, self._on_progress)

    def done(self, client: SessionClient) -> None:
        pass


def play(
    client: SessionClient,
    rgb: Rgb,
    reading: Reading,
    query: Query,
    through: ChosenLens,
    last: str,
    on_progress: OnProgress | None = None,
) -> Played:
    """Look through the lens at every stage of a reading up to the `last`."""
    there = stages(reading.model)
    # a stage of which no entry has a place cannot be drawn
    drawn = [s for s in there[: there.index(last) + 1] if any(place.box for place in reading.places_at(s))]
    if not drawn:
        raise UsageError(reading.placeless or "no stage of this model has a place in the picture")
    answer = answer_for(client, reading, through, on_progress)
    said = answer.id if answer else ""
    found = tuple(
        client.look(reading.id, stage, lens_for(through, reading, stage), answer=said, on_progress=on_progress).result()
        for stage in drawn
        if applies_at(through.description.stages, stage)
    )
    return Played(query, through, rgb, reading, found)


def write(results: Iterable[Played | Failure]) -> Iterator[bytes]:
    """The file, whole."""
    for result in results:
        if isinstance(result, Played):
            yield encoded(frames(result))


def encoded(pictures: Sequence[Image.Image]) -> bytes:
    """The frames as an endless GIF, the last one standing longer."""
    file = io.BytesIO()
    times = [FRAME_MS] * (len(pictures) - 1) + [LAST_MS]
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=times, loop=0)
    return file.getvalue()


def frames(seen: Played) -> list[Image.Image]:
    """One frame a stage, RGB."""
    height, width = seen.rgb.shape[:2]
    scale = LONG_SIDE / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    under = np.asarray(Image.fromarray(seen.rgb).resize(size, how))
    of_one_kind = [found.numbers for found in seen.values if found.numbers.ndim == 1 and not of_layers(found.stage)]
    shared = robust_range(np.concatenate(of_one_kind)) if of_one_kind else (0.0, 1.0)
    drawn = []
    for found in seen.values:
        colours = found.painted(found.numbers, *(robust_range(found.numbers) if of_layers(found.stage) else shared))
        rgb = painted(under, seen.reading.places_at(found.stage), colours, scale)
        drawn.append(_captioned(rgb, _caption(seen, found)))
    return drawn


def painted(under: Rgb, places: Sequence[Place], colours: Rgb, scale: float) -> Rgb:
    """The picture's own light under the colours of the entries, each over its box; the smaller ones on top."""
    over = under.copy()
    there = np.zeros(under.shape[:2], dtype=bool)
    boxes = [(place.box, colour) for place, colour in zip(places, colours, strict=True) if place.box]
    for (x0, y0, x1, y1), colour in sorted(boxes, key=lambda one: -(one[0][2] - one[0][0]) * (one[0][3] - one[0][1])):
        part = slice(round(y0 * scale), round(y1 * scale)), slice(round(x0 * scale), round(x1 * scale))
        over[part], there[part] = colour, True
    mixed = blend(brightness(under), over, _SHARE)
    return np.where(there[..., None], mixed, under)


def _caption(seen: Played, found: LensResult) -> str:
    name = seen.through.name
    if explained := found.besides.get("explained"):
        shares = " + ".join(percent(100 * share) for share in explained)
        return f"{found.stage}   {name}: {shares} of the variance"
    what = f' "{seen.through.text}"' if seen.through.text else ""
    called = number_name(found.call, found.stage)
    return f"{found.stage}   {name}{what}{f', {called}' if called else ''}"


def _captioned(rgb: Rgb, text: str) -> Image.Image:
    height, width = rgb.shape[:2]
    picture = Image.new("RGB", (width, height + CAPTION), (13, 16, 23))
    picture.paste(Image.fromarray(rgb), (0, 0))
    shown, size = fonts.fitted(plain(text), 15, width - 16)
    fonts.written(picture, 8, height + 19, shown, size, (210, 214, 220), None)
    return picture
