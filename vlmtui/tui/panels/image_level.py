"""Image-level results in lines: texts by their zero-shot scores, or classes by their probability."""

from __future__ import annotations

import numpy as np
from textual.strip import Strip

from vlmtui.display.numbers import count, format_number, percent
from vlmtui.display.pieces import fit, plain, width
from vlmtui.results.classification import ClassificationHead, TopClasses
from vlmtui.results.image_text import ImageTextMatch, TextsRead
from vlmtui.tui.state.image_level import ImageLevel
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import Part, fitting, line

LONGEST_BAR = 36
BAR = "━"
TITLE = "WHOLE IMAGE"

# a name, its probability, and the number beside it
_Row = tuple[str, float, str]


def image_level_lines(roles: Roles, level: ImageLevel, cells: int, rows: int) -> list[Strip]:
    """As many lines as there is room for: a heading, and the texts or classes, the likeliest first."""
    if rows < 3:
        return []
    dim = roles.style("dim")
    head, about, found = _found(level, cells)
    lines = [line(cells, roles.style(), [])]
    lines.append(line(cells, roles.style(), [(head, roles.style("text", bold=True))], [(about, dim)]))
    room = max(1, rows - 2)
    return [*lines, *_rows(roles, found[:room], cells)]


def _found(level: ImageLevel, cells: int) -> tuple[str, str, list[_Row]]:
    if level.texts is not None and level.match is not None:
        return _texts(level.texts, level.match, cells)
    assert level.head is not None
    assert level.classes is not None
    return _classes(level.head, level.classes, cells)


def _texts(texts: TextsRead, match: ImageTextMatch, cells: int) -> tuple[str, str, list[_Row]]:
    order = np.argsort(-match.logits.astype(np.float64), kind="stable").tolist()
    found = [
        (plain(texts.texts[i]), float(match.probabilities[i]), f"cosine {format_number(float(match.cosines[i]), 3)}")
        for i in order
    ]
    how = "probabilities over these texts" if texts.kind == "softmax" else "each text by itself"
    cut = f", {count(len(texts.cut), 'text')} cut at {texts.limit} pieces" if texts.cut else ""
    return TITLE, fitting(cells - len(TITLE) - 1, f"{how} ({texts.kind}){cut}", f"{texts.kind}{cut}", texts.kind), found


def _classes(head: ClassificationHead, classes: TopClasses, cells: int) -> tuple[str, str, list[_Row]]:
    found = [
        (plain(head.labels[number]), float(probability), f"logit {format_number(float(logit), 3)}")
        for number, probability, logit in zip(
            classes.ids.tolist(), classes.probabilities.tolist(), classes.logits.tolist(), strict=True
        )
    ]
    of = f"of {count(len(head.labels), 'class', 'classes')}"
    about = fitting(cells - len(TITLE) - 1, f"{of} by {head.kind}, from {head.reads}", f"{of} by {head.kind}", of)
    return TITLE, about, found


def _rows(r: Roles, rows: list[_Row], cells: int) -> list[Strip]:
    shares = [percent(100 * probability) for _, probability, _ in rows]
    wide = max(map(len, shares), default=0), max((len(number) for _, _, number in rows), default=0)
    names = min(max([10, *(width(name) for name, _, _ in rows)]), max(10, cells // 2))
    bar_cells = min(cells - names - sum(wide) - 6, LONGEST_BAR)
    lines = []
    for i, ((name, probability, number), share) in enumerate(zip(rows, shares, strict=True)):
        bar = BAR * round(probability * bar_cells) if bar_cells > 3 else ""
        parts: list[Part] = [
            (f" {fit(name, names)} ", r.style("strong" if not i else "text", bold=not i)),
            (bar, r.style("accent" if not i else "accent_soft")),
        ]
        tail: list[Part] = [
            (share.rjust(wide[0]), r.style("strong" if not i else "text")),
            (f"  {number.rjust(wide[1])} ", r.style("dim")),
        ]
        lines.append(line(cells, r.style(), parts, tail))
    return lines
