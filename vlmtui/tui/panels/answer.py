"""Answer panel: the model's answer as it is generated, the log-probabilities of its tokens, and ablation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest

from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from vlmtui.display.numbers import NOT_A_NUMBER, count
from vlmtui.display.pieces import fit, isolate, width
from vlmtui.results.answers import Ablation, AnswerToken
from vlmtui.tui.panels.panel import Panel
from vlmtui.tui.state.answer_values import answer_meaning as meaning_of
from vlmtui.tui.state.answer_values import token_name
from vlmtui.tui.state.generation import AblatedAnswer, AnswerGeneration
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER
from vlmtui.tui.widgets.lines import NUMBER_CELLS, Lines, Part, fitting, line, wrapped
from vlmtui.tui.widgets.text_folding import folded, parted, span, windowed

BAR, TRACK = "━", "─"
BAR_CELLS = 9
"""A bar that tells anything; where there are too many tokens there is none."""
CHANGE_CELLS = 10
"""By how much a token has changed without some patches."""
WHOLE = ("whole answer", "whole")
SIDE_BY_SIDE = 60
LONGEST_BAR = 24
LEAST_OF_CELL = 0.25
"""A change that would fill less of a cell than this has no bar."""
LEAST_NAME, MOST_NAME = 8, 16
ELLIPSES = 4
"""Cells for those before and after text that is not seen whole."""
MOST_MEANING = 5
"""Lines that say what the numbers are."""
FEW = 12
"""Lines of a panel in which each counts."""


class AnswerTokenPointed(Message):
    """A token of the answer was clicked; None is the whole of it."""

    def __init__(self, token: int | None) -> None:
        super().__init__()
        self.token = token


class AnswerPanel(Lines):
    """Question, answer, tokens; underneath where the chosen one looked."""

    def __init__(self) -> None:
        super().__init__()
        self._targets: list[tuple[int, int, int, int | None]] = []

    def build(self, cells: int, rows: int) -> list[Strip]:
        """As much as there is room for: the tokens around the chosen one."""
        r = self.roles
        blank, dim = r.style(), r.style("dim")
        results, selection = self._results, self._selection
        self._targets = []
        if results is None:
            return []
        generation = results.generation
        cramped = rows < FEW and rows < wanted_rows(generation, cells)
        head = self.heading("ANSWER")
        lines = [line(cells, blank, head, [(fitting(cells - 8 - NUMBER_CELLS, *about(generation)), dim)])]
        if not generation.begun:
            return [*lines, line(cells, blank, [("a asks the model a question", dim)])]
        lines += [
            line(cells, blank, [(part, dim)]) for part in folded(generation.question, cells)[: 1 if cramped else 2]
        ]
        if not generation.tokens:
            return [*lines, line(cells, blank, [("…", dim)])]
        meaning = meaning_of(results, selection)
        meaning = meaning[:1] if cramped else meaning
        foot = whole_sentences(meaning, cells, 1 if cramped else MOST_MEANING)
        columns = self._columns(generation, cells)
        chosen = None if generation.speaking else selection.of_answer.token
        text_rows, token_rows, foot_rows = shares(
            rows - len(lines),
            len(self._texts(generation, chosen, cells)),
            -(-(1 + len(generation.tokens)) // columns),
            len(foot),
            len(wrapped(meaning[0], cells)) if meaning and not cramped else 1,
        )
        lines += self._texts(generation, chosen, cells, text_rows)
        tokens, hidden = self._tokens(generation, selection, cells, token_rows, len(lines), columns)
        if hidden:
            lines[0] = line(cells, blank, head, [(fitting(cells - 8 - NUMBER_CELLS, *about(generation, hidden)), dim)])
        lines += tokens
        foot = whole_sentences(meaning, cells, foot_rows)
        lines += [line(cells, blank, [])] * (len(lines) + len(foot) < rows)
        return [*lines, *(line(cells, blank, [(isolate(part), dim)]) for part in foot)]

    def _texts(
        self, generation: AnswerGeneration, chosen: int | None, cells: int, most: int | None = None
    ) -> list[Strip]:
        """What was said, and beside it or below it what was said without some patches; all, or `most` lines of it."""
        again = generation.again
        if again is None:
            return self._text(generation, chosen, cells, most)
        label, accent, dim = without(again), self.roles.style("accent"), self.roles.style("dim")
        if cells < SIDE_BY_SIDE:
            below = [("", "", part) for part in folded(f"{label[0]}: {again.text or '…'}", cells - ELLIPSES)]
            each = None if most is None else max(1, most // 2)
            lines = self._text(generation, chosen, cells, each)
            below = below if most is None else windowed(below, max(1, most - len(lines)))
            return [*lines, *(self._marked(cells, part, accent) for part in below)]
        half = cells // 2 - 1
        rows = None if most is None else max(1, most - 1)
        right = [("", "", part) for part in folded(again.text or "…", half - ELLIPSES)]
        right = right if rows is None else windowed(right, rows, tail=again.ablation is None)
        beside = [self._marked(half, part, accent) for part in right]
        heads = (
            line(half, dim, [(fit("with the whole image", half), dim)]),
            line(half, dim, [(fitting(half, *label), dim)]),
        )
        pairs = zip_longest(self._text(generation, chosen, half, rows), beside, fillvalue=Strip.blank(half, dim))
        gap = Strip.blank(cells - 2 * half, self.roles.style())
        return [Strip.join([left, gap, other]).simplify() for left, other in [heads, *pairs]]

    def _text(self, generation: AnswerGeneration, chosen: int | None, cells: int, most: int | None) -> list[Strip]:
        """What was said: all of it, or so many lines around the chosen token."""
        if note := generation.empty_note:
            return [self._marked(cells, ("", "", part), self.roles.style("dim")) for part in folded(note, cells)]
        folds = folded(generation.text, cells - ELLIPSES) or ["…"]
        parts = parted(folds, generation.text, span(generation.text, generation.tokens, chosen))
        parts = parts if most is None else windowed(parts, most, tail=generation.speaking)
        strong = self.roles.style("strong", bold=True)
        return [self._marked(cells, part, strong) for part in parts]

    def _marked(self, cells: int, part: tuple[str, str, str], style: Style) -> Strip:
        r = self.roles
        chosen = r.style("on_accent", on="accent", bold=True)
        styled = [(isolate(text), look) for text, look in zip(part, (style, chosen, style), strict=True) if text]
        return line(cells, r.style(), styled)

    def _columns(self, generation: AnswerGeneration, cells: int) -> int:
        """How many columns of tokens there is room for, without bars."""
        return max(
            1, cells // (LEAST_NAME + _number_cells(generation) + 3 + (CHANGE_CELLS if _compared(generation) else 0))
        )

    def _tokens(
        self, generation: AnswerGeneration, selection: Selection, cells: int, room: int, top: int, most: int
    ) -> tuple[list[Strip], int]:
        """A cell a token, down at most so many columns, the whole answer first; and how many there is no room for."""
        r = self.roles
        entries: list[int | None] = [None, *range(len(generation.tokens))]
        columns = min(most, -(-len(entries) // room))
        down = min(room, -(-len(entries) // columns))
        shown = min(len(entries), down * columns)
        chosen = selection.of_answer.token
        at = len(entries) - 1 if generation.speaking else entries.index(chosen) if chosen in entries else 0
        first = min(max(0, at - shown // 2), len(entries) - shown)
        across = cells // columns
        number_cells = _number_cells(generation)
        longest = max(width(WHOLE[1]), *(width(token_name(one)) for one in generation.tokens))
        free = across - 3 - number_cells - (CHANGE_CELLS if _compared(generation) else 0)
        name_cells = min(longest, MOST_NAME, free - BAR_CELLS if free - BAR_CELLS >= LEAST_NAME else free)
        lines = []
        for row in range(down):
            parts: list[Part] = []
            for column in range(columns):
                i = first + column * down + row
                if i >= first + shown:
                    continue
                token = entries[i]
                here = token == chosen and not generation.speaking
                parts += self._token(generation, token, here, across - 1, name_cells, number_cells)
                parts.append((" ", r.style()))
                self._targets.append((top + row, column * across, (column + 1) * across, token))
            lines.append(line(cells, r.style(), parts))
        return lines, sum(one is not None for one in (*entries[:first], *entries[first + shown :]))

    def _token(
        self,
        generation: AnswerGeneration,
        token: int | None,
        here: bool,
        cells: int,
        name_cells: int,
        number_cells: int,
    ) -> list[Part]:
        """One token in exactly so many cells, of which its name and its number have these."""
        ablation = generation.again.ablation if generation.again else None
        r = self.roles
        ground = "raised" if here else "ground"
        said = None if token is None else generation.tokens[token]
        log_prob = generation.log_prob if said is None else said.log_prob
        name = fit(fitting(name_cells, *WHOLE) if said is None else token_name(said), name_cells)
        style = r.style("strong" if here else "dim" if said is None or said.special else "text", ground, here)
        parts: list[Part] = [
            ("▌" if here else " ", r.style("accent", ground)),
            (isolate(name) + " " * (name_cells - width(name)), style),
            (" " + logged(log_prob).rjust(number_cells), r.style("text", ground)),
        ]
        rest = cells - 2 - name_cells - number_cells
        if ablation is None:
            # of certainty the bar is full
            longest = min(LONGEST_BAR, rest - 1) if said is not None and rest > 3 else 0
            size = round(longest * _probability(said)) if said is not None else 0
            bar = r.style("accent" if here else "accent_soft", ground)
            return [*parts, *_bar(size, longest, rest, bar, r.style("rule", ground))]
        change = change_of(generation, ablation, token)
        # a full bar is a nat at least: what is next to nothing should not look like much
        largest = max((1.0, *(abs(float(c)) for c in ablation.changes if math.isfinite(c))))
        rest -= CHANGE_CELLS
        longest = min(LONGEST_BAR, rest - 1)
        share = min(1.0, abs(change) / largest) if math.isfinite(change) else 0.0
        size = change_size(share, longest)
        parts.append((logged(change, sign=True).rjust(CHANGE_CELLS), r.style("text", ground)))
        bar = r.style("outlier" if change < 0 else "measured", ground)
        return [*parts, *_bar(size, longest, rest, bar, r.style("rule", ground))]

    def on_click(self, event: events.Click) -> None:
        for y, start, end, token in self._targets:
            if event.y == y and start <= event.x < end:
                self.post_message(AnswerTokenPointed(token))


def wanted_rows(generation: AnswerGeneration, cells: int, foot: int = 1) -> int:
    """How many lines would show an answer whole in so many cells, and `foot` lines of what its numbers are."""
    again = generation.again
    beside = again is not None and cells >= SIDE_BY_SIDE
    each = cells // 2 - 1 if beside else cells
    text = len(folded(generation.empty_note or generation.text, each - ELLIPSES))
    if again is not None:
        label = "" if beside else f"{without(again)[0]}: "
        other = len(folded(f"{label}{again.text}", each - ELLIPSES))
        text = max(text, other) + 1 if beside else text + other
    least = LEAST_NAME + _number_cells(generation) + 3 + (CHANGE_CELLS if again else 0)
    tokens = -(-(1 + len(generation.tokens)) // max(1, cells // least))
    return 1 + min(2, len(folded(generation.question, cells))) + text + tokens + 1 + foot


def shares(rows: int, text: int, tokens: int, foot: int, least: int = 1) -> tuple[int, int, int]:
    """Of so many lines those for the text, its tokens and what they mean, which would like these.

    The meaning gives way first, down to its `least` lines; text and tokens halve what there is, and neither keeps what
    it has no use for.
    """
    foot = min(foot, max(min(least, rows - 3), rows - text - tokens, 0))
    room = rows - foot
    text = max(1, min(text, max(room // 2, room - tokens)))
    return text, max(1, min(room - text, room)), foot


def whole_sentences(sentences: Sequence[str], cells: int, rows: int) -> list[str]:
    """As many of the first sentences as stand whole in so many lines; of the first in any case what has room."""
    for many in range(len(sentences), 0, -1):
        lines = wrapped(" ".join(sentences[:many]), cells)
        if len(lines) <= rows:
            return lines
    lines = wrapped(sentences[0], cells) if sentences else []
    return [*lines[: rows - 1], fit(" ".join(lines[rows - 1 :]), cells)] if rows else []


def about(generation: AnswerGeneration, hidden: int = 0) -> tuple[str, ...]:
    """How it was answered, from the longest way to say it to the shortest; `hidden` tokens are not seen."""
    number = count(len(generation.tokens), "token")
    tokens = f"{number}{f' ({hidden} not seen)' if hidden else ''}"
    if generation.speaking:
        return f"{tokens} so far · greedy · Esc stops", "Esc stops"
    if not generation.begun or not generation.tokens:
        return ("",)
    end = "" if generation.answer and generation.answer.finished else " · cut" if generation.answer else " · stopped"
    prob = f"log-probability {logged(generation.log_prob)}"
    if generation.again and generation.again.ablation:
        changed = logged(generation.log_prob + change_of(generation, generation.again.ablation, None))
        prob += f", without {changed}"
    told = f"{tokens}{end}"
    # the numbers of the tokens below it need their unit
    brief = f"{len(generation.tokens) - hidden} of {number}{end}" if hidden else f"{number}{end}"
    units = [f"{one} · {unit}" for one in (told, brief) for unit in ("log-probability", "log-prob")]
    return f"greedy · {told} · {prob}", f"{told} · {prob}", *units, told, brief


def logged(value: float, sign: bool = False) -> str:
    """A log-probability, or how much it has changed: `-0.010`, `+1.250`; never `-0.000`."""
    if not math.isfinite(value):
        return NOT_A_NUMBER
    rounded = round(value, 3) + 0.0
    return f"{rounded:{'+' if sign and rounded else ''}.3f}"


def without(again: AblatedAnswer) -> tuple[str, ...]:
    """`without 12 marked tokens (mean)`, and shorter ways to say it."""
    marked = count(len(again.tokens), "marked token")
    return (
        f"without {marked} ({again.by})",
        f"without {marked}: {again.by}",
        f"without {len(again.tokens)} ({again.by})",
    )


def change_of(generation: AnswerGeneration, ablation: Ablation, token: int | None) -> float:
    """By how much the log-probability of a token, or of the whole answer as far as it was heard, rose."""
    if token is None:
        return float(ablation.changes[: len(generation.tokens)].sum())
    return float(ablation.changes[token]) if token < len(ablation.changes) else math.nan


def _bar(size: int, longest: int, cells: int, style: Style, track: Style) -> list[Part]:
    """A blank, a bar of `size` on its track of the `longest`, and blanks up to so many cells."""
    drawn = " " + BAR * size
    rest = TRACK * (longest - size)
    return [(drawn[:cells], style), ((rest + " " * cells)[: max(0, cells - len(drawn))], track)]


def change_size(share: float, longest: int) -> int:
    """The cells of the bar of a change that is this share of the largest, which has the longest bar."""
    return max(1, round(longest * share)) if longest * share >= LEAST_OF_CELL else 0


def _number_cells(generation: AnswerGeneration) -> int:
    """What the longest of the answer's log-probabilities needs."""
    return max(
        len(logged(log_prob)) for log_prob in (generation.log_prob, *(token.log_prob for token in generation.tokens))
    )


