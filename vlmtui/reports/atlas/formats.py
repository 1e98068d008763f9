"""The formats of an atlas."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vlmtui.reports.atlas.data import as_csv, as_json
from vlmtui.reports.atlas.model import Atlas
from vlmtui.reports.atlas.page import as_html
from vlmtui.reports.atlas.text import as_text

FORMATS: dict[str, Callable[[Atlas], Iterator[str]]] = {
    "text": as_text,
    "json": as_json,
    "csv": as_csv,
    "html": as_html,
}
