"""What leaves the explorer: a patch as text for the clipboard, the whole reading as a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np

from vlmtui.display.grids import unplaced_reason
from vlmtui.display.metrics import named
from vlmtui.display.numbers import box, figure, percent
from vlmtui.display.pieces import plain, visible
from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.reading import PURSUITS, Order, TokenLayerWords, TokenWords
from vlmtui.reports.formats.base import Content
from vlmtui.reports.formats.registry import FORMATS, format_for, format_named
from vlmtui.reports.output.target import check_sources, target
from vlmtui.reports.query import Query, Seen
from vlmtui.results import early_exit
from vlmtui.tui import exiting
from vlmtui.tui.dialogs import Ask
from vlmtui.tui.path import ANSWER, PIXELS, TOKENS, llm_depth, of_tokens
from vlmtui.tui.view import Known, View

if TYPE_CHECKING:
    from vlmtui.reports.images.animation import Animation
    from vlmtui.reports.images.content import Shown
    from vlmtui.reports.page.content import Glance


def patch_text(known: Known, view: View) -> str:
    """The patch under the cursor in a few lines: where it is, its words with ids and scores, its norms by stage."""
    page, place, reading, book = known.page(view), known.place(view), known.reading, known.book_for(view)
    if page is None or place is None or reading is None:
        return ""
    what = f"{'token' if of_tokens(view.stage) else 'patch'} {place.index}"
    if page.grid is None:
        where = f"{what}: {unplaced_reason(place, reading.placeless)}"
    else:
        grid = f"{page.name} (grid {page.grid.id}), " if len(known.pages(view.stage)) > 1 else ""
        lies = f"box {box(place.box, 2)}" if place.box else "in the padding"
        where = f"{grid}row {view.row}, column {view.col}, {what}, {lies}"
        if place.box and place.inside < 1:
            where += f", {percent(100 * (1 - place.inside))} padding"
    lines = [f"{plain(reading.image.source)} · {plain(reading.model.name)} · {view.stage}", where]
    norms, entry = known.norms_at(view.stage), known.entry(view)
    if of_tokens(view.stage) and norms is not None and entry is not None:
        norm = f"norm {figure(float(norms.values[entry]))}"
        if view.stage == TOKENS:
            norm += f", above {percent(float(reading.percentiles[entry]))} of the vocabulary"
        lines.append(norm)
    if words := known.words(view):
        by = f"{named(view.order, book.ridge if book else None)}, score"
        if projected := exiting.title(known, view):
            by += f"; {projected}, {exiting.footing(known, view)}"
        lines.append(f"words ({'logit lens, logit' if llm_depth(view.stage) else by}):")
        lines += [f"  {visible(w.piece, w.text)}  {figure(w.score)}  id {w.id}" for w in words]
        if words[-1].explained is not None:
            lines.append(f"{percent(100 * words[-1].explained)} of the norm explained")
    token = known.token(view)
    if view.shows_layers and token is not None and (found := known.by_layer.get(token)):
        lines += ["first word by layer (logit, entropy in nats):", *layer_lines(known, found)]
    column = known.column(view)
    if column is not None and column[0] is not None:
        lines.append("norms " + ", ".join(f"vision.{i} {figure(float(v))}" for i, v in enumerate(column[0])))
    if known.layers is not None and token is not None:
        through = [f"llm.{i} {figure(float(v))}" for i, v in enumerate(known.layers.norms[:, token], 1)]
        lines.append(f"norms tokens {figure(float(reading.norms[token]))}, {', '.join(through)}")
    return "\n".join(lines)


def layer_lines(known: Known, found: TokenLayerWords) -> list[str]:
    """One line a layer: its first word, logit, entropy; the first from which on the word stays is named."""
    lines = []
    for layer, (score, entropy) in enumerate(zip(found.scores[:, :1].ravel(), found.entropy, strict=False), 1):
        settled = "  settled" if layer == found.settled else ""
        word = known.first_word(found, layer)
        lines.append(f"  llm.{layer}  {word}  {figure(float(score))}  {figure(float(entropy), 3)}{settled}")
    return lines


def default_name(source: str) -> str:
    """`china.vlmtui.txt` for a picture named china.jpg, in the folder one is in."""
    path = urlsplit(source).path if "://" in source else source
    stem = "".join(c if c.isprintable() and c != "/" else "_" for c in Path(path).stem)
    return f"{stem.strip('-') or 'picture'}.vlmtui.txt"


def ask_name(source: str) -> Ask[str]:
    """A file name for the report of a picture; its ending chooses the format."""
    # an animation is of stages not looked at too
    endings = [ending for one in FORMATS if one.content is not Content.ANIMATION for ending in one.endings]

    def read(name: str) -> str:
        if Path(name).expanduser().is_dir():
            raise UsageError(f"{name} is a folder: name a file")
        if Path(name).suffix.lower() not in endings:
            raise UsageError(f"the name must end in {', '.join(endings)}")
        check_sources(name, (source,))
        return name

    return Ask("Save the report", f"the ending chooses the format: {', '.join(endings)}", read, default_name(source))


def save(name: str, known: Known, view: View, query: Query) -> Path:
    """Write the report of the stage looked at, whole or not at all; the same bytes as `vlmtui report` gives.

    A page can be switched to the metrics and stages whose words have been looked at so far.
    Raises `VlmtuiError` where it cannot be written, or where not all words have arrived yet.
    """
    reading, book = known.reading, known.book_for(view)
    if reading is None:
        raise VlmtuiError("there is nothing to save yet: the model has not read the picture")
    if view.stage == PIXELS:
        raise VlmtuiError("there is no report of the pixels alone: walk on with ] to save that of a stage")
    if view.stage == ANSWER:
        raise VlmtuiError("reports are of stages: walk back with [ to save one; vlmtui ask --format json has answers")
    entries = tuple(range(len(known.places_at(view.stage))))
    words, layers = None, known.layers if llm_depth(view.stage) else None
    projected = exiting.on(known, view)
    if entries and (projected or of_tokens(view.stage)):
        tokens = tuple(range(len(reading.places)))
        if book is None or book.missing(tokens):
            raise VlmtuiError("not all words have arrived yet: try again in a moment")
        words = book.gathered(tokens, view.k)
    if projected and words is not None:
        words = early_exit.on_patches(words, early_exit.tokens_of(reading.patch_places, reading.places), entries)
    asked = replace(query, model=reading.model.name, k=view.k, metric=view.metric, stage=view.stage)
    asked = replace(asked, patches=(), rows=(), keep=None)
    if asked.lens is not None and asked.lens.built_in is None:
        # what a lens of one's own found is none of the reading's
        asked = replace(asked, lens=None)
    seen = Seen(query=asked, reading=reading, stage=view.stage, entries=entries, words=words, layers=layers)
    path = Path(name).expanduser()
    with target(str(path)) as file:
        from vlmtui.reports.formats.saving import write_reading  # which takes its time, and is seldom needed

        for piece in write_reading(format_named(format_for(name)), _ExploredReading(known, view, seen), seen.query):
            file.write(piece)
    return path


@dataclass(frozen=True)
class _ExploredReading:
    """The contents of a reading, as far as it was explored."""

    known: Known
    view: View
    seen: Seen

    def report(self) -> Seen:
        """The report of the stage looked at."""
        return self.seen

    def drawing(self) -> Shown:
        """Its words in their patches, or its norms."""
        from vlmtui.reports.formats.saving import default_drawing

        return default_drawing(self.seen, np.asarray(self.known.picture))

    def page(self) -> Glance:
        """All that is known of it."""
        return _glance(self.known, self.view, self.seen)

    def animation(self) -> Animation:
        """None: not all stages were looked at."""
        raise UsageError("an animation is of stages not looked at too: choose another ending")


def _glance(known: Known, view: View, seen: Seen) -> Glance:
    """All that is known of the reading, whole stages only, as a page shows it."""
    from vlmtui.reports.page.content import Glance

    tokens = tuple(range(len(seen.reading.places)))
    words: dict[str, dict[Order, TokenWords]] = {}
    for (stage, order), book in known.books.items():
        of_one_fit = order in PURSUITS and book.k != view.k
        if of_tokens(stage) and tokens and not book.missing(tokens) and book.k >= view.k and not of_one_fit:
            words.setdefault(stage, {})[order] = book.gathered(tokens, view.k)
    if seen.words is not None:
        words.setdefault(view.stage, {})[view.order] = seen.words
    rgb = np.asarray(known.picture)
    return Glance(seen.query, rgb, seen.reading, view.stage, words, known.layers, known.entry(view))
