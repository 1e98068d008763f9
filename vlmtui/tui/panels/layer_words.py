"""Top-1 of one token after every layer of the language model, and from which layer on it is stable."""

from __future__ import annotations

from textual.strip import Strip

from vlmtui.display.numbers import format_number
from vlmtui.display.pieces import fit, isolate, width
from vlmtui.lenses.folded_token_words import stable_layer
from vlmtui.reading import TokenLayerWords
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import llm_depth
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import NUMBER_CELLS, Part, fitting, line, wrapped

COLUMN_CELLS = 26
"""What a layer needs: its number, a word, a logit, an entropy."""
NUMBERS_CELLS = 14
HEAD = "TOP-1 WORDS"
BAR = "━"
LONGEST_BAR = 30
SURER, BRIEF_SURER = "less is surer", "less entropy (nats): surer"
BRIEF_HEADS = "  logit   nats"
"""Over the numbers of a layer, where they have no other heads."""


def wanted_rows(layers: int, k: int, cells: int) -> int:
    """How many lines would show every layer in at most two columns, and no fewer than k words take; header and footer
    too."""
    return max(k, -(-layers // max(1, min(2, cells // COLUMN_CELLS)))) + 2


def first_words(
    roles: Roles, results: Results, selection: Selection, cells: int, rows: int, heading: list[Part]
) -> list[Strip]:
    """As many layers as there is room for, those around the one looked at first; `heading` has the name `HEAD`."""
    assert results.reading is not None
    blank, dim = roles.style(), roles.style("dim")
    layers = results.reading.model.llm_layers
    there = results.by_layer(results.token(selection)) is not None
    found = results.by_layer(results.token(selection) if there else results.followed)
    short = f"logit · {BAR} entropy in nats"
    forms = [f"logit lens, layers 1–{layers} · {short}: {SURER}", f"{short}: {SURER}", short, BRIEF_HEADS, ""]
    about = fitting(cells - len(HEAD) - NUMBER_CELLS - 1, *forms)
    head = line(cells, blank, heading, [(about, dim)])
    if found is not None and not found.ids.shape[1]:
        return [head, line(cells, blank, [("no words are searched", dim)])]
    room = max(1, rows - 2)
    columns = max(1, min(-(-layers // room), cells // COLUMN_CELLS))
    down = min(room, -(-layers // columns))
    shown = min(layers, down * columns)
    here = llm_depth(selection.stage) or 1
    first = min(max(1, here - shown // 2), layers - shown + 1)
    across = cells // columns
    stable = None if found is None else stable_layer(found, selection.folds)
    lines = [head]
    for row in range(down):
        parts: list[Part] = []
        for column in range(columns):
            layer = first + column * down + row
            if layer < first + shown:
                parts += _layer(roles, results, found, layer, stable, layer == here, across - (columns > 1))
                parts.append((" " * (columns > 1), dim))
        lines.append(line(cells, blank, parts))
    if found is None or not there:
        return [*lines, line(cells, blank, [(results.waiting, dim)])]
    # whole, or not there
    left = max(1, rows - len(lines))
    said = [wrapped(form, cells) for form in settling(results, found, selection.folds)]
    foot = next((form for form in said if len(form) <= left and all(width(one) <= cells for one in form)), [])
    if SURER not in about and len(foot) < left and width(BRIEF_SURER) <= cells:
        foot = [*foot, BRIEF_SURER]
    return [*lines, *(line(cells, blank, [(part, dim)]) for part in foot)]


def settling(results: Results, found: TokenLayerWords, fold: bool) -> tuple[str, ...]:
    """`stable from layer 19 of 32: sky`, and in fewer words; nothing where no layer is stable."""
    layers = len(found.ids)
    stable = stable_layer(found, fold)
    if stable is None:
        return ()
    only = "only " if stable == layers and layers > 1 else ""
    brief = f"stable from layer {stable}"
    return f"stable {only}from layer {stable} of {layers}: {results.first_word(found, layers)}", brief


def _layer(
    roles: Roles,
    results: Results,
    found: TokenLayerWords | None,
    layer: int,
    stable: int | None,
    here: bool,
    cells: int,
) -> list[Part]:
    """One layer in exactly so many cells: what was first there, its logit, the entropy, before it its bar.

    In as few styles as can be: each change of style on a line costs as many bytes as a third of its text.
    """
    dim = roles.style("dim")
    number: Part = (f"{layer:>3} ", roles.style("on_accent", on="accent", bold=True) if here else dim)
    if found is None:
        return [number, (" …".ljust(cells - 4), dim)]
    settled = stable is not None and layer >= stable
    style = roles.style("accent" if layer == stable else "strong" if settled else "text", bold=settled)
    entropy = float(found.entropy[layer - 1])
    room = cells - 4 - NUMBERS_CELLS
    bar_cells = max(0, min(LONGEST_BAR, room - 22))
    name_cells = room - bar_cells
    name = fit(results.first_word(found, layer), name_cells - 2)
    word = f" {isolate(name)}" + " " * (name_cells - 1 - width(name))
    score = format_number(float(found.scores[layer - 1, 0])).rjust(7)
    parts: list[Part] = [number, (word + score, style)]
    if bar_cells:
        # against the most there is at any layer of this token: the surer the model, the shorter
        most = float(found.entropy.max())
        size = max(1, round((bar_cells - 1) * entropy / most)) if most > 0 and entropy == entropy else 0
        parts.append(((" " + BAR * size).ljust(bar_cells), roles.style("measured")))
    return [*parts, (format_number(entropy, 3).rjust(7), dim)]
