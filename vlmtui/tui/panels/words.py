"""Words panel: the nearest tokens of the token under the cursor."""

from __future__ import annotations

import contextlib

from textual.strip import Strip

from vlmtui.display.grid_names import as_sentence
from vlmtui.display.metric_names import COEFFICIENTS, score_head
from vlmtui.display.numbers import format_number, percent
from vlmtui.display.piece_glosses import PieceGlosses
from vlmtui.display.pieces import fit, isolate, visible, width
from vlmtui.metrics import PURSUITS
from vlmtui.results.folded_words import spellings_mark
from vlmtui.results.hub_words import HUB_MARK
from vlmtui.tui import needs
from vlmtui.tui.panels.channels import channels
from vlmtui.tui.panels.image_level import image_level_lines
from vlmtui.tui.panels.largest_norms import largest_norms
from vlmtui.tui.panels.layer_words import HEAD, first_words, wanted_rows
from vlmtui.tui.panels.panel import Panel
from vlmtui.tui.panels.word_footer import footer, footer_rows
from vlmtui.tui.state import early_exit
from vlmtui.tui.state.image_level import CLASSES, TEXTS, scored_by
from vlmtui.tui.state.noise_baseline import noise_of, noise_percentile, words_of_noise_awaited
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER, PIXELS, llm_depth, of_tokens
from vlmtui.tui.state.word_table import WordRow, shown_score
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import NUMBER_CELLS, Lines, Part, fitting, line, wrapped

BAR = "━"
SHORTEST_BAR = 0.2
_SHORTEST_GLOSS = 3
LONGEST_BAR = 36
OF_THE_WHOLE = {
    TEXTS: "c compares texts with the whole image.",
    CLASSES: "c shows the classes of the whole image.",
}
LEAST_NORMS = 7
"""Rows that the heading and the largest norms should have below what says why there are no words."""
FEW_NORMS = 5
"""Rows that will do for them where a stage has no words: a blank one, the heading, two norms, this patch's."""
BEING_READ = "The language model's layers are being read. Esc or [ goes back to tokens."


