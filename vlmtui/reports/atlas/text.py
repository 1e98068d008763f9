"""Text page of an atlas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vlmtui.display import numbers
from vlmtui.display.metric_names import shown_score
from vlmtui.display.norm_statistics import RULE
from vlmtui.display.outlier_positions import TEST, VERDICTS, position_test
from vlmtui.display.pieces import fit, isolate, marks_words, plain, visible
from vlmtui.display.text_lines import flow, labelled, wrapped
from vlmtui.reports.atlas.counts import AtlasCounts
from vlmtui.reports.atlas.examples import RANKING, SIDE, WordExamples
from vlmtui.reports.atlas.summary import Atlas
from vlmtui.reports.commands.outliers import position_lines
from vlmtui.results.folded_words import TIMES, spellings_mark

_SHADES = " ·░▒▓█"
_MAPS = 4  # in a row
_WIDE = 2 * SIDE
_SHAPES = 6
_FAILURES = 20
_WORD = 20
FOLDED = f"Spellings of one word are one line with the most frequent one, {TIMES} their number"


def atlas_text(atlas: Atlas) -> Iterator[str]:
    """The page of text."""
    yield from (f"{line.rstrip()}\n" for line in _page(atlas))


def _page(atlas: Atlas) -> Iterator[str]:
    for label, sentence in labelled_facts(atlas):
        yield from labelled(label, sentence)
    if atlas.words.most_frequent:
        yield ""
        yield from _words(atlas)
        yield ""
        yield from wrapped(f"Maps: {map_caption(SIDE)}; shades {_SHADES.strip()} up to each word's largest share.", "")
        yield from _maps(atlas, atlas.words.most_frequent)
    for chosen in atlas.words.sought:
        yield ""
        yield from _sought(atlas, chosen)
    if atlas.counts.shapes:
        yield ""
        yield from _outliers(atlas.counts)
    if atlas.counts.failures:
        yield ""
        yield "Images that failed"
        for image, error in atlas.counts.failures[:_FAILURES]:
            failure_text = plain(error if image in error else f"{image}: {error}")
            yield from flow((f"{word} " for word in failure_text.split(" ")), "  ", indent=4)
        if (num_unlisted := atlas.counts.failed - _FAILURES) > 0:
            yield f"  and {num_unlisted:,} more: --format csv --table failures"


def labelled_facts(atlas: Atlas) -> Iterator[tuple[str, str]]:
    """Facts needed to read an atlas, as labels and sentences."""
    counts = atlas.counts
    yield "tables", numbers.count(len(atlas.files), "file")
    failed = f"; {counts.failed:,} more failed" if counts.failed else ""
    yield "read", numbers.count(counts.pictures, "image") + failed
    if counts.model is not None:
        yield "model", plain(counts.model)
    if counts.stage is not None:
        yield "stage", f"{plain(counts.stage)}, {numbers.count(counts.entries, 'entry', 'entries')}"
    if counts.metric is not None and counts.k:
        yield "words", f"by {plain(counts.metric)}, {counts.k} per entry"
    if counts.incomplete:
        have = "has" if counts.incomplete == 1 else "have"
        yield (
            "places",
            f"{numbers.count(counts.incomplete, 'image')} {have} only some rows here (--where, --rows, --patch): "
            "their words are counted, their positions are not",
        )
    if counts.uncounted:
        yield "shapes", f"{numbers.count(counts.uncounted, 'image')} of rare shapes are left out of the outliers"


def patch_score_name(metric: str | None) -> str:
    """The name of the number beside a patch of a word."""
    return "distance" if metric == "l2" else "score"


def map_caption(side: int) -> str:
    """The sentence that says what a map shows."""
    return f"the share of entries with the word as top-1, on {side} × {side} squares over every grid"


def _words(atlas: Atlas) -> Iterator[str]:
    counts = atlas.counts
    k = counts.k
    yield f"{'Most frequent':<{_WORD}} {'id':>8}  {'top-1 of':>21}  {f'in the top {k} of':>21}"
    yield f"{'':<{_WORD}} {'':>8}  {'entries':>10} {'images':>10}  {'entries':>10} {'images':>10}"
    for examples in atlas.words.most_frequent:
        shares = [
            numbers.percent(100 * count / total)
            for count, total in (
                (examples.first, counts.entries),
                (examples.pictures_first, counts.pictures),
                (examples.among, counts.entries),
                (examples.pictures_among, counts.pictures),
            )
        ]
        first, pictures, among, among_pictures = (f"{share:>10}" for share in shares)
        mark = spellings_mark(len(examples.ids))
        word = fit(fit(shown_word(counts, examples.ids[0]), _WORD - len(mark)).rstrip() + mark, _WORD)
        yield f"{word} {examples.ids[0]:>8}  {first} {pictures}  {among} {among_pictures}"
    if any(len(examples.ids) > 1 for examples in atlas.words.most_frequent):
        yield from wrapped(f"{FOLDED}.", "")


def shown_word(counts: AtlasCounts, id_: int) -> str:
    """A word for display."""
    return isolate(visible(*counts.names[id_]))


def spellings(counts: AtlasCounts, word: WordExamples) -> list[tuple[str, int]]:
    """The pieces of a word asked for, for display, with their ids."""
    joins = marks_words(piece for piece, _ in counts.names.values())
    return [(visible(*counts.names[id_], joins), id_) for id_ in word.ids]


def _maps(atlas: Atlas, words: Sequence[WordExamples]) -> Iterator[str]:
    """The maps of words, several side by side."""
    for start in range(0, len(words), _MAPS):
        map_row = words[start : start + _MAPS]
        yield ""
        titles = []
        for word in map_row:
            largest_share = (
                f" {numbers.percent(100 * float(np.nanmax(word.shares)))}" if np.isfinite(word.shares).any() else ""
            )
            titles.append(
                fit(fit(shown_word(atlas.counts, word.ids[0]), _WIDE - len(largest_share)) + largest_share, _WIDE)
            )
        yield "   ".join(titles)
        for row in range(SIDE):
            yield " │ ".join(_shaded(word)[row] for word in map_row)


def _shaded(word: WordExamples) -> list[str]:
    shares = np.nan_to_num(word.shares)
    largest_share = float(shares.max())
    steps = (
        np.ceil(shares / largest_share * (len(_SHADES) - 1)).astype(int)
        if largest_share > 0
        else np.zeros_like(shares, int)
    )
    return ["".join(2 * _SHADES[step] for step in row) for row in steps.tolist()]


def _sought(atlas: Atlas, examples: WordExamples) -> Iterator[str]:
    counts = atlas.counts
    word = isolate(plain(examples.sought or ""))
    if not examples.ids:
        yield from wrapped(f"No entry has {word} in its top {counts.k}.", "")
        return
    pieces = ", ".join(f"{isolate(piece)} ({id_})" for piece, id_ in spellings(counts, examples))
    summary = (
        f"Spellings of {word}: {pieces}; top-1 of {examples.first:,} entries, among the top {counts.k} of "
        f"{examples.among:,} (all spellings together)"
    )
    yield from wrapped(summary, "")
    if examples.patches:
        yield from wrapped(f"Patches: {RANKING}.", "")
        yield f"rank  {patch_score_name(counts.metric):>8}  row,column   box in pixels, image"
    for patch in examples.patches:
        row = patch.row
        place = f"{row['row']},{row['col']}" if row["row"] is not None else f"{row['kind']} {row['index']}"
        place += f" in {row['grid']}" if row["grid"] else ""
        score = numbers.format_number(shown_score(counts.metric, patch.score))
        yield f"{patch.place + 1:>5}  {score:>8}  {place:<11}  {numbers.box(patch.box)}"
        yield from flow([isolate(plain(row["image"]))], " " * 30)


def _outliers(counts: AtlasCounts) -> Iterator[str]:
    yield from wrapped(f"Outliers by norm, position by position. {RULE}.", "")
    yield from wrapped(f"Test: {TEST}. A position is row,column from 0, and its index; the share is of grids.", "")
    yield ""
    shapes = counts.shapes
    for tally in shapes[:_SHAPES]:
        yield from position_lines(counts.stage or "", tally)
    if len(shapes) > _SHAPES:
        yield f"and {len(shapes) - _SHAPES:,} more shapes of grids: --format csv --table outliers"
    for verdict in dict.fromkeys(position_test(tally).verdict for tally in shapes[:_SHAPES]):
        yield from flow([f"{verdict}: ", *(f"{word} " for word in VERDICTS[verdict].split())], "", indent=2)
