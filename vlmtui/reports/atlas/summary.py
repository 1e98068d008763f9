"""Atlas: its options, and the counts and examples that a pass over the tables gives, or two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from vlmtui.display.metric_names import COEFFICIENTS
from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.memory import keep_freed_memory
from vlmtui.reports.atlas.blocks import TableBlock, TableFilter
from vlmtui.reports.atlas.counts import AtlasCounts
from vlmtui.reports.atlas.examples import ChosenWords, ExampleCollector, LikelyWords, add_rows, choose_words
from vlmtui.reports.atlas.tables import (
    COUNTED,
    NAMED,
    SCORED,
    no_match_error,
    sampled_blocks,
    table_blocks,
    table_files,
)
from vlmtui.session.protocol import Progress


@dataclass(frozen=True)
class AtlasOptions:
    """The tables to read, what to keep of them, and what to show: `k` frequent words, `patches` a word, and `words`.

    With `fold` the spellings of a frequent word are one. `table` names the table that CSV output has; with `csv_safe`
    its texts are no formulas of a spreadsheet.
    """

    names: tuple[str, ...]
    which: TableFilter = field(default_factory=TableFilter)
    k: int = 12
    patches: int = 8
    words: tuple[str, ...] = ()
    table: str = "words"
    csv_safe: bool = False
    fold: bool = False


@dataclass(frozen=True)
class Atlas:
    """Counts over many images, with maps and top patches of the words chosen."""

    options: AtlasOptions
    files: tuple[str, ...]
    counts: AtlasCounts
    words: ChosenWords


def build_atlas(asked: AtlasOptions, on_progress: Callable[[Progress], None] = lambda progress: None) -> Atlas:
    """Read the tables to count words and to collect examples of those that are likely to be the most frequent ones; and
    again for the most frequent ones that were not expected.

    Raises `VlmtuiError` where a file is not a table, or the tables have no image.
    """
    if any(not word.strip() for word in asked.words):
        raise UsageError("--word is empty: give it a word")
    names = table_files(asked.names)
    keep_freed_memory()

    def read(columns: Sequence[str], doing: str) -> Iterator[TableBlock]:
        for block, share in table_blocks(names, columns):
            on_progress(Progress(doing, round(1000 * share), 1000))
            yield block.filtered(asked.which)

    sample = _sample(asked, names)
    likely = LikelyWords(sample, asked.k, asked.words, _folds(asked, sample), asked.patches)
    counted = AtlasCounts()
    # a word that is asked for, and another spelling, may be any of them; else the names of a few are enough, which the
    # first blocks have
    is_named = asked.fold or bool(asked.words)
    for block in read((*(NAMED if is_named else COUNTED), "words.score"), "counting words"):
        counted.add(block, is_named)
        likely.add(block, counted)
    if not counted.pictures:
        there = list(dict.fromkeys(kind for block, _ in table_blocks(names, COUNTED) for kind in block.kinds()))
        if there or not counted.failed:
            raise no_match_error(asked.which, names, there)
    chosen = choose_words(counted, asked.k, asked.words, _folds(asked, counted))
    wanted = {word.ids[0] for word in chosen.most_frequent}
    for block in read(NAMED, "reading names") if not is_named and wanted else ():
        counted.add_names(block, wanted)
        if wanted <= counted.names.keys():
            break
    found, missing = likely.examples(chosen, counted)
    if missing:
        collector = ExampleCollector(missing, asked.patches)
        for block in read(SCORED, "searching for patches"):
            collector.add(block)
    add_rows(found, names)
    return Atlas(asked, names, counted, found)


def _sample(asked: AtlasOptions, names: Sequence[str]) -> AtlasCounts:
    """Counts of a few blocks, or none where these are no table: counting all says what is wrong."""
    sample = AtlasCounts()
    with suppress(VlmtuiError):
        for block in sampled_blocks(names, NAMED if asked.fold else COUNTED):
            sample.add(block.filtered(asked.which), asked.fold)
    return sample


def _folds(asked: AtlasOptions, counts: AtlasCounts) -> bool:
    return asked.fold and counts.metric not in COEFFICIENTS
