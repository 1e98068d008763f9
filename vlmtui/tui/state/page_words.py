"""Top-1 words of a page: those that the metric found, or those of the overlay's lens, by cell. No Textual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from vlmtui.display.entry_grids import EntryGrid
from vlmtui.display.numbers import short_score
from vlmtui.display.pieces import fold, row_name
from vlmtui.display.word_segments import WordSegments, word_segments
from vlmtui.lenses.fact_lines import top_words
from vlmtui.lenses.kinds import Words
from vlmtui.tui.state.early_exit import shows_early_exit
from vlmtui.tui.state.lens_values import overlay_lens, shown_result
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import SEGMENTS, WORDS, Selection
from vlmtui.tui.state.stages import ANSWER, of_tokens
from vlmtui.tui.state.word_table import shown_score

WordGrid = tuple[tuple[str | None, ...], ...]
"""Words [rows][columns]; None is a cell without a word, or one whose word has not come."""


@dataclass(frozen=True)
class PageWords:
    """The top-1 of every entry of a page; those of `missing` entries have not come. Segments may fold spellings."""

    words: WordGrid
    missing: int = 0
    folds: bool = False

    @property
    def segments(self) -> WordSegments | None:
        """Their segments; None until all words have come, since they would grow together."""
        return None if self.missing else _segments_of(self.words, self.folds)


@lru_cache(maxsize=8)
def _segments_of(words: WordGrid, folds: bool) -> WordSegments:
    """Remembered, since the view moves more often than the words change."""
    return word_segments(words, folds)


@dataclass(frozen=True)
class RankedWord:
    """A word of a patch and its score, as they are shown."""

    word: str
    score: str


def ranked_words(
    results: Results, selection: Selection, page: EntryGrid, cells: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], tuple[RankedWord, ...]]:
    """All words of cells that the metric found, best first; cells of which none have come are left out."""
    table = results.word_table(selection)
    ranked = {}
    for cell in cells:
        entry = page.entries.get(cell)
        token = None if entry is None else results.token_of(selection.stage, entry)
        rows = None if table is None or token is None else table.lines(token, selection.k, selection.folds)
        if rows:
            ranked[cell] = tuple(
                RankedWord(row_name(row.id, row.piece, row.text), short_score(shown_score(row.score, selection.order)))
                for row in rows
            )
    return ranked


def has_word_overlay(results: Results, selection: Selection) -> bool:
    """Whether words lie over the image, or their segments."""
    if selection.stage == ANSWER:
        return False
    lens = overlay_lens(selection, results)
    if lens is not None:
        return lens.kind is Words
    worded = of_tokens(selection.stage) or shows_early_exit(results, selection)
    return selection.overlay in (WORDS, SEGMENTS) and worded


def page_words(results: Results, selection: Selection, page: EntryGrid) -> PageWords | None:
    """The words that the overlay has for a page; None where it has none, or none yet."""
    if not has_word_overlay(results, selection):
        return None
    if overlay_lens(selection, results) is None:
        return _of_metric(results, selection, page)
    found = shown_result(selection, results)
    if found is None or not isinstance(found.result, Words):
        return None
    return of_lens(page, found.result, selection.folds)


def of_lens(page: EntryGrid, result: Words, folds: bool) -> PageWords:
    """The words of a page that a lens found; those of a vocabulary may fold, a lens's own texts do not."""
    firsts = top_words(result)
    words = _by_cell(page, {entry: firsts[entry] or None for entry in page.entries.values()})
    return PageWords(words, folds=folds and result.rows)


def page_segments(results: Results, selection: Selection) -> WordSegments | None:
    """The segments of the page with the cursor; None where words do not lie over it, or have not all come."""
    page = results.page(selection)
    words = page_words(results, selection, page) if page is not None and page.grid is not None else None
    return None if words is None else words.segments


def chosen_word(results: Results, selection: Selection) -> str:
    """The word that is seen alone; "" where all are."""
    segments = page_segments(results, selection) if selection.word else None
    return "" if segments is None else segments.one_word(selection.word)


def voted_word(results: Results, selection: Selection) -> str:
    """The word of the segment under the cursor where lists of its neighbours voted for it; "" where the segments are
    of each patch's own top-1, and without one."""
    lens = overlay_lens(selection, results)
    if selection.overlay != SEGMENTS or lens is None or not lens.built_in:
        return ""
    segments = page_segments(results, selection)
    here = segments.at((selection.row, selection.col)) if segments is not None else None
    return here.word if here is not None else ""


def hub_that_gives_way(results: Results, selection: Selection, page: EntryGrid, words: PageWords) -> str:
    """The most frequent hub word that is the top-1 of more than twice as many patches as it has of the segments of
    `words`; "" without one."""
    hubs, table, segments = results.hubs(selection), results.word_table(selection), words.segments
    if table is None or segments is None:
        return ""
    tokens = [results.token_of(selection.stage, entry) for entry in page.entries.values()]
    firsts = [rows[0] for token in tokens if token is not None and (rows := table.rows.get(token))]
    named = Counter(row_name(row.id, row.piece, row.text) for row in firsts if row.id in hubs)
    left: Counter[str] = Counter()
    for one in segments.segments:
        left[fold(one.word)] += len(one.cells)
    return next((name for name, many in named.most_common() if many > 2 * left[fold(name)]), "")


def _of_metric(results: Results, selection: Selection, page: EntryGrid) -> PageWords:
    table, missing = results.word_table(selection), 0
    words: dict[int, str | None] = {}
    for entry in page.entries.values():
        token = results.token_of(selection.stage, entry)
        rows = None if table is None or token is None else table.rows.get(token)
        missing += token is not None and rows is None
        words[entry] = row_name(rows[0].id, rows[0].piece, rows[0].text) if rows else None
    return PageWords(_by_cell(page, words), missing, selection.folds)


def _by_cell(page: EntryGrid, words: dict[int, str | None]) -> WordGrid:
    cells: list[list[str | None]] = [[None] * page.cols for _ in range(page.rows)]
    for (row, col), entry in page.entries.items():
        cells[row][col] = words[entry]
    return tuple(tuple(line) for line in cells)
