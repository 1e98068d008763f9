"""Contents that formats are written from, for a series of images or for one reading."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol

from vlmtui.query.options import Query
from vlmtui.reports.formats.base import Content
from vlmtui.reports.image_reader import read_reports
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.per_image import ImageFailure
from vlmtui.session.reconnecting import OnProgress

if TYPE_CHECKING:
    from vlmtui.reports.images.content import ReportDrawing
    from vlmtui.reports.images.stage_values import Animation
    from vlmtui.reports.page.content import PageContent
    from vlmtui.session.client import SessionClient


def collect(
    content: Content | None,
    sources: tuple[str, ...],
    query: Query,
    start: Callable[[], SessionClient],
    on_progress: OnProgress,
) -> Generator[Any | ImageFailure, None, None]:
    """Read the images and compute the content of each. Raises `UsageError` for a query that cannot be answered."""
    match content:
        case Content.DRAWING:
            from vlmtui.reports.images.content import collect_drawings

            return collect_drawings(sources, query, start, on_progress)
        case Content.PAGE:
            from vlmtui.reports.page.content import collect_pages

            return collect_pages(sources, query, start, on_progress)
        case Content.ANIMATION:
            from vlmtui.reports.images.stage_values import collect_animations

            return collect_animations(sources, query, start, on_progress)
        case _:
            return read_reports(sources, query, start, on_progress)


def report_in(content: object) -> ImageReport | None:
    """The report that a content is, or is drawn from; None for pages and animations, which always show all entries."""
    found = content if isinstance(content, ImageReport) else getattr(content, "seen", None)
    return found if isinstance(found, ImageReport) else None


class ReadingContents(Protocol):
    """The contents of one reading, each computed on request."""

    def report(self) -> ImageReport:
        """The report of its entries."""

    def drawing(self) -> ReportDrawing:
        """The default drawing of its report."""

    def page(self) -> PageContent:
        """The content of its page."""

    def animation(self) -> Animation:
        """The lens's results at every stage."""


def content_of(content: Content | None, reading: ReadingContents) -> Any:
    """The content of a reading that a format is written from."""
    match content:
        case Content.DRAWING:
            return reading.drawing()
        case Content.PAGE:
            return reading.page()
        case Content.ANIMATION:
            return reading.animation()
        case _:
            return reading.report()
