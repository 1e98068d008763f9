"""Facts of a patch in lines: where it lies in the file, its mean colour, how the model saw it, what feeds it.

One to a line where there are lines for them, else as many to a line as stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from rich.color import Color
from rich.style import Style

from vlmtui.display.colours import hex_colour
from vlmtui.display.entry_grids import EntryGrid
from vlmtui.display.grid_names import unplaced_reason
from vlmtui.display.numbers import count, format_number, percent
from vlmtui.display.pieces import width
from vlmtui.geometry import Box, Place, pixel_bounds
from vlmtui.reading import Reading
from vlmtui.tui.state.patch_facts import any_patch, before_first_block, patch_embedding, recurring
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import NORMS, Selection
from vlmtui.tui.state.stages import PIXELS, TOKENS, llm_depth, of_tokens
from vlmtui.tui.terminal.theme import DARK, Roles
from vlmtui.tui.widgets.lines import Part, fitting, wrapped

Fact = tuple[str, list[Part]]
"""Its label, and what it is."""
IN_FILE, IS = "in file", "is"
MADE_OF = "made of"
LONGEST = {IS: "00,000 values", NORMS: "0000.0, position 0000.0"}
"""Facts that are still to come, as long as they may be."""
BRIEF = {MADE_OF: "of"}
"""Labels where facts stand side by side."""
LABEL_CELLS, NARROW = 9, 30
"""What labels take, a cell less where there are not so many cells."""
BETWEEN = "  "
"""Between two facts in one line."""
WANTED, LEAST = 7, 5
"""Rows of the panel with the patch enlarged, and with facts that are still to come."""


@dataclass(frozen=True)
class CursorPlace:
    """What is under the cursor."""

    results: Results
    reading: Reading
    page: EntryGrid
    place: Place

    @classmethod
    def of(cls, results: Results | None, selection: Selection) -> CursorPlace | None:
        """None where there is nothing."""
        page, place = (results.page(selection), results.place(selection)) if results else (None, None)
        if results is None or results.reading is None or page is None or place is None:
            return None
        return cls(results, results.reading, page, place)


def where_text(under: CursorPlace, selection: Selection) -> str:
    """`tile 3 of 5 · row 4 · column 7 · token 812`; the page only where there are several."""
    what = f"{'token' if of_tokens(selection.stage) else 'patch'} {under.place.index}"
    if under.page.grid is None:
        return f"{under.place.kind} {what}" if under.place.kind != "patch" else what
    page = f"{under.page.name} · " if len(under.results.pages(selection.stage)) > 1 else ""
    return f"{page}row {selection.row} · column {selection.col} · {what}"


def fact_lines(r: Roles, under: CursorPlace, selection: Selection, cells: int, rows: int) -> list[list[Part]]:
    """What is said of what is under the cursor, in lines of `cells`; more than `rows` where it cannot be in fewer."""
    if under.page.grid is None:
        return [[(part, r.style())] for part in _unplaced(under, selection, cells)]
    labels = LABEL_CELLS - (cells < NARROW)
    facts = facts_of(r, under, selection, cells - labels)
    dim = r.style("dim")
    if len(facts) <= rows:
        return [[(label.ljust(labels), dim), *parts] for label, parts in facts]
    brief = [(BRIEF.get(label, label), parts) for label, parts in facts_of(r, under, selection, 0)]
    return _side_by_side([[(f"{label} ", dim), *parts] for label, parts in brief], cells)


def wanted_rows(results: Results, selection: Selection, cells: int) -> int:
    """The rows of the panel in which the patch is enlarged beside its facts; a token that lies nowhere has no more
    than is said of it."""
    under = CursorPlace.of(results, selection)
    if under is None or under.page.grid is not None:
        return WANTED
    return 1 + len(_unplaced(under, selection, cells))


def least_rows(results: Results, selection: Selection, cells: int) -> int:
    """The rows of the panel in which all facts are said; the same wherever in the image the patch lies."""
    under = CursorPlace.of(results, selection)
    if under is None or under.page.grid is None:
        return LEAST
    right, bottom = float(results.image.width), float(results.image.height)
    longest = {IN_FILE: _spans((right, bottom, right, bottom)), **(LONGEST if selection.stage == PIXELS else {})}
    facts = dict(facts_of(DARK, under, selection, 0)) | {label: [(said, Style())] for label, said in longest.items()}
    brief = [[(f"{BRIEF.get(label, label)} ", Style()), *parts] for label, parts in facts.items()]
    rows = 1 + len(_side_by_side(brief, cells))
    # from vision stage to vision stage the panels stay where they are
    return rows if of_tokens(selection.stage) or selection.stage == PIXELS else max(LEAST, rows)


def _spans(box: Box, x: str = "", y: str = "") -> str:
    """`320–346.7, 213.5–231.3`: from which column of the file's pixels to which, and so of the rows; with the names of
    the axes `x 320–346.7, y 213.5–231.3`."""
    left, top, right, bottom = (f"{edge:.1f}".removesuffix(".0") for edge in box)
    return f"{x}{left}–{right}, {y}{top}–{bottom}"


def _unplaced(under: CursorPlace, selection: Selection, cells: int) -> list[str]:
    """Why a token lies nowhere in the image."""
    said = unplaced_reason(under.place, under.reading.placeless)
    recurs = recurring(under.results, selection)
    return [*wrapped(said, cells), *([f"outlier {recurs}"] if recurs else [])]


def _side_by_side(facts: Sequence[list[Part]], cells: int) -> list[list[Part]]:
    """As many in a line as stand whole in so many cells, in their order."""
    lines: list[list[Part]] = []
    for fact in facts:
        joined = [*lines[-1], (BETWEEN, fact[0][1]), *fact] if lines else fact
        if lines and _wide(joined) <= cells:
            lines[-1] = joined
        else:
            lines.append(fact)
    return lines


def facts_of(r: Roles, under: CursorPlace, selection: Selection, cells: int) -> list[Fact]:
    """Labels and facts, each of which says less where it would not stand whole in so many cells."""
    text, dim = r.style(), r.style("dim")
    reading, place = under.reading, under.place
    facts: list[Fact] = []
    if place.box is None:
        facts.append((IN_FILE, [(fitting(cells, "nothing: it lies in the padding", "nothing: padding"), text)]))
    else:
        whole = cast(Box, tuple(map(round, place.box)))
        spans = fitting(cells, _spans(place.box, "x ", "y "), _spans(place.box), _spans(whole))
        facts.append((IN_FILE, [(spans, text)]))
        if place.inside < 1.0:
            facts.append(("padding", [(percent(100 * (1 - place.inside)), text), (" of it, the rest is image", dim)]))
        mean = mean_colour(under.results, place)
        swatch = Style(bgcolor=Color.from_rgb(*mean))
        rgb = " ".join(str(v) for v in mean)
        named = f" {hex_colour(mean)}"
        facts.append(("mean", [("  ", swatch), (fitting(cells - 2, f"{named}  rgb {rgb}", named), text)]))
    tall, wide = reading.patch_size
    feeds, stage = reading.model.feeds, selection.stage
    # what a token saw is all of its patches
    down, across = under.page.split if of_tokens(stage) and len(place.patches) > 1 else (1, 1)
    size = f"{across * wide}×{down * tall} px"
    facts.append(("seen as", [(fitting(cells, f"{size} of {reading.seen}", size), text)]))
    if before_first_block(stage):
        facts += _embedding_facts(r, under, selection, cells)
    elif of_tokens(stage):
        if len(place.patches) > 1:
            down, across = under.page.split
            laid = f" ({down}×{across})" if down * across == len(place.patches) else ""
            patches = count(len(place.patches), "vision patch", "vision patches")
            facts.append(
                ("made of", [(fitting(cells, f"{patches}{laid}", patches, f"{len(place.patches)} patches"), text)])
            )
        elif not place.patches:
            facts.append((MADE_OF, [(fitting(cells, "patches of several tiles, resampled", "resampled"), text)]))
        if reading.position_ids:
            time, row, column = reading.position_ids[place.index]
            said = f"time {time}, row {row}, column {column}"
            facts.append(("position", [(fitting(cells, said, f"{time}, {row}, {column}"), text)]))
        layer = llm_depth(stage)
        if layer is not None:
            before = TOKENS if layer == 1 else f"llm.{layer - 1}"
            through = f"{before} → layer {layer}"
            facts.append(("reads", [(fitting(cells, f"{through} → here", through, before), text)]))
        elif feeds:
            through = f"{feeds} → projector"
            facts.append(("reads", [(fitting(cells, f"{through} → here", through, feeds), text)]))
    elif stage == feeds:
        facts.append(("feeds", [("the projector", r.style("accent"))]))
    if recurs := recurring(under.results, selection):
        facts.append(("outlier", [(recurs, text)]))
    return facts


def _wide(parts: list[Part]) -> int:
    return sum(width(part) for part, _ in parts)


def _embedding_facts(r: Roles, under: CursorPlace, selection: Selection, cells: int) -> list[Fact]:
    """What the session says of the patch before the first block; how it is flattened, once it has of any."""
    text, dim = r.style(), r.style("dim")
    some, this = any_patch(under.results), patch_embedding(under.results, selection)
    facts: list[Fact] = []
    if some is not None:
        tall, wide, channels = some.pixels.shape
        one = f"{tall} × {wide} × {channels}"
        laid = f"{some.frames} × {one} =" if some.frames > 1 else f"{one} ="
        flat = "" if some.frames > 1 else ", flattened"
        said = f"{laid} {some.length:,} values"
        facts.append((IS, [(fitting(cells, said + flat, said, f"{some.length:,} values"), text)]))
    if this is not None and this.projected is not None:
        number, short = (format_number(this.projected), text), (" projected", dim)
        if this.position is None:
            forms = [[number, short, (", no position added", dim)], [number, short]]
        else:
            other = format_number(this.position), text
            forms = [[number, short, (", ", dim), other, (" position", dim)], [number, (", position ", dim), other]]
            # side by side both are said; in a narrow column the other is in the numbers panel
            forms += [] if cells <= 0 else [[number, short]]
        facts.append((NORMS, next((one for one in forms if _wide(one) <= cells), forms[-1])))
    return facts


def mean_colour(results: Results, place: Place) -> tuple[int, int, int]:
    """The mean of the file's pixels that the box touches."""
    assert place.box is not None
    left, top, right, bottom = pixel_bounds(place.box, results.image.width, results.image.height)
    part = np.asarray(results.picture.crop((left, top, right, bottom)), dtype=np.float64)
    red, green, blue = (round(float(v)) for v in part.reshape(-1, 3).mean(axis=0))
    return red, green, blue
