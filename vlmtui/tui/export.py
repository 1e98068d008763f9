"""Export from the explorer: a patch as text for the clipboard, a reading as a report."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np

from vlmtui.display.grid_names import unplaced_reason
from vlmtui.display.metric_names import metric_name
from vlmtui.display.numbers import among_words, box, format_number, percent
from vlmtui.display.pieces import plain, visible
from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.files import expand_path
from vlmtui.lenses.folded_token_words import FoldedTokenWords, fold_token_words, folds, stable_layer
from vlmtui.metrics import PURSUITS, WordOrder
from vlmtui.query.options import EntrySelection, Query
from vlmtui.reading import TokenLayerWords, TokenWords
from vlmtui.reports.formats.base import NOISE, Content
from vlmtui.reports.formats.registry import FORMATS, format_for, format_named
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.output.target import check_sources, target
from vlmtui.results import early_exit
from vlmtui.results.folded_words import spellings_mark
from vlmtui.results.noise_baseline import NoiseBaseline
from vlmtui.tui.dialogs.text import TextDialog
from vlmtui.tui.state import early_exit as exiting
from vlmtui.tui.state.noise_baseline import noise_key, noise_of
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER, PIXELS, TOKENS, llm_depth, of_tokens

if TYPE_CHECKING:
    from vlmtui.reports.images.content import ReportDrawing
    from vlmtui.reports.images.stage_values import Animation
    from vlmtui.reports.page.content import PageContent


LOOK_AGAIN_S = 0.05
"""Between two looks at whether all of a report has arrived."""


class NotArrivedError(VlmtuiError):
    """What is to be saved has not all arrived yet."""


def patch_text(results: Results, selection: Selection) -> str:
    """The patch under the cursor in a few lines: where it is, its words with ids and scores, its norms by stage."""
    page, place, reading, table = (
        results.page(selection),
        results.place(selection),
        results.reading,
        results.word_table(selection),
    )
    if page is None or place is None or reading is None:
        return ""
    what = f"{'token' if of_tokens(selection.stage) else 'patch'} {place.index}"
    if page.grid is None:
        where = f"{what}: {unplaced_reason(place, reading.placeless)}"
    else:
        grid = f"{page.name} (grid {page.grid.id}), " if len(results.pages(selection.stage)) > 1 else ""
        lies = f"box {box(place.box, 2)}" if place.box else "in the padding"
        where = f"{grid}row {selection.row}, column {selection.col}, {what}, {lies}"
        if place.box and place.inside < 1:
            where += f", {percent(100 * (1 - place.inside))} padding"
    lines = [f"{plain(reading.image.source)} · {plain(reading.model.name)} · {selection.stage}", where]
    norms, entry = results.norms_at(selection.stage), results.entry(selection)
    if of_tokens(selection.stage) and norms is not None and entry is not None:
        norm = f"norm {format_number(float(norms.values[entry]))}"
        if selection.stage == TOKENS:
            norm += among_words(float(reading.percentiles[entry]))
        lines.append(norm)
    if words := results.words(selection):
        by = f"{metric_name(selection.order, table.ridge if table else None)}, score"
        if projected := exiting.early_exit_title(results, selection):
            by += f"; {projected}, {exiting.early_exit_footer(results, selection)}"
        lines.append(f"words ({'logit lens, logit' if llm_depth(selection.stage) else by}):")
        lines += [
            f"  {visible(w.piece, w.text)}{spellings_mark(w.spellings)}  {format_number(w.score)}  id {w.id}"
            for w in words
        ]
        if words[-1].explained is not None:
            lines.append(f"{percent(100 * words[-1].explained)} of the norm explained")
    token = results.token(selection)
    if selection.shows_layers and (found := results.by_layer(token)):
        lines += ["top-1 per layer (logit, entropy in nats):", *layer_lines(results, found, selection.folds)]
    column = results.column(selection)
    if column is not None and column[0] is not None:
        lines.append("norms " + ", ".join(f"vision.{i} {format_number(float(v))}" for i, v in enumerate(column[0])))
    if results.layers is not None and token is not None:
        through = [f"llm.{i} {format_number(float(v))}" for i, v in enumerate(results.layers.norms[:, token], 1)]
        lines.append(f"norms tokens {format_number(float(reading.norms[token]))}, {', '.join(through)}")
    return "\n".join(lines)


def layer_lines(results: Results, found: TokenLayerWords, fold: bool) -> list[str]:
    """One line a layer: its first word, logit, entropy; the first from which on the word stays is named."""
    lines = []
    first = stable_layer(found, fold)
    for layer, (score, entropy) in enumerate(zip(found.scores[:, :1].ravel(), found.entropy, strict=False), 1):
        stable = "  stable" if layer == first else ""
        word = results.first_word(found, layer)
        lines.append(
            f"  llm.{layer}  {word}  {format_number(float(score))}  {format_number(float(entropy), 3)}{stable}"
        )
    return lines


def default_name(source: str) -> str:
    """`china.vlmtui.txt` for an image named china.jpg, in the folder one is in."""
    path = urlsplit(source).path if "://" in source else source
    stem = "".join(c if c.isprintable() and c != "/" else "_" for c in Path(path).stem)
    return f"{stem.strip('-') or 'image'}.vlmtui.txt"


def ask_name(source: str, write: Callable[[str], Path], trouble: Callable[[], str]) -> TextDialog[Path]:
    """A file name for the report of an image, to which `write` writes it; its ending chooses the format.

    Where `write` raises `NotArrivedError`, the dialog waits and writes then, or says the `trouble` for which nothing
    more arrives.
    """
    # an animation is of stages not looked at too
    endings = [ending for one in FORMATS if one.content is not Content.ANIMATION for ending in one.endings]

    async def write_later(name: str) -> Path:
        while not trouble():
            await asyncio.sleep(LOOK_AGAIN_S)
            try:
                return write(name)
            except NotArrivedError:
                continue
        raise VlmtuiError(trouble())

    def read(name: str) -> Path | Awaitable[Path]:
        if Path(expand_path(name)).is_dir():
            raise UsageError(f"{name} is a folder: name a file")
        if Path(name).suffix.lower() not in endings:
            raise UsageError(f"the name must end in {', '.join(endings)}")
        check_sources(name, (source,))
        try:
            return write(name)
        except NotArrivedError:
            return write_later(name)

    return TextDialog(
        "Save the report",
        f"the ending chooses the format: {', '.join(endings)}",
        read,
        default_name(source),
        waiting="still reading: it is saved as soon as all has arrived; Escape: not saved",
    )


def save(name: str, results: Results, selection: Selection, query: Query) -> Path:
    """Write the report of the stage looked at, whole or not at all; the same bytes as `vlmtui report` gives.

    A page can be switched to the metrics and stages whose words have been looked at so far.
    Raises `VlmtuiError` where it cannot be written, `NotArrivedError` where not all of it has arrived yet.
    """
    reading, table = results.reading, results.word_table(selection)
    if reading is None:
        raise NotArrivedError("there is nothing to save yet: the model has not read the image")
    if selection.stage == PIXELS:
        raise VlmtuiError("there is no report of the pixels alone: ] goes on to a stage that has one")
    if selection.stage == ANSWER:
        raise VlmtuiError("reports are of stages: [ goes back to one; vlmtui ask --format json has answers")
    entries = tuple(range(len(results.places_at(selection.stage))))
    words, folded, layers = None, None, results.layers if llm_depth(selection.stage) else None
    projected = exiting.shows_early_exit(results, selection)
    if entries and (projected or of_tokens(selection.stage)):
        tokens = tuple(range(len(reading.places)))
        if table is None or table.missing(tokens):
            raise NotArrivedError("not all words have arrived yet: try again in a moment")
        words, every = table.gathered(tokens, selection.k), table.gathered(tokens, table.longest)
        if projected:
            into = early_exit.token_of_patch(reading.patch_places, reading.places)
            words, every = (early_exit.words_of_patches(found, into, entries) for found in (words, every))
        folded = fold_token_words(every, selection.k)[0] if selection.folds else None
    asked = replace(
        query,
        load=replace(query.load, model=reading.model.name),
        search=replace(query.search, k=selection.k, metric=selection.metric, fold=selection.fold),
        selection=EntrySelection(selection.stage, query.selection.stages),
    )
    if asked.lens is not None and asked.lens.built_in is None:
        # what a lens of a person's own found is none of the reading's
        asked = replace(asked, lens=None)
    seen = ImageReport(asked, reading, selection.stage, entries, words, layers, folded=folded)
    chosen = format_named(format_for(name))
    if chosen.of_rows and chosen.takes(NOISE) and words is not None and selection.noise:
        key = noise_key(selection)
        if key not in results.found and key not in results.refused and not selection.shows_layers:
            raise NotArrivedError("the words of noise have not arrived yet: try again in a moment")
        seen = replace(seen, null=noise_of(results, selection))
    path = Path(expand_path(name))
    with target(str(path)) as file:
        from vlmtui.reports.formats.saving import write_reading  # which takes its time, and is seldom needed

        explored = _ExploredReading(results, selection, seen)
        for piece in write_reading(chosen, explored, seen.query):
            file.write(piece)
    return path


@dataclass(frozen=True)
class _ExploredReading:
    """The contents of a reading, as far as it was explored."""

    results: Results
    selection: Selection
    seen: ImageReport

    def report(self) -> ImageReport:
        """The report of the stage looked at."""
        return self.seen

    def drawing(self) -> ReportDrawing:
        """Its words in their patches, or its norms."""
        from vlmtui.reports.formats.saving import default_drawing

        return default_drawing(self.seen, np.asarray(self.results.picture))

    def page(self) -> PageContent:
        """All that is known of it."""
        return _glance(self.results, self.selection, self.seen)

    def animation(self) -> Animation:
        """None: not all stages were looked at."""
        raise UsageError("an animation is of stages not looked at too: choose another ending")


def _glance(results: Results, selection: Selection, seen: ImageReport) -> PageContent:
    """All that is known of the reading, whole stages only, as a page shows it."""
    from vlmtui.reports.page.content import PageContent

    tokens = tuple(range(len(seen.reading.places)))
    words: dict[str, dict[WordOrder, TokenWords]] = {}
    folded: dict[str, dict[WordOrder, FoldedTokenWords]] = {}
    noise: dict[str, dict[WordOrder, NoiseBaseline]] = {}
    for table in results.word_tables():
        stage, order = table.stage, table.metric
        of_one_fit = order in PURSUITS and table.k != selection.k
        fold = selection.fold and folds(order)
        if not of_tokens(stage) or not tokens or table.k < selection.k or of_one_fit or (fold and not table.fold):
            continue
        if not table.missing(tokens):
            words.setdefault(stage, {})[order] = table.gathered(tokens, selection.k)
            if fold:
                lines, _ = fold_token_words(table.gathered(tokens, table.longest), selection.k)
                folded.setdefault(stage, {})[order] = lines
            there = replace(selection, stage=stage, metric=selection.metric if order == "logit" else order)
            if known := noise_of(results, there):
                noise.setdefault(stage, {})[order] = known
    if seen.words is not None:
        words.setdefault(selection.stage, {})[selection.order] = seen.words
    if seen.folded is not None:
        folded.setdefault(selection.stage, {})[selection.order] = seen.folded
    return PageContent(
        seen.query,
        np.asarray(results.picture),
        seen.reading,
        selection.stage,
        words,
        results.layers,
        results.entry(selection),
        folded=folded,
        noise=noise,
    )
