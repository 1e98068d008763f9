"""Text page of an atlas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vlmtui.display import numbers
from vlmtui.display.norm_statistics import RULE
from vlmtui.display.outlier_positions import TEST, VERDICTS, position_test
from vlmtui.display.pieces import fit, isolate, marks_words, plain, visible
from vlmtui.display.text_lines import flow, labelled, wrapped
from vlmtui.reports.atlas.counts import AtlasCounts
from vlmtui.reports.atlas.examples import RANKING, SIDE, WordExamples
from vlmtui.reports.atlas.summary import Atlas
from vlmtui.reports.commands.outliers import position_lines

_SHADES = " ·░▒▓█"
_MAPS = 4  # in a row
_WIDE = 2 * SIDE
_SHAPES = 6
_FAILURES = 20
_WORD = 20


def atlas_text(atlas: Atlas) -> Iterator[str]:
    """The page of text."""
    yield from (f"{line.rstrip()}\n" for line in _page(atlas))


def _page(atlas: Atlas) -> Iterator[str]:
    for label, sentence in labelled_facts(atlas):
        yield from labelled(label, sentence)
    if atlas.found.most_said:
        yield ""
        yield from _words(atlas)
        yield ""
        yield from wrapped(f"Where: {map_caption(SIDE)}; of {_SHADES.strip()} the last is the word's largest.", "")
        yield from _maps(atlas, atlas.found.most_said)
    for chosen in atlas.found.sought:
        yield ""
        yield from _sought(atlas, chosen)
    if atlas.counted.shapes:
        yield ""
        yield from _outliers(atlas.counted)
    if atlas.counted.failures:
        yield ""
        yield "Pictures that failed"
        for image, error in atlas.counted.failures[:_FAILURES]:
            said = plain(error if image in error else f"{image}: {error}")
            yield from flow((f"{word} " for word in said.split(" ")), "  ", indent=4)
        if (more := atlas.counted.failed - _FAILURES) > 0:
            yield f"  and {more:,} more: --format csv --table failures"


def labelled_facts(atlas: Atlas) -> Iterator[tuple[str, str]]:
    """Facts needed to read an atlas, as labels and sentences."""
    counted = atlas.counted
    yield "tables", numbers.count(len(atlas.files), "file")
    failed = f"; {counted.failed:,} more failed" if counted.failed else ""
    yield "read", numbers.count(counted.pictures, "picture") + failed
    if counted.model is not None:
        yield "model", plain(counted.model)
    if counted.stage is not None:
        yield "stage", f"{plain(counted.stage)}, {numbers.count(counted.entries, 'entry', 'entries')}"
    if counted.metric is not None and counted.k:
        yield "words", f"by {plain(counted.metric)}, {counted.k} an entry"
    if counted.some:
        have = "has" if counted.some == 1 else "have"
        yield (
            "places",
            f"of {numbers.count(counted.some, 'picture')} {have} only some rows here (--where, --rows, --patch): their "
            "words are counted, where they lie is not",
        )
    if counted.unlike:
        yield "shapes", f"{numbers.count(counted.unlike, 'picture')} of rare shapes are left out of the outliers"


def map_caption(side: int) -> str:
    """The sentence that says what a map shows."""
    return f"the share of the entries there that say it first, on {side} × {side} squares over every grid"


def _words(atlas: Atlas) -> Iterator[str]:
    counted = atlas.counted
    k = counted.k
    yield f"{'Most said':<{_WORD}} {'id':>8}  {'first word of':>21}  {f'among the {k} of':>21}"
    yield f"{'':<{_WORD}} {'':>8}  {'entries':>10} {'pictures':>10}  {'entries':>10} {'pictures':>10}"
    for chosen in atlas.found.most_said:
        (id_,) = chosen.ids
        shares = [
            numbers.percent(100 * tallied.of(id_) / of)
            for tallied, of in (
                (counted.first, counted.entries),
                (counted.pictures_first, counted.pictures),
                (counted.among, counted.entries),
                (counted.pictures_among, counted.pictures),
            )
        ]
        first, pictures, among, among_pictures = (f"{share:>10}" for share in shares)
        word = fit(shown_word(counted, id_), _WORD)
        yield f"{word} {id_:>8}  {first} {pictures}  {among} {among_pictures}"


def shown_word(counted: AtlasCounts, id_: int) -> str:
    """A word for display."""
    return isolate(visible(*counted.names[id_]))


def spellings(counted: AtlasCounts, chosen: WordExamples) -> list[tuple[str, int]]:
    """The pieces of a word asked for, for display, with their ids."""
    joins = marks_words(piece for piece, _ in counted.names.values())
    return [(visible(*counted.names[id_], joins), id_) for id_ in chosen.ids]


def _maps(atlas: Atlas, chosen: Sequence[WordExamples]) -> Iterator[str]:
    """The maps of words, several side by side."""
    for start in range(0, len(chosen), _MAPS):
        some = chosen[start : start + _MAPS]
        yield ""
        titles = []
        for one in some:
            most = f" {numbers.percent(100 * float(np.nanmax(one.said)))}" if np.isfinite(one.said).any() else ""
            titles.append(fit(fit(shown_word(atlas.counted, one.ids[0]), _WIDE - len(most)) + most, _WIDE))
        yield "   ".join(titles)
        for row in range(SIDE):
            yield " │ ".join(_shaded(one)[row] for one in some)


def _shaded(chosen: WordExamples) -> list[str]:
    shares = np.nan_to_num(chosen.said)
    most = float(shares.max())
    steps = np.ceil(shares / most * (len(_SHADES) - 1)).astype(int) if most > 0 else np.zeros_like(shares, int)
    return ["".join(2 * _SHADES[step] for step in row) for row in steps.tolist()]


def _sought(atlas: Atlas, chosen: WordExamples) -> Iterator[str]:
    counted = atlas.counted
    word = isolate(plain(chosen.sought or ""))
    if not chosen.ids:
        yield from wrapped(f"No entry has {word} among its words.", "")
        return
    pieces = ", ".join(f"{isolate(piece)} ({id_})" for piece, id_ in spellings(counted, chosen))
    first = sum(counted.first.of(id_) for id_ in chosen.ids)
    among = sum(counted.among.of(id_) for id_ in chosen.ids)
    said = f"Most like {word}: {pieces}; first of {first:,}, among the {counted.k} of {among:,} (each spelling counted)"
    yield from wrapped(said, "")
    if chosen.patches:
        yield from wrapped(f"Patches: {RANKING}.", "")
        yield "place     score  row,column   box in pixels, picture"
    for patch in chosen.patches:
        row = patch.row
        place = f"{row['row']},{row['col']}" if row["row"] is not None else f"{row['kind']} {row['index']}"
        place += f" in {row['grid']}" if row["grid"] else ""
        yield f"{patch.place + 1:>5}  {numbers.format_number(patch.score):>8}  {place:<11}  {numbers.box(patch.box)}"
        yield from flow([isolate(plain(row["image"]))], " " * 30)


def _outliers(counted: AtlasCounts) -> Iterator[str]:
    yield from wrapped(f"Outliers by their norm, position by position. {RULE}.", "")
    yield from wrapped(f"Test: {TEST}. A place is row,column from 0, and its index; the share is that of views.", "")
    yield ""
    shapes = counted.shapes
    for tally in shapes[:_SHAPES]:
        yield from position_lines(counted.stage or "", tally)
    if len(shapes) > _SHAPES:
        yield f"and {len(shapes) - _SHAPES:,} more shapes of grids: --format csv --table outliers"
    for verdict in dict.fromkeys(position_test(tally).verdict for tally in shapes[:_SHAPES]):
        yield from flow([f"{verdict}: ", *(f"{word} " for word in VERDICTS[verdict].split())], "", indent=2)
