"""`text`: a report to read, 80 columns wide, aligned for any script.

It has a title, the largest segments of local words, the grid of top-1 words (of norms where there are none), every
patch with its words and norms, and the outliers. It contains no date and no timings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from vlmtui.catalogue import note_with_advice
from vlmtui.display import numbers
from vlmtui.display.grid_names import grid_names, unplaced_name, unplaced_reason
from vlmtui.display.metric_names import length_warning, score_head, search_phrase, shown_score
from vlmtui.display.norm_statistics import RULE, is_outlier, norm_summary, outlier_text, robust_z
from vlmtui.display.piece_glosses import PieceGlosses
from vlmtui.display.pieces import CONTINUES, fit, isolate, plain, visible, width
from vlmtui.display.text_lines import COLUMNS, flow, labelled, wrapped
from vlmtui.geometry import Place
from vlmtui.query.options import Query
from vlmtui.reading import Reading, TokenWords, of_patches
from vlmtui.reports.formats.parts import logit_lens, patch_embedding
from vlmtui.reports.formats.parts.lens_values import (
    lens_line,
    lens_lines,
    value_grid,
    value_head,
    value_line,
    whole_report,
)
from vlmtui.reports.formats.parts.listed_words import hub_lines, shown_hubs, shown_words
from vlmtui.reports.formats.parts.local_words import local_words_line
from vlmtui.reports.formats.parts.noise_baseline import (
    agreement_line,
    brief_percentiles,
    local_words_caution,
    noise_summary,
    null_line,
    percent_above,
    percentile_line,
)
from vlmtui.reports.formats.parts.norm_rows import NormRows
from vlmtui.reports.formats.parts.text_grid import norm_grid, titled, word_grid
from vlmtui.reports.image_report import ImageReport, ReportOrFailure
from vlmtui.reports.per_image import ImageFailure
from vlmtui.results.folded_words import FOLD_RULE, spellings_mark
from vlmtui.results.hub_words import HUB_MARK

_LONGEST_WORD = 20


def write_text(results: Iterable[ReportOrFailure], query: Query, several: bool) -> Iterator[str]:
    """Write the text of each image, line by line, as it is computed."""
    first = True
    for result in results:
        if isinstance(result, ImageFailure):
            continue
        if not first:
            yield "\n" + "═" * COLUMNS + "\n\n"
        first = False
        for line in report_lines(result):
            yield f"{line.rstrip(' ')}\n"


def report_lines(report: ImageReport) -> Iterator[str]:
    """Lines of one image's report."""
    yield from _title(report)
    if report.words is not None and not report.query.selection.partial:
        yield from word_grid(report.reading, report.words, COLUMNS, report.stage)
    if report.values is not None and not report.query.selection.partial:
        yield from value_grid(report, COLUMNS)
    elif report.reading.model.wordless and not report.query.selection.partial:
        yield from norm_grid(report.reading, report.norms, COLUMNS, report.stage)
    yield from whole_report(report)
    yield from _patches(report)
    if report.query.selection.partial and not report.entries:
        yield "No entry matches --where"
    if not report.query.selection.partial:
        yield from _outliers(report)


