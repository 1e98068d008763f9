"""Atlas page: an atlas as one HTML file without scripts or network requests, light or dark as the system is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from vlmtui._version import __version__
from vlmtui.display import numbers
from vlmtui.display.colours import hex_colour, magnitude_colours
from vlmtui.display.metric_names import shown_score
from vlmtui.display.norm_statistics import RULE
from vlmtui.display.outlier_positions import TEST, VERDICTS, PositionCounts, position_test
from vlmtui.display.pieces import plain, visible
from vlmtui.reports.atlas.crops import PatchCrops, crop_patches
from vlmtui.reports.atlas.examples import RANKING, SIDE, PatchExample, WordExamples
from vlmtui.reports.atlas.summary import Atlas
from vlmtui.reports.atlas.text import FOLDED, labelled_facts, map_caption, patch_score_name, spellings
from vlmtui.reports.commands.outliers import share_text
from vlmtui.reports.page.document import policy, style, template
from vlmtui.results.folded_words import spellings_mark

SHAPES = 6
FAILURES = 100
_REPEATING = 12


@dataclass(frozen=True)
class WordMap:
    """A map of `rows` × `cols`.

    `cells` are (row, column, `#rrggbb`, text), row by row, without those that occur in no image. `most` is the largest
    share, as text.
    """

    rows: int
    cols: int
    cells: list[tuple[int, int, str, str]]
    most: str


def atlas_html(atlas: Atlas) -> Iterator[str]:
    """The HTML file, in one piece."""
    found = atlas.words
    cut = crop_patches(patch for chosen in (*found.sought, *found.most_frequent) for patch in chosen.patches)
    worn = style() + resources.files(__package__).joinpath("assets", "atlas.css").read_text("utf-8")
    counted = atlas.counts
    shapes = counted.shapes
    yield template("atlas.html", __package__).render(
        policy=policy(worn),
        style=Markup(worn),
        version=__version__,
        title=f"{numbers.count(counted.pictures, 'image')} · {plain(counted.model or 'no model')}",
        images=numbers.count(counted.pictures, "image"),
        model=plain(counted.model or ""),
        facts=list(labelled_facts(atlas)),
        files=[plain(name) for name in atlas.files[:SHAPES]],
        more_files=max(0, len(atlas.files) - SHAPES),
        k=counted.k,
        folded=FOLDED if any(len(chosen.ids) > 1 for chosen in found.most_frequent) else "",
        where=map_caption(SIDE),
        ranking=RANKING,
        score=patch_score_name(counted.metric),
        words=[_word(atlas, chosen, cut) for chosen in found.most_frequent],
        sought=[_sought(atlas, chosen, cut) for chosen in found.sought],
        rule=f"{RULE[0].upper()}{RULE[1:]}.",
        test=f"Test: {TEST}.",
        grids=[_grid(tally) for tally in shapes[:SHAPES]],
        more_grids=max(0, len(shapes) - SHAPES),
        failures=[(plain(image), plain(error)) for image, error in counted.failures[:FAILURES]],
        more_failures=max(0, counted.failed - FAILURES),
        missing=cut.missing,
        full=cut.full,
    )


def _word(atlas: Atlas, chosen: WordExamples, cut: PatchCrops) -> dict[str, Any]:
    counted = atlas.counts
    id_ = chosen.ids[0]
    return {
        "word": visible(*counted.names[id_]),
        "spellings": spellings_mark(len(chosen.ids)),
        "id": id_,
        "count": f"{chosen.first:,}",
        "bar": round(100 * chosen.first / atlas.words.most_frequent[0].first, 1),
        "first": numbers.percent(100 * chosen.first / counted.entries),
        "images": numbers.percent(100 * chosen.pictures_first / counted.pictures),
        "among": numbers.percent(100 * chosen.among / counted.entries),
        "images_among": numbers.percent(100 * chosen.pictures_among / counted.pictures),
        "map": _said(chosen),
        "patches": [_patch(patch, cut, counted.metric) for patch in chosen.patches],
    }


def _sought(atlas: Atlas, chosen: WordExamples, cut: PatchCrops) -> dict[str, Any]:
    counted = atlas.counts
    return {
        "word": plain(chosen.sought or ""),
        "pieces": spellings(counted, chosen),
        "first": f"{chosen.first:,}",
        "among": f"{chosen.among:,}",
        "map": _said(chosen),
        "patches": [_patch(patch, cut, counted.metric) for patch in chosen.patches],
    }


def _patch(patch: PatchExample, cut: PatchCrops, metric: str | None) -> dict[str, Any]:
    row = patch.row
    place = f"row {row['row']}, column {row['col']}" if row["row"] is not None else f"{row['kind']} {row['index']}"
    return {
        "crop": cut.of(patch),
        "score": numbers.format_number(shown_score(metric, patch.score)),
        "among": patch.place + 1,
        "image": plain(row["image"]),
        "name": plain(row["image"].rstrip("/").rpartition("/")[2] or row["image"]),
        "short": f"{row['row']},{row['col']}" if row["row"] is not None else str(row["index"]),
        "place": place + (f" of grid {row['grid']}" if row["grid"] else ""),
        "box": "" if patch.box is None else f"pixels {numbers.box(patch.box)}",
    }


def _said(chosen: WordExamples) -> WordMap | None:
    """The map of a word's share at each position, coloured from none to the largest; None where there is none."""
    shares = chosen.shares
    if not np.isfinite(shares).any():
        return None
    return _map(shares, [numbers.percent(100 * float(share)) for share in shares.ravel()])


def _map(shares: NDArray[np.float64], said: list[str]) -> WordMap:
    rows, cols = shares.shape
    most = float(np.nanmax(shares))
    colours = [hex_colour(rgb) for rgb in magnitude_colours(shares, 0.0, most or 1.0).reshape(-1, 3)]
    there = np.isfinite(shares).ravel()
    cells = [(i // cols, i % cols, colours[i], said[i]) for i in range(rows * cols) if there[i]]
    return WordMap(rows, cols, cells, numbers.percent(100 * most))


def _grid(tally: PositionCounts) -> dict[str, Any]:
    found, shape = position_test(tally), tally.shape
    with np.errstate(invalid="ignore"):
        shares = np.where(tally.there > 0, tally.counts / tally.there, np.nan)
    said = [share_text(int(count), int(there)) for count, there in zip(tally.counts, tally.there, strict=True)]
    places = [f"{at}" if shape.kind == "query" else f"{at // shape.cols},{at % shape.cols}" for at in range(shape.size)]
    laid = shares.reshape(1, -1) if shape.kind == "query" else shares.reshape(shape.rows, shape.cols)
    of = numbers.count(tally.pictures, "image")
    of += f", {numbers.count(tally.views, 'grid')}" if tally.views != tally.pictures else ""
    return {
        "shape": f"{shape.rows} queries" if shape.kind == "query" else f"{shape.rows} × {shape.cols}",
        "of": of,
        "outliers": numbers.count(int(tally.counts.sum()), "outlier"),
        "rate": numbers.percent(100 * found.rate),
        "finding": found.verdict,
        "means": VERDICTS[found.verdict],
        "repeat": [(places[at], said[at]) for at in found.repeat[:_REPEATING]],
        "more": max(0, len(found.repeat) - _REPEATING),
        "map": _map(laid, [f"{place}: {share}" for place, share in zip(places, said, strict=True)]),
    }