def _compared(generation: AnswerGeneration) -> bool:
    """Whether there is another answer to hold the tokens against."""
    return generation.again is not None and generation.again.ablation is not None


def _probability(said: AnswerToken) -> float:
    return math.exp(said.log_prob) if math.isfinite(said.log_prob) else 0.0


def _rows_wanted(results: Results, selection: Selection, cells: int) -> int:
    """The answer whole, and what its numbers are."""
    foot = wrapped(" ".join(meaning_of(results, selection)), cells)
    rows = wanted_rows(results.generation, cells, min(MOST_MEANING, max(1, len(foot))))
    # as long as tokens come, there is room for some more
    return rows if results.generation.ready else max(FEW, rows)


def _rows_least(results: Results, selection: Selection, cells: int) -> int:
    """A few tokens around the chosen one, or a short answer whole."""
    return min(FEW, wanted_rows(results.generation, cells, 0)) if results.generation.ready else FEW


def _rows_given(results: Results, selection: Selection, cells: int) -> int:
    """What the numbers are but for one line of it, and the blank line above."""
    wanted = _rows_wanted(results, selection, cells)
    least = wanted_rows(results.generation, cells, 0)
    return max(0, wanted - (least if results.generation.ready else max(FEW, least)))


PANEL = Panel(
    "answer",
    "Answer",
    AnswerPanel,
    _rows_wanted,
    applies=lambda results, selection: selection.stage == ANSWER,
    main=True,
    grows=True,
    # what the numbers are gives way to panels that would be hidden
    least=_rows_least,
    gives=_rows_given,
)