def _title(report: ImageReport) -> Iterator[str]:
    reading, query, words = report.reading, report.query, report.words
    model, image = reading.model, reading.image
    source = "standard input" if image.source == "-" else isolate(plain(image.source))
    yield f"{source}  {numbers.pixels(image.width, image.height)} pixels"
    yield ""
    local, local_share = local_words_line(report)
    above = None
    if report.null is not None and words is not None and not query.selection.partial:
        above = percent_above(reading, report.stage, words, report.null)
    if local:
        yield from labelled("local", local + local_words_caution(above, local_share))
        yield ""
    yield from labelled("model", f"{plain(model.name)} · {model.family} · {model.parts}")
    if model.revision:
        yield from labelled("", f"revision {model.revision}")
    if model.note:
        yield from labelled("note", note_with_advice(model.note))
    yield from labelled("runs on", f"{model.device}, {model.dtype}")
    patch_height, patch_width = reading.patch_size
    if reading.seen:
        yield from labelled("seen as", f"{reading.seen}, in patches of {patch_width}×{patch_height} pixels")
    if reading.prompt is not None and (query.read.prompt is not None or report.layers is not None):
        yield from labelled("prompt", plain(reading.prompt))
    if len(reading.grids) > 1:
        yield from labelled("views", _views(reading))
    entry_noun = "vision patch" if of_patches(report.stage) else "token"
    places = reading.places_at(report.stage)
    entry_count = numbers.count(len(places), entry_noun, "vision patches" if entry_noun != "token" else None)
    entry_count = f"{len(report.entries):,} of {entry_count}" if report.query.selection.partial else entry_count
    newlines = sum(place.kind == "newline" for place in places)
    if newlines:
        entry_count += f", {numbers.count(newlines, 'newline token')} among them"
    yield from labelled("stage", f"{report.stage}: {entry_count}, vectors of {report.hidden:,} numbers")
    if report.layers is not None:
        yield from labelled("", f"in a prompt of {numbers.count(report.layers.positions, 'position')}")
    if words is not None:
        left_out = f", {words.left_out:,} left out" if words.left_out else ""
        search_name = search_phrase(report.word_order, query.search.ridge)
        searched = f"{query.search.k} {search_name} of {words.candidates:,} word-pieces{left_out}"
        yield from labelled("words", searched if words.candidates else f"those of the lens {report.word_order}")
        if model.marks_words:
            yield from labelled("", f"{CONTINUES} marks a word-piece that continues the one before it")
        if report.stage == "tokens" and (warning := length_warning([report.word_order], reading.length_ratio)):
            yield from labelled("lengths", warning)
        if report.folded is not None and (report.folded.spellings > 1).any():
            yield from labelled("folded", FOLD_RULE)
        if hubs := shown_hubs(report)[0]:
            yield from labelled("hubs", "; ".join(hub_lines(report, hubs)))
    elif model.wordless:
        yield from labelled("words", model.wordless)
    if report.null is not None:
        if summary := noise_summary(above, report.null, local_share):
            yield from labelled("noise", summary)
        if query.search.null:
            yield from labelled("null", null_line(report.null))
    if report.agreements:
        yield from labelled("agree", f"top-1 words by {', '.join(report.agreements[0].metrics)} are compared")
    if report.has_lens_result:
        yield from labelled("lens", lens_line(report))
    if reading.placeless:
        yield from labelled("places", reading.placeless)
    if any(len(norms.patches) for norms in reading.grid_norms):
        norm_stages = f"vision.0 to vision.{model.vision_layers}"
        if report.layers is not None:
            norm_stages += f", llm.1 to llm.{len(report.layers.norms)}"
        yield from labelled("norms", f"L2, {norm_stages}; ! marks an outlier")
    yield ""


def _views(reading: Reading) -> str:
    """`whole view, 24 × 24 tokens; 4 tiles, 12 × 12 tokens each`; patches where a grid has no tokens of its own."""
    names = grid_names(reading.grids)
    counts_by_shape: dict[tuple[str, str], int] = {}
    for grid in reading.grids:
        of_tokens = f"{grid.rows} × {grid.cols} tokens"
        shape = of_tokens if grid.rows else f"{grid.patch_rows} × {grid.patch_cols} vision patches"
        key = "" if grid.kind == "tile" else names[grid.id], shape
        counts_by_shape[key] = counts_by_shape.get(key, 0) + 1
    parts = []
    for (name, shape), count in counts_by_shape.items():
        suffix = " each" if count > 1 else ""
        parts.append(f"{name or numbers.count(count, 'tile')}, {shape}{suffix}")
    return "; ".join(parts)


