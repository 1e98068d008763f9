"""Queries in parts: options for loading, reading, the vocabulary search and the output, and a selection of entries.

Front ends build them from a command line, a web request or Python arguments, checked as far as that can be done without
a model. A function takes the parts that it reads, and a whole `Query` only where it reads most of them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vlmtui.images.decoding import MAX_PIXELS, RgbImage, decode
from vlmtui.images.image_file import ImageFile
from vlmtui.images.levels import Levels
from vlmtui.query.chosen_lens import ChosenLens
from vlmtui.query.conditions import Condition
from vlmtui.query.drawing_options import DrawOptions
from vlmtui.query.patches import PatchPosition
from vlmtui.query.search_options import SearchOptions as SearchOptions
from vlmtui.reading import ModelInfo, Reading
from vlmtui.session.discovery import SessionLocation

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient
    from vlmtui.session.protocol import Progress


@dataclass(frozen=True)
class LoadOptions:
    """The model and the session that loads it: `where` chooses the session, the rest how the model is loaded there."""

    model: str
    revision: str | None = None
    processor: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    where: SessionLocation = field(default_factory=SessionLocation)


@dataclass(frozen=True)
class ReadOptions:
    """How an image is read: with the model's usual prompt where `prompt` is None, not above `max_pixels`, and more than
    8 bits a sample by `levels`."""

    prompt: str | None = None
    max_pixels: int = MAX_PIXELS
    levels: Levels = "auto"

    def decode(self, source: ImageFile) -> RgbImage:
        """The pixels of an image file, as the session reads them. Raises `ImageError`."""
        return decode(source.data, source.source, self.max_pixels, self.levels)


@dataclass(frozen=True)
class EntrySelection:
    """What part of a reading a report covers: a stage and, of its entries, those selected (all by default).

    `stage` is the model's default stage where it is None. `stages` are those that a page shows besides; `all` among
    them means every stage that has words. `patches` and `rows` of the grid select entries by position, `condition` by
    their numbers and words.
    """

    stage: str | None = None
    stages: tuple[str, ...] = ()
    patches: tuple[PatchPosition, ...] = ()
    rows: tuple[range, ...] = ()
    condition: Condition | None = None

    @property
    def partial(self) -> bool:
        """Whether it may leave out entries of the stage."""
        return bool(self.patches or self.rows) or self.condition is not None


@dataclass(frozen=True)
class OutputOptions:
    """What is written: fields, vectors and drawing.

    `fields` of each entry (without them those of the format), `vectors`, a file for the vectors themselves, and
    `drawing` for formats that are images. With `csv_safe`, texts that a spreadsheet would compute are quoted.
    """

    fields: tuple[str, ...] = ()
    vectors: str | None = None
    csv_safe: bool = False
    drawing: DrawOptions = field(default_factory=DrawOptions)


@dataclass(frozen=True)
class Query:
    """Everything a report command was asked for."""

    load: LoadOptions
    read: ReadOptions = field(default_factory=ReadOptions)
    search: SearchOptions = field(default_factory=SearchOptions)
    selection: EntrySelection = field(default_factory=EntrySelection)
    lens: ChosenLens | None = None
    output: OutputOptions = field(default_factory=OutputOptions)


def load_model(
    client: SessionClient, options: LoadOptions, on_progress: Callable[[Progress], None] | None, layers: bool = False
) -> Future[ModelInfo]:
    """Ask a session to load a model, with all decoder layers where `layers` is true."""
    return client.load(
        options.model,
        revision=options.revision,
        processor=options.processor,
        device=options.device,
        dtype=options.dtype,
        layers=layers,
        on_progress=on_progress,
    )


def read_image(
    client: SessionClient,
    source: ImageFile,
    options: ReadOptions,
    on_progress: Callable[[Progress], None] | None = None,
) -> Future[Reading]:
    """Ask a session to read an image with the loaded model."""
    return client.read(
        source, max_pixels=options.max_pixels, levels=options.levels, prompt=options.prompt, on_progress=on_progress
    )
