"""`html`: a page for a browser, one file that needs no network (`vlmtui.reports.page`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vlmtui.query.options import Query
from vlmtui.reports.page.content import Glance
from vlmtui.reports.page.document import document
from vlmtui.reports.per_image import Failure


def write_html(pages: Iterable[Glance | Failure], query: Query, several: bool) -> Iterator[str]:
    """The file, whole."""
    yield from (document(page) for page in pages if isinstance(page, Glance))