def _patches(report: ImageReport) -> Iterator[str]:
    """Every entry by grid, then those in no grid: its position, norm and words, and the norms of its vision patches."""
    reading = report.reading
    places = reading.places_at(report.stage)
    entry_text = _Entries(report)
    heading = "Patch" if len(report.query.selection.patches) == 1 and not report.query.selection.rows else "Patches"
    has_many_grids = len(reading.grids) > 1
    names = grid_names(reading.grids)
    rows: dict[int | None, list[int]] = {grid.id: [] for grid in reading.grids} | {None: []}
    newlines: list[int] = []
    for row, entry in enumerate(report.entries):
        place = places[entry]
        (newlines if place.kind == "newline" else rows[place.grid]).append(row)
    for grid in reading.grids:
        if rows[grid.id]:
            title = titled(grid, names[grid.id], has_many_grids)
            yield f"{heading}, {title}" if title else heading
            yield from entry_text.heads(rows[grid.id])
            for row in rows[grid.id]:
                yield from entry_text.lines(row)
            yield ""
    if rows[None]:
        yield "Tokens without a position in the image"
        yield from entry_text.heads(rows[None])
        for row in rows[None]:
            yield from entry_text.lines(row)
        yield ""
    if newlines:
        # newline tokens are one vector when they leave the projector, and need not be listed one by one
        distinct = [row for i, row in enumerate(newlines) if not any(entry_text.same(row, r) for r in newlines[:i])]
        yield unplaced_name(places[report.entries[row]] for row in newlines)
        yield from wrapped(unplaced_reason(places[report.entries[newlines[0]]], ""), "  ")
        if len(distinct) < len(newlines):
            yield f"  {'all the same' if len(distinct) == 1 else f'{len(distinct)} of them differ'}:"
        for row in distinct:
            yield from entry_text.lines(row)
        yield ""


class _Entries:
    """Lines of single entries."""

    def __init__(self, report: ImageReport) -> None:
        self._seen = report
        reading = report.reading
        self._places, self._norms = reading.places_at(report.stage), report.norms
        self._marks = is_outlier(self._norms)
        self._norm_rows = NormRows(report)
        self._joins = reading.model.marks_words
        self._percentiles = brief_percentiles(report)
        self._glosses = PieceGlosses()
        self._words, self._hubs = shown_words(report), shown_hubs(report)[1]
        self._spellings = report.folded.spellings if report.folded is not None else None
        marks = len(spellings_mark(int(self._spellings.max(initial=1)))) if self._spellings is not None else 0
        self._cell = _word_cell(self._words, self._joins, self._glosses) + bool(self._hubs) + marks

    def same(self, row: int, other: int) -> bool:
        """Whether two entries have the same norm, and the same words with the same scores."""
        words, entries = self._seen.words, self._seen.entries
        if not np.isclose(self._norms[entries[row]], self._norms[entries[other]], rtol=1e-6):
            return False
        return words is None or (
            np.array_equal(words.ids[row], words.ids[other]) and np.allclose(words.scores[row], words.scores[other])
        )

    def lines(self, row: int) -> Iterator[str]:
        """Lines of one entry of the report, after a blank line."""
        report = self._seen
        entry = report.entries[row]
        place = self._places[entry]
        yield ""
        yield _where(place, report.stage)
        mark = "!" if self._marks[entry] else ""
        percentile = ""
        if report.stage == "tokens" and len(report.reading.percentiles):
            percentile = numbers.among_words(float(report.reading.percentiles[entry]))
        share = report.words.share(row) if report.words is not None else None
        subject = "its token" if report.projected else "it"
        explained = f", {numbers.percent(100 * share)} of {subject} explained" if share is not None else ""
        above = self._percentiles[row] if self._percentiles else ""
        norm = f"  norm {numbers.format_number(float(self._norms[entry]))}{mark}{percentile}{explained}"
        yield f"{norm}{above}" if width(norm + above) <= COLUMNS else norm
        if above and width(norm + above) > COLUMNS:
            yield f"  {above.removeprefix('; ')}"
        if report.values is not None:
            yield value_line(report, entry)
        if report.words is not None:
            yield from flow(self._word_cells(self._words or report.words, row), "  ")
            if report.null is not None and report.query.search.null:
                yield from wrapped(percentile_line(report.null, report.words, row, report.folded is not None), "  ")
            if report.agreements:
                yield f"  {agreement_line(report.agreements[row], report.words, row, report.folded is not None)}"
        yield from lens_lines(report, row)
        if report.layer_words:
            yield from logit_lens.layer_lines(
                report.layer_words[row], self._joins, report.query.search.fold is not False
            )
        if report.patch_embeddings:
            yield from patch_embedding.embedding_lines(report.patch_embeddings[row])
        yield from self._norm_rows.of(place, entry)

    def heads(self, rows: Sequence[int]) -> Iterator[str]:
        """The heads of the columns of words, of a lens's numbers and of norms for some rows, after a blank line."""
        words, report = self._words, self._seen
        lines: list[str] = []
        if words is not None and words.ids.size:
            cells = self._cell + 11
            score = score_head(words.metric, cells - 5)
            head = f"word{score.rjust(cells - 4)}{' expl.' if words.explained is not None else ''}  "
            lines += (next(flow([head] * words.ids.shape[1], "  ")),)
        if report.values is not None:
            lines += value_head(report)
        lines += self._norm_rows.heads(self._places[report.entries[row]] for row in rows)
        if lines:
            yield from ("", *lines)

    def _word_cells(self, words: TokenWords, row: int) -> Iterator[str]:
        """Each word with its score, under l2 its distance; for a pursuit also the share explained so far."""
        for i, (id_, score) in enumerate(words.at(row)):
            word = _glossed(words.pieces[id_], words.texts[id_], self._joins, self._glosses)
            marks = HUB_MARK if id_ in self._hubs else ""
            if self._spellings is not None:
                marks += spellings_mark(int(self._spellings[row, i]))
            fitted_word = fit(fit(word, min(width(word), self._cell - width(marks))) + marks, self._cell)
            share = "" if words.explained is None else f" {numbers.percent(100 * float(words.explained[row, i])):>5}"
            yield f"{fitted_word} {numbers.format_number(shown_score(words.metric, score)):>10}{share}  "


