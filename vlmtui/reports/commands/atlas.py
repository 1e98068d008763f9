"""The atlas command: build an atlas and write it in one format."""

from __future__ import annotations

from collections.abc import Callable

from vlmtui.display.pieces import plain
from vlmtui.errors import UsageError
from vlmtui.reports.atlas.formats import FORMATS
from vlmtui.reports.atlas.summary import AtlasOptions, build_atlas
from vlmtui.reports.output.progress import ProgressLine
from vlmtui.reports.output.target import check_target, same_file, target


def run_atlas(asked: AtlasOptions, format: str, output: str | None, quiet: bool, tell: Callable[[str], None]) -> int:
    """Write the atlas; return the exit status. `tell` receives notes that a data format has no place for."""
    if format not in FORMATS:
        raise UsageError(f"atlas has no format {format!r}: choose {', '.join(FORMATS)}")
    if output is not None and output != "-":
        check_target(output)
        if any(same_file(output, name) for name in asked.names):
            raise UsageError(f"-o {output} is the table itself: name another file for the atlas")
    progress = ProgressLine(quiet)
    try:
        atlas = build_atlas(asked, progress)
        with target(output) as to:
            for piece in FORMATS[format](atlas):
                progress.clear()
                to.write(piece)
            to.flush()
    finally:
        progress.clear()
    if format in ("csv", "json"):
        for chosen in atlas.found.sought:
            if not chosen.ids:
                tell(f"no entry has {plain(chosen.sought or '')} among its words")
    return 0