class WordsPanel(Lines):
    """Piece, bar, score and id, nearest first; underneath what to make of it."""

    def __init__(self) -> None:
        super().__init__()
        self._glosses = PieceGlosses(self._glosses_came)

    def _glosses_came(self) -> None:
        # from another thread, perhaps as the explorer closes
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(self.rebuild)

    def build(self, cells: int, rows: int) -> list[Strip]:
        """Header, words, footer."""
        r = self.roles
        blank, dim = r.style(), r.style("dim")
        results, selection = self._results, self._selection
        exit_ = early_exit.early_exit_title(results, selection) if results else ""
        exit_ = fitting(cells - len("WORDS  ") - NUMBER_CELLS, exit_, exit_.partition(": ")[2])
        head: list[Part] = [*self.heading("WORDS"), (f"  {exit_}" if exit_ else "", r.style("accent"))]
        room_for_about = cells - len(exit_) - NUMBER_CELLS
        lines = [line(cells, blank, head, [(self._about(room_for_about), dim)])]
        if results is None or results.reading is None:
            return [*lines, line(cells, blank, [("the model has not read the image yet", dim)])]
        wordless = results.reading.model.wordless
        if wordless or not (of_tokens(selection.stage) or exit_):
            return self._without_words(results, wordless, cells, rows)
        if results.token(selection) is None and results.entry(selection) is not None:
            return [*lines, *(line(cells, blank, [(part, dim)]) for part in wrapped(early_exit.INTO_NONE, cells))]
        if llm_depth(selection.stage) and results.layers is None:
            return [*lines, *(line(cells, blank, [(part, dim)]) for part in wrapped(BEING_READ, cells))]
        if selection.shows_layers:
            return first_words(r, results, selection, cells, rows, self.heading(HEAD))
        words = results.words(selection)
        if words is None:
            return [*lines, line(cells, blank, [(results.waiting, dim)])]
        below = min(footer_rows(cells), max(1, rows - 1 - len(words)))
        room = max(1, rows - 1 - below)
        rows_of_words, heads = self._rows(words, room, cells)
        about = self._about(room_for_about - width(heads))
        # which words these are goes before the heads where both have no room
        if words and width(about) <= room_for_about - width(heads) - len("WORDS   "):
            lines = [line(cells, blank, [*head, (f"  {about}", dim)], [(heads, dim)])]
        lines += rows_of_words
        foot = footer(r, results, selection, words, room, cells, below)
        return [*lines, *(line(cells, blank, parts) for parts in foot)]

    def _about(self, cells: int) -> str:
        """Which words these are: for the header."""
        results, selection = self._results, self._selection
        table = results.word_table(selection) if results else None
        candidates = table.candidates if table else 0
        layer = llm_depth(selection.stage)
        if layer is None:
            how = "picked from" if selection.metric in PURSUITS else "nearest of"
            brief = f"{selection.k} of {candidates:,}" if candidates else str(selection.k)
            ridge = table.ridge if table else None
            whole = f"{selection.k} {how} {candidates:,} words" if candidates else brief
            if selection.metric in COEFFICIENTS:
                # the heads of the numbers have no room for which coefficients they are
                whole, brief = f"{brief} by {selection.metric}", f"{selection.k} by {selection.metric}"
            with_ridge = f"{whole}, λ {ridge:g}" if selection.metric == "ridge" and ridge is not None else whole
            # what an early exit is called is never cut for how its words are found
            return fitting(cells - 8, with_ridge, whole, brief, "")
        layers = results.model.llm_layers if results and results.model else layer
        lens = f"logit lens, layer {layer} of {layers}"
        # metrics compare with the vectors of words; here the model's own head says which comes next
        whole = f"{lens} · by logit, whatever the metric · {selection.k}"
        return fitting(cells - 8, whole, f"{lens} · {selection.k} by logit", lens, f"logit lens, layer {layer}")

    def _without_words(self, results: Results, wordless: str, cells: int, rows: int) -> list[Strip]:
        r, selection = self.roles, self._selection
        blank, dim = r.style(), r.style("dim")
        if selection.stage == PIXELS:
            why = "Pixels have no words. Press ] for vision.0."
        else:
            why = (
                as_sentence(wordless)
                or f"No words at {selection.stage}: vision-layer states are not in the LLM's space. Press ] for tokens."
            )
            if early_exit.has_early_exit(results, selection):
                why += " Press e for the projector lens: words through the projector."
        lines = [line(cells, blank, self.heading("WORDS"), [("none", dim)])]
        said_why = wrapped(why, cells)
        if selection.stage != PIXELS and not wordless and rows - len(said_why) < LEAST_NORMS:
            said_why = [fitting(cells, *briefly_none(early_exit.has_early_exit(results, selection)))]
        lines += [line(cells, blank, [(part, dim)]) for part in said_why]
        level = results.image_level
        if level.complete and selection.stage != PIXELS:
            return [*lines, *image_level_lines(r, level, cells, rows - len(lines))]
        if said := scored_by(results.model):
            lines += [line(cells, blank, [(part, dim)]) for part in wrapped(OF_THE_WHOLE[said], cells)]
        more = channels if selection.stage == PIXELS else largest_norms
        return [*lines, *more(r, results, selection, cells, rows - len(lines))]

    def _rows(self, found: tuple[WordRow, ...], room: int, cells: int) -> tuple[list[Strip], str]:
        """The rows of as many words as there is room for, and the heads of their numbers."""
        r, words = self.roles, found[:room]
        results = self._results
        assert results is not None
        assert results.reading is not None
        hubs = results.hubs(self._selection)
        joins = results.reading.model.marks_words
        names = [
            f"{visible(w.piece, w.text, joins=joins)}{HUB_MARK if w.id in hubs else ''}{spellings_mark(w.spellings)}"
            for w in words
        ]
        glosses = [self._glosses.of(w.text) for w in words]
        whole = (width(n) + (1 + width(g) if g else 0) for n, g in zip(names, glosses, strict=True))
        name_cells = min(max([10, *whole]), max(10, min(cells * 2 // 5, 20), cells // 3))
        ids = [str(w.id) for w in words]
        id_cells = max((len(i) for i in ids), default=1)
        scores = [format_number(shown_score(w.score, self._selection.order)) for w in words]
        if any(w.explained is not None for w in words):
            # beside each coefficient how far the vector is explained by then
            shares = [percent(100 * w.explained) if w.explained is not None else "" for w in words]
            wide = max(map(len, scores)), max(map(len, shares))
            scores = [f"{s.rjust(wide[0])}  {e.rjust(wide[1])}" for s, e in zip(scores, shares, strict=True)]
        score_cells = max((len(s) for s in scores), default=1)
        bar_cells = min(cells - name_cells - score_cells - id_cells - 6, LONGEST_BAR)
        noise = noise_of(results, self._selection)
        floor = noise.floor if noise is not None else None
        signed = self._selection.order in COEFFICIENTS
        bars = bar_shares([w.score for w in words], signed, floor)
        standing = noise_percentile(results, self._selection, found)
        if words_of_noise_awaited(results, self._selection) or (signed and standing is not None and standing.within):
            # they begin where noise ends; a sum that noise makes as well has none either
            bars = [0.0] * len(bars)
        lines = []
        for i, name in enumerate(names):
            # of hub words, which most lists have, little is learnt: they do not stand out
            hub = words[i].id in hubs
            first = i == 0 and not hub
            bar = BAR * max(1, round(bars[i] * bar_cells)) if bar_cells > 3 and bars[i] > 0 else ""
            parts: list[Part] = [
                (" ", r.style()),
                *_named(r, name, glosses[i], name_cells, first, hub),
                (" ", r.style()),
                (bar, r.style("dim" if words[i].score < 0 and signed else "accent" if first else "accent_soft")),
            ]
            tail: list[Part] = [
                (scores[i].rjust(score_cells), r.style("strong" if first else "text")),
                (f"  {ids[i].rjust(id_cells)} ", r.style("dim")),
            ]
            lines.append(line(cells, r.style(), parts, tail))
        share_head = "explained" if any(w.explained is not None for w in words) else ""
        # a name that is wider than its numbers reaches over the bars, which end before them
        head = score_head(self._selection.order, cells - name_cells - id_cells - 8, by_order=True)
        return lines, f"{head}{f', {share_head}' if share_head else ''}  {'id'.rjust(id_cells)} "


def _named(r: Roles, name: str, gloss: str, cells: int, first: bool, hub: bool) -> list[Part]:
    """A piece in so many cells, its gloss dimly behind it as far as there is room; a hub word is dim, too."""
    style = r.style("strong" if first else "dim" if hub else "text", bold=first)
    room = cells - width(name) - 1
    if not gloss or room < _SHORTEST_GLOSS:
        return [(isolate(fit(name, cells)), style)]
    return [(isolate(name), style), (" ", r.style()), (fit(gloss, room), r.style("dim"))]


def briefly_none(projector: bool) -> tuple[str, ...]:
    """In one line, the longest first, where there are words, if not here."""
    if projector:
        return (
            "No words here. ] tokens, e projector lens.",
            "No words: ] tokens, e projector",
            "] tokens, e projector",
        )
    return "No words here. Press ] for tokens.", "no words: ] tokens"


def bar_shares(scores: list[float], coefficients: bool = False, floor: float | None = None) -> list[float]:
    """Lengths for bars (0–1), 1 for the first word: from where noise ends, the `floor`, or as long as that is not known
    down to a fifth for the last; of coefficients by their size."""
    if not scores:
        return []
    if coefficients:
        largest = max(abs(s) for s in scores)
        return [abs(s) / largest if largest > 0 else 0.0 for s in scores]
    if floor is not None:
        above = scores[0] - floor
        return [max(0.0, s - floor) / above if above > 0 else 0.0 for s in scores]
    span = scores[0] - scores[-1]
    if not span > 0:
        return [1.0] * len(scores)
    return [SHORTEST_BAR + (1 - SHORTEST_BAR) * (s - scores[-1]) / span for s in scores]


def _rows_wanted(results: Results, selection: Selection, cells: int) -> int:
    """A row a word, or of every layer in two columns; header and footer too."""
    model = results.model
    return (
        wanted_rows(model.llm_layers, selection.k, cells)
        if model and selection.shows_layers
        else selection.k + 1 + footer_rows(cells)
    )


def _rows_least(results: Results, selection: Selection, cells: int) -> int:
    """With all words, and one line of the footer; without words with why there are none, and few norms."""
    wanted = _rows_wanted(results, selection, cells)
    if selection.shows_layers:
        return wanted
    if not _ranks_norms(results, selection):
        return wanted - footer_rows(cells) + 1
    wordless = results.reading.model.wordless if results.reading else ""
    # where another stage has words, one line says so
    said = [as_sentence(wordless), OF_THE_WHOLE.get(scored_by(results.model), "")] if wordless else ["no words"]
    return min(wanted, 1 + sum(len(wrapped(one, cells)) for one in said if one) + FEW_NORMS)


def _ranks_norms(results: Results, selection: Selection) -> bool:
    """Whether the largest norms stand in the place of words."""
    if results.reading is None:
        return False
    if results.reading.model.wordless:
        return not results.image_level.complete
    return not of_tokens(selection.stage) and not early_exit.shows_early_exit(results, selection)


def _rows_given(results: Results, selection: Selection, cells: int) -> int:
    """One row of the words; where there are none, all that need not be."""
    few = _ranks_norms(results, selection)
    return _rows_wanted(results, selection, cells) - _rows_least(results, selection, cells) if few else 1


PANEL = Panel(
    "words",
    "Words",
    WordsPanel,
    _rows_wanted,
    applies=lambda results, selection: selection.stage not in (ANSWER, PIXELS),
    least=_rows_least,
    needs=(needs.layers, needs.words, needs.layer_words, needs.agreement, needs.noise),
    main=True,
    gives=_rows_given,
)