def _where(place: Place, stage: str) -> str:
    name = f"{'patch' if of_patches(stage) else 'token'} {place.index}"
    if place.row is None:
        return f"{name}  {place.kind}"
    padding = "" if place.inside >= 1 else f"  {numbers.percent(100 * (1 - place.inside))} padding"
    if not place.box:
        return f"row {place.row}  column {place.col}  {name}  all padding"
    return f"row {place.row}  column {place.col}  {name}  box {numbers.box(place.box)}{padding}"


def _outliers(report: ImageReport) -> Iterator[str]:
    """Which entries of each stage are outliers by their norm, and the rule."""
    reading = report.reading
    yield "Outliers"
    yield ""
    yield from wrapped(f"{RULE}.", "  ")
    yield ""
    num_vision_stages = len(reading.grid_norms[0].patches) if reading.grid_norms else 0
    stages = {f"vision.{i}": reading.norms_at(f"vision.{i}") for i in range(num_vision_stages)}
    if len(reading.norms):
        stages["tokens"] = reading.norms
    if report.layers is not None:
        stages |= {f"llm.{i}": norms for i, norms in enumerate(report.layers.norms, 1)}
    label = max(map(len, stages), default=0) + 4
    for stage, norms in stages.items():
        z = robust_z(norms)
        outliers = np.flatnonzero(is_outlier(norms))
        feeds = " (feeds the projector)" if stage == reading.model.feeds and not len(outliers) else ""
        head = fit(f"  {stage}", label)
        if not len(outliers):
            yield f"{head}none of {numbers.count(len(norms), 'entry', 'entries')}{feeds}"
            continue
        places = reading.places_at(stage)
        median = norm_summary(norms).median
        cells = [
            f"{_short(places[i], len(reading.grids) > 1)} {numbers.format_number(float(norms[i]))}, "
            f"{outlier_text(float(norms[i]), median, float(z[i]))}"
            for i in outliers
        ]
        yield from flow([head, *(f"{cell}   " for cell in cells)], "", indent=label)


def _short(place: Place, many_grids: bool) -> str:
    if place.row is None:
        return f"{place.kind} {place.index}"
    return f"{f'{place.grid}:' if many_grids else ''}{place.row},{place.col}"


def _word_cell(words: TokenWords | None, joins: bool, glosses: PieceGlosses) -> int:
    """Width of a word's cell: that of the longest word, within limits; at least four."""
    if words is None:
        return 0
    longest = max((width(_glossed(p, words.texts[i], joins, glosses)) for i, p in words.pieces.items()), default=4)
    return min(max(longest, 4), _LONGEST_WORD)


def _glossed(piece: str | None, text: str | None, joins: bool, glosses: PieceGlosses) -> str:
    """`небо (Cyrillic)`; the piece alone where it is Latin, or where its gloss does not fit."""
    word, gloss = visible(piece, text, joins), glosses.of(text)
    glossed_word = f"{word} ({gloss})"
    return glossed_word if gloss and width(glossed_word) <= _LONGEST_WORD else word
