"""A reading that a session holds as a file of any format: the bytes that `vlmtui report` gives for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from vlmtui.display.colours import Rgb
from vlmtui.errors import UsageError
from vlmtui.query.chosen_lens import colouring
from vlmtui.query.drawing import HEAT, WORDS
from vlmtui.query.options import Query
from vlmtui.reading import Reading, check_stage, default_stage
from vlmtui.reports import DRAWN, ENDINGS, FORMATS, GIF, HTML, PNG, SVG, page
from vlmtui.reports.formats import gif
from vlmtui.reports.image_reader import report_of
from vlmtui.reports.image_report import ImageReport

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient


def saved_as(name: str) -> str:
    """The format that a file's ending asks for; `UsageError` for one that asks for none."""
    try:
        return ENDINGS[PurePath(name).suffix.lower()]
    except KeyError:
        raise UsageError(f"{name} does not say which format it is to have: end it in {', '.join(ENDINGS)}") from None


def written(
    client: SessionClient, reading: Reading, query: Query, format: str, picture: Callable[[], Rgb]
) -> Iterator[str | bytes]:
    """The report of a reading, piece by piece; `picture` decodes its picture, where the format shows that."""
    stage = (
        default_stage(reading.model)
        if query.selection.stage is None
        else check_stage(query.selection.stage, reading.model)
    )
    if format == HTML:
        yield page.document(page.glance(client, picture(), reading, query))
    elif format == GIF:
        through = query.lens or colouring()
        yield from gif.write([gif.play(client, picture(), reading, query, through, stage)])
    elif format in DRAWN:
        yield from drawn(report_of(client, reading, query, stage), format, picture())
    else:
        yield from FORMATS[format]([report_of(client, reading, query, stage)], query, False)


def drawn(seen: ImageReport, format: str, rgb: Rgb) -> Iterator[str | bytes]:
    """A report as a picture: its words where it has any, else its norms as colours."""
    from vlmtui.reports.images import ansi, files
    from vlmtui.reports.images.content import Shown

    shown = Shown(WORDS if seen.words is not None else HEAT, rgb, seen, layers=seen.layers)
    if format == PNG:
        yield from files.write_png([shown])
    else:
        yield from (files.write_svg if format == SVG else ansi.write)([shown])
