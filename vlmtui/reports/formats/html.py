"""`html`: a page for a browser, one file that needs no network access (`vlmtui.reports.page`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vlmtui.query.options import Query
from vlmtui.reports.page.content import PageContent
from vlmtui.reports.page.document import page_document
from vlmtui.reports.per_image import ImageFailure


def write_html(pages: Iterable[PageContent | ImageFailure], query: Query, several: bool) -> Iterator[str]:
    """Write the file in one piece."""
    yield from (page_document(page) for page in pages if isinstance(page, PageContent))
