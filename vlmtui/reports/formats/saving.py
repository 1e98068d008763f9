"""Saving a reading held by a session in any format, byte for byte as `vlmtui report` writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from vlmtui.display.colours import Rgb
from vlmtui.errors import UsageError
from vlmtui.query.chosen_lens import default_colour_lens
from vlmtui.query.drawing_options import HEAT, WORDS
from vlmtui.query.options import Query
from vlmtui.reading import Reading, check_stage, default_stage
from vlmtui.reports.formats.base import Format
from vlmtui.reports.formats.contents import ReadingContents, content_of
from vlmtui.reports.formats.registry import ENDINGS, format_named
from vlmtui.reports.image_reader import report_of
from vlmtui.reports.image_report import ImageReport

if TYPE_CHECKING:
    from vlmtui.reports.images.content import ReportDrawing
    from vlmtui.reports.images.stage_values import Animation
    from vlmtui.reports.page.content import PageContent
    from vlmtui.session.client import SessionClient


def format_of_file(name: str) -> Format:
    """The format of a file's ending. Raises `UsageError` where it has none."""
    if not name:
        raise UsageError(f"the name of the file is empty: give one that ends in {', '.join(ENDINGS)}")
    try:
        return format_named(ENDINGS[PurePath(name).suffix.lower()])
    except KeyError:
        raise UsageError(f"{name} does not say which format to write: end it in {', '.join(ENDINGS)}") from None


def write_reading(format: Format, reading: ReadingContents, query: Query) -> Iterator[str | bytes]:
    """Write the report of a reading, in chunks."""
    yield from format.write([content_of(format.content, reading)], query, False)


def default_drawing(report: ImageReport, rgb: Rgb) -> ReportDrawing:
    """The drawing of a report without drawing options: words if it has any, else norms as colours."""
    from vlmtui.reports.images.content import ReportDrawing

    return ReportDrawing(WORDS if report.words is not None else HEAT, rgb, report, layers=report.layers)


@dataclass(frozen=True)
class SessionReading:
    """The contents of a reading held by a session; `image` decodes its image, [height, width, 3] uint8."""

    client: SessionClient
    reading: Reading
    query: Query
    image: Callable[[], Rgb]

    @property
    def stage(self) -> str:
        """The stage of the query, or the model's default one. Raises `UsageError` where the model has no such stage."""
        stage, model = self.query.selection.stage, self.reading.model
        return default_stage(model) if stage is None else check_stage(stage, model)

    def report(self) -> ImageReport:
        """The report of its entries."""
        return report_of(self.client, self.reading, self.query, self.stage)

    def drawing(self) -> ReportDrawing:
        """The default drawing of its report: words in patches, or norms."""
        # words are drawn without percentiles of noise, and norms have none
        unheard = replace(self.query, search=replace(self.query.search, noise=False))
        return default_drawing(report_of(self.client, self.reading, unheard, self.stage), self.image())

    def page(self) -> PageContent:
        """The content of its page."""
        from vlmtui.reports.page.content import page_content

        return page_content(self.client, self.image(), self.reading, self.query)

    def animation(self) -> Animation:
        """The lens's results at every stage up to that of the query."""
        from vlmtui.reports.images.stage_values import animate

        stage, lens = self.stage, self.query.lens or default_colour_lens()
        return animate(self.client, self.image(), self.reading, self.query, lens, stage)
