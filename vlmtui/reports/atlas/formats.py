"""Formats of an atlas: text, JSON, CSV and an HTML page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vlmtui.reports.atlas.json_csv import atlas_csv, atlas_json
from vlmtui.reports.atlas.page import atlas_html
from vlmtui.reports.atlas.summary import Atlas
from vlmtui.reports.atlas.text import atlas_text

FORMATS: dict[str, Callable[[Atlas], Iterator[str]]] = {
    "text": atlas_text,
    "json": atlas_json,
    "csv": atlas_csv,
    "html": atlas_html,
}
