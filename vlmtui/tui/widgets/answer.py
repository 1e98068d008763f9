"""The model's answer as it is said, its tokens' log-probabilities, and what becomes of them without some patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest

from textual import events
from textual.message import Message
from textual.strip import Strip

from vlmtui.answers import Ablation, AnswerToken
from vlmtui.display.numbers import NOT_A_NUMBER, count
from vlmtui.display.pieces import fit, isolate, plain, width
from vlmtui.tui import answered
from vlmtui.tui.answering import Again, Speech
from vlmtui.tui.lines import Part, fitting, line, wrapped
from vlmtui.tui.view import Known, View
from vlmtui.tui.widgets.panel import ViewPanel

BAR = "━"
COLUMN_CELLS, LEAST_CELLS = 26, 17
"""What a token needs: its piece, a number, a bar; and where there are too many of them, no bar."""
WHOLE = "whole answer"
CHANGE_CELLS = 36
"""And with what it was without some patches."""
SIDE_BY_SIDE = 60
LONGEST_BAR = 24
LEAST_NAME, MOST_NAME = 8, 16


class AnswerTokenPointed(Message):
    """A token of the answer was clicked; None is the whole of it."""

    def __init__(self, token: int | None) -> None:
        super().__init__()
        self.token = token


class AnswerPanel(ViewPanel):
    """Question, answer, tokens; underneath where the chosen one looked."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")
        self._targets: list[tuple[int, int, int, int | None]] = []

    def build(self, cells: int, rows: int) -> list[Strip]:
        """As much as there is room for: the tokens around the chosen one."""
        r = self.roles
        blank, dim = r.style(), r.style("dim")
        known, view = self._known, self._view
        self._targets = []
        if known is None:
            return []
        speech = known.speech
        head: Part = ("ANSWER", r.style(bold=True))
        lines = [line(cells, blank, [head], [(fitting(cells - 8, *about(speech)), dim)])]
        if not speech.begun:
            return [*lines, line(cells, blank, [("a asks the model a question", dim)])]
        lines += [line(cells, blank, [(part, dim)]) for part in folded(speech.question, cells)[: 1 if rows < 12 else 2]]
        # half of what is left is for the text, so that its tokens are seen too
        most = max(1, (rows - len(lines)) // (3 if rows < 12 else 2) - 1)
        lines += self._texts(speech, cells, most)
        if not speech.tokens:
            return lines
        meaning = answered.meaning(known, view)
        foot = wrapped(" ".join(meaning[:1] if rows < 12 else meaning), cells)[: 1 if rows < 12 else 5]
        room = rows - len(lines) - len(foot)
        tokens, hidden = self._tokens(known, view, cells, max(1, room), len(lines))
        if hidden:
            lines[0] = line(cells, blank, [head], [(fitting(cells - 8, *about(speech, hidden)), dim)])
        lines += tokens
        lines += [line(cells, blank, [])] * (len(lines) + len(foot) < rows)
        return [*lines, *(line(cells, blank, [(isolate(part), dim)]) for part in foot)]

    def _texts(self, speech: Speech, cells: int, most: int) -> list[Strip]:
        """What was said, and beside it or below it what was said without some patches."""
        r = self.roles
        strong, soft, dim = r.style("strong", bold=True), r.style(), r.style("dim")
        again = speech.again
        if again is None:
            shown = clipped(folded(speech.text, cells) or ["…"], most, tail=speech.speaking)
            return [line(cells, soft, [(isolate(part), strong)]) for part in shown]
        label = without(again)
        if cells >= SIDE_BY_SIDE:
            half = cells // 2 - 1
            left = clipped(folded(speech.text, half) or ["…"], most)
            right = clipped(folded(again.text, half) or ["…"], most, tail=again.ablation is None)
            pairs = [(label_of_first(half), fit(label, half), dim, dim)]
            pairs += [(a, b, strong, r.style("accent")) for a, b in zip_longest(left, right, fillvalue="")]
            return [
                line(cells, soft, [(isolate(a) + " " * (half - width(a) + 2), one), (isolate(b), other)])
                for a, b, one, other in pairs
            ]
        each = max(1, (most - 1) // 2)
        lines = [line(cells, soft, [(isolate(p), strong)]) for p in clipped(folded(speech.text, cells), each)]
        parts = clipped(folded(f"{label}: {again.text or '…'}", cells), max(1, each))
        return [*lines, *(line(cells, soft, [(isolate(part), r.style("accent"))]) for part in parts)]

    def _tokens(self, known: Known, view: View, cells: int, room: int, top: int) -> tuple[list[Strip], int]:
        """A cell a token, down the columns, the whole answer first; and how many there is no room for."""
        r = self.roles
        speech = known.speech
        ablation = speech.again.ablation if speech.again else None
        entries: list[int | None] = [None, *range(len(speech.tokens))]
        needed = CHANGE_CELLS if ablation else COLUMN_CELLS
        if not ablation and len(entries) > room * (cells // COLUMN_CELLS):
            needed = LEAST_CELLS
        columns = max(1, min(-(-len(entries) // room), cells // needed))
        down = min(room, -(-len(entries) // columns))
        shown = min(len(entries), down * columns)
        chosen = view.looking.token
        at = len(entries) - 1 if speech.speaking else entries.index(chosen) if chosen in entries else 0
        first = min(max(0, at - shown // 2), len(entries) - shown)
        across = cells // columns
        longest = max(width(WHOLE), *(width(answered.named(one)) for one in speech.tokens))
        name_cells = max(LEAST_NAME, min(longest, MOST_NAME, across - 10 - (11 if ablation else 0)))
        lines = []
        for row in range(down):
            parts: list[Part] = []
            for column in range(columns):
                i = first + column * down + row
                if i >= first + shown:
                    continue
                token = entries[i]
                here = token == chosen and not speech.speaking
                parts += self._token(speech, token, here, across - 1, name_cells)
                parts.append((" ", r.style()))
                self._targets.append((top + row, column * across, (column + 1) * across, token))
            lines.append(line(cells, r.style(), parts))
        return lines, len(entries) - shown

    def _token(self, speech: Speech, token: int | None, here: bool, cells: int, name_cells: int) -> list[Part]:
        """One token in exactly so many cells, of which its name has `name_cells`."""
        ablation = speech.again.ablation if speech.again else None
        r = self.roles
        ground = "raised" if here else "ground"
        said = None if token is None else speech.tokens[token]
        log_prob = speech.log_prob if said is None else said.log_prob
        number = logged(log_prob).rjust(8)
        name = fit(WHOLE if said is None else answered.named(said), name_cells)
        style = r.style("strong" if here else "dim" if said is None or said.special else "text", ground, here)
        parts: list[Part] = [
            ("▌" if here else " ", r.style("accent", ground)),
            (isolate(name) + " " * (name_cells - width(name)), style),
            (number, r.style("text", ground)),
        ]
        rest = cells - 1 - name_cells - 8
        if ablation is None:
            # of certainty the bar is full
            size = round(min(LONGEST_BAR, rest - 1) * _probability(said)) if said is not None and rest > 3 else 0
            parts.append(((" " + BAR * size).ljust(rest), r.style("accent" if here else "accent_soft", ground)))
            return parts
        change = change_of(speech, ablation, token)
        # a full bar is a nat at least: what is next to nothing should not look like much
        largest = max((1.0, *(abs(float(c)) for c in ablation.changes if math.isfinite(c))))
        size = min(LONGEST_BAR, rest - 10)
        share = min(1.0, abs(change) / largest) if math.isfinite(change) else 0.0
        bar = max(1, round(size * share)) if size > 0 and share >= 0.0005 else 0
        parts.append((f"{logged(change, sign=True).rjust(9)} ", r.style("text", ground)))
        parts.append(((BAR * bar).ljust(max(0, rest - 10)), r.style("outlier" if change < 0 else "measured", ground)))
        return parts

    def on_click(self, event: events.Click) -> None:
        for y, start, end, token in self._targets:
            if event.y == y and start <= event.x < end:
                self.post_message(AnswerTokenPointed(token))


def about(speech: Speech, hidden: int = 0) -> tuple[str, ...]:
    """How it was answered, from the longest way to say it to the shortest; `hidden` tokens are not seen."""
    tokens = f"{count(len(speech.tokens), 'token')}{f' ({hidden} not seen)' if hidden else ''}"
    if speech.speaking:
        return f"{tokens} so far · greedy · Esc stops", "Esc stops"
    if not speech.begun or not speech.tokens:
        return ("",)
    end = "" if speech.answer and speech.answer.finished else " · cut" if speech.answer else " · stopped"
    number = f"log-probability {logged(speech.log_prob)}"
    if speech.again and speech.again.ablation:
        change = change_of(speech, speech.again.ablation, None)
        number = f"log-probability {logged(speech.log_prob)}, without {logged(speech.log_prob + change)}"
    return f"greedy · {tokens}{end} · {number}", f"{tokens}{end} · {number}", f"{tokens} · {logged(speech.log_prob)}"


def logged(value: float, sign: bool = False) -> str:
    """A log-probability, or how much it has changed: `-0.010`, `+1.250`; never `-0.000`."""
    if not math.isfinite(value):
        return NOT_A_NUMBER
    rounded = round(value, 3) + 0.0
    return f"{rounded:{'+' if sign and rounded else ''}.3f}"


def label_of_first(cells: int) -> str:
    """Over the answer as it was."""
    return fit("with the whole picture", cells)


def without(again: Again) -> str:
    """`without 12 marked tokens (mean)`."""
    return f"without {count(len(again.tokens), 'marked token')} ({again.by})"


def change_of(speech: Speech, ablation: Ablation, token: int | None) -> float:
    """By how much the log-probability of a token, or of the whole answer as far as it was heard, rose."""
    if token is None:
        return float(ablation.changes[: len(speech.tokens)].sum())
    return float(ablation.changes[token]) if token < len(ablation.changes) else math.nan


def folded(text: str, cells: int) -> list[str]:
    """Text in lines of at most `cells` cells: between words where that can be, and within what has no spaces."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        for part in wrapped(plain(paragraph), cells):
            start = used = 0
            for i, character in enumerate(part):
                if used + width(character) > cells and i > start:
                    lines.append(part[start:i])
                    start, used = i, 0
                used += width(character)
            lines.append(part[start:])
    return lines


def clipped(lines: Sequence[str], most: int, tail: bool = False) -> list[str]:
    """The first lines, or while it goes on the last; with an ellipsis where some are left out."""
    if len(lines) <= most:
        return list(lines)
    if tail:
        return [f"… {lines[-most]}", *lines[len(lines) - most + 1 :]]
    return [*lines[: most - 1], f"{lines[most - 1]} …"]


def _probability(said: AnswerToken) -> float:
    return math.exp(said.log_prob) if math.isfinite(said.log_prob) else 0.0
