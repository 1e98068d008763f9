"""`vlmtui atlas` from start to end: tables in, one format out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from vlmtui.display.pieces import plain
from vlmtui.errors import UsageError
from vlmtui.files import expand_path
from vlmtui.reports.atlas.counts import AtlasCounts
from vlmtui.reports.atlas.examples import ChosenWords, choose_words, collect_examples
from vlmtui.reports.atlas.tables import TableBlock, TableFilter, no_match_error, table_blocks, table_files
from vlmtui.reports.output.progress import ProgressLine
from vlmtui.reports.output.target import check_target, target
from vlmtui.session.protocol import Progress


@dataclass(frozen=True)
class AtlasOptions:
    """Of which tables, which of what is in them, and how much of it: `k` words, `patches` of each, and these `words`.

    `table` is the one of an atlas that CSV shows.
    """

    names: tuple[str, ...]
    which: TableFilter = field(default_factory=TableFilter)
    k: int = 12
    patches: int = 8
    words: tuple[str, ...] = ()
    table: str = "words"


@dataclass(frozen=True)
class Atlas:
    """What many pictures have in common."""

    asked: AtlasOptions
    files: tuple[str, ...]
    counted: AtlasCounts
    found: ChosenWords


def build_atlas(asked: AtlasOptions, on_progress: Callable[[Progress], None] = lambda progress: None) -> Atlas:
    """Read the tables, twice: to count, and to look at the words that this shows to be the most said.

    Raises `VlmtuiError` where one is no table, or none holds a picture.
    """
    if any(not word.strip() for word in asked.words):
        raise UsageError("--word is empty: give it a word")
    names = table_files(asked.names)

    def read(doing: str) -> Iterator[TableBlock]:
        for block, share in table_blocks(names):
            on_progress(Progress(doing, round(1000 * share), 1000))
            yield block.kept(asked.which)

    counted = AtlasCounts()
    for block in read("counting words"):
        counted.add(block)
    if not counted.pictures:
        there = list(dict.fromkeys(kind for block, _ in table_blocks(names) for kind in block.kinds()))
        if there or not counted.failed:
            raise no_match_error(asked.which, names, there)
    found = choose_words(counted, asked.k, asked.words)
    collect_examples(found, read("looking for patches"), asked.patches)
    return Atlas(asked, names, counted, found)


def run_atlas(asked: AtlasOptions, format: str, output: str | None, quiet: bool, tell: Callable[[str], None]) -> int:
    """Write the atlas; the exit status. What the data do not say, `tell` says."""
    from vlmtui.reports.atlas.formats import FORMATS

    if format not in FORMATS:
        raise UsageError(f"atlas has no format {format!r}: choose {', '.join(FORMATS)}")
    if output is not None and output != "-":
        check_target(output)
        if any(_same(output, name) for name in asked.names):
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


def _same(output: str, name: str) -> bool:
    with suppress(OSError, ValueError):
        return os.path.samefile(expand_path(output), expand_path(name))
    return False
