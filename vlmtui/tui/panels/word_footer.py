"""Footer of the words: how sure they are (noise baseline, agreement, margin), and the norm. The least important is left
out first."""

from __future__ import annotations

from collections.abc import Sequence

from vlmtui.display.metric_names import length_warning
from vlmtui.display.numbers import among_words, count, format_number, ordinal, part_of, percent
from vlmtui.display.pieces import fit, fold, fold_name, isolate, visible, width
from vlmtui.reading import of_patches
from vlmtui.results.folded_words import TIMES
from vlmtui.results.hub_words import HUB_MARK
from vlmtui.results.noise_baseline import NOISE_LEVEL, NoisePercentile
from vlmtui.tui.state import early_exit
from vlmtui.tui.state.noise_baseline import (
    metrics_agreeing,
    noise_percentile,
    share_above,
    words_of_noise_awaited,
)
from vlmtui.tui.state.page_words import voted_word
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import TOKENS, llm_depth
from vlmtui.tui.state.word_table import WordRow
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import Part

NOISE_AWAITED = "noise: ..."
NOTHING_PICKED = "no word was picked"
_BETWEEN = " · "
_NOUNS = {True: "patches", False: "tokens"}
MOST_OF_NAME = 16
"""Cells of a word's name among them."""
ONE_LINE = 110
"""Cells in which most of it stands in one line."""

# how early it is left out, its parts, and those that say it in fewer cells
_Saying = tuple[int, list[Part], list[Part]]


def footer_rows(cells: int) -> int:
    """The lines that it should have in so many cells."""
    return 1 if cells >= ONE_LINE else 2


def footer(
    r: Roles, results: Results, selection: Selection, words: tuple[WordRow, ...], room: int, cells: int, rows: int = 1
) -> list[list[Part]]:
    """Of the token under the cursor, in at most `rows` lines of `cells`; `room` words are shown."""
    if results.place(selection) is None:
        return []
    dim, text = r.style("dim"), r.style()
    explained = bool(words) and words[-1].explained is not None
    sayings: list[_Saying] = []
    if explained or not words:
        first = _explained(r, words) if words else [(NOTHING_PICKED, dim)]
        sayings.append((0, first, first))
    if selection.stage == TOKENS and not selection.projected:
        sayings += _lengths(r, results, selection)
    standing, hubs = noise_percentile(results, selection, words), results.hubs(selection)
    if standing is not None:
        # the verdict is on the first of them, which does not stand out where it is a hub word
        sayings += _noise(r, standing, [(_name(words[0]), text), (" ", dim)] if words[0].id in hubs else [])
    elif words_of_noise_awaited(results, selection):
        sayings.append((0, [(NOISE_AWAITED, dim)], [(NOISE_AWAITED, dim)]))
    agreeing = metrics_agreeing(results, selection, words)
    if agreeing is not None:
        many, of = agreeing
        said = f"{many} of {of}"
        sayings.append((1, [(said, text), (" metrics agree", dim)], [(said, text), (" agree", dim)]))
    if len(words) > 1 and not explained:
        margin: list[Part] = [("margin ", dim), (format_number(words[0].score - words[1].score, 3), text)]
        sayings.append((1, margin, margin))
    if any(word.id in hubs for word in words[:room]):
        sayings.append((1, [(f"{HUB_MARK} in most lists", dim)], [(f"{HUB_MARK} common", dim)]))
    if any(word.spellings > 1 for word in words[:room]):
        sayings.append((3, [(f"{TIMES} counts spellings", dim)], [(f"{TIMES} spellings", dim)]))
    share = share_above(results, selection)
    if share is not None and standing is not None:
        many_of: list[Part] = [(percent(share), text), (f" of {_NOUNS[of_patches(selection.stage)]}", dim)]
        sayings.append((2, [*many_of, (" above noise", dim)], [*many_of, (" above", dim)]))
    if selection.projected:
        whence = early_exit.early_exit_footer(results, selection)
        sayings.append((0, [(whence, dim)], [(whence.partition(";")[0], dim)]))
    else:
        sayings += _norm(r, results, selection)
    if len(words) > room:
        more: list[Part] = [(f"{len(words) - room} more", dim)]
        sayings.append((1, more, more))
    sayings += _segment(r, results, selection, words, cells)
    return _fitting([saying for saying in sayings if saying[1]], cells, (_BETWEEN, dim), rows)


def _segment(r: Roles, results: Results, selection: Selection, words: tuple[WordRow, ...], cells: int) -> list[_Saying]:
    """Why the segment under the cursor has another word than the first of these, where it has."""
    voted = voted_word(results, selection)
    if not voted or not words or fold(voted) == fold_name(words[0].id, words[0].piece, words[0].text):
        return []
    dim = r.style("dim")
    ends = ": its neighbours' vote, not this token's top-1", ": neighbours' vote"
    name = isolate(fit(voted, min(width(voted), max(1, cells - width(ends[-1])))))
    word: Part = (name, r.style("accent"))
    forms: list[list[Part]] = [[("segment ", dim), word, (end, dim)] for end in ends]
    # the longest that fits on a line goes before what is of less weight
    said = next((form for form in forms if _wide(form) <= cells), [word, (ends[-1], dim)])
    return [(0, said, said)]


def _explained(r: Roles, words: tuple[WordRow, ...]) -> list[Part]:
    dim, share = r.style("dim"), percent(100 * (words[-1].explained or 0.0))
    return [("explained ", dim), (share, r.style()), (f" by {count(len(words), 'word')}", dim)]


def _lengths(r: Roles, results: Results, selection: Selection) -> list[_Saying]:
    """That the metric orders by the words' length, where it does."""
    assert results.reading is not None
    ratio = results.reading.length_ratio
    warning = length_warning([selection.order], ratio)
    if not warning or ratio is None:
        return []
    alarm = r.style("outlier")
    return [(0, [(warning, alarm)], [(f"tokens {format_number(ratio, 2)}× words' length", alarm)])]


def _name(word: WordRow) -> str:
    name = visible(word.piece, word.text)
    return isolate(fit(name, min(width(name), MOST_OF_NAME)))


def _noise(r: Roles, standing: NoisePercentile, of: list[Part]) -> list[_Saying]:
    """The verdict against the shuffled image, where there is none against random vectors, and how much it beats; `of`
    names the word."""
    dim, text = r.style("dim"), r.style()

    def beats(said: str, only: str = "") -> list[Part]:
        share, _, rest = said.partition(" ")
        return [(f"beats {only}", dim), (share, text), (f" {rest}" if rest else "", dim)]

    if standing.of_noise is None:
        return []
    noise = "random vectors" if standing.percentile is None else "noise"
    it = noise if standing.percentile is None else "shuffled patches"
    verdict: Part = (f"within {noise}", r.style("accent")) if standing.within else (f"above {noise}", r.style("strong"))
    whole = {100.0: "all of it", 0.0: "none of it"}
    only = "only " if standing.within and standing.of_noise else ""
    by: list[Part] = [(": ", dim), *beats(part_of(standing.of_noise, it), only)]
    of_it = part_of(standing.of_noise, "it")
    briefly = of_it.partition(" ")[0] if only else whole.get(standing.of_noise, of_it)
    brief: list[Part] = [(": ", dim), *beats(briefly, only)]
    sayings: list[_Saying] = [(0, [*of, verdict], [*of, verdict]), (2, by, brief)]
    if only:
        enough: list[Part] = [(f", not {percent(NOISE_LEVEL)}", dim)]
        sayings.append((6, enough, enough))
    if standing.same is not None:
        same = percent(standing.same)
        inside: list[Part] = [(", same top-1 in ", dim), (same, text)]
        sayings.append((7, [*inside, (" of them", dim)], inside))
    if standing.percentile is not None and standing.random is not None:
        beyond = beats(part_of(standing.random, "random vectors"))
        sayings.append((6, beyond, beyond))
    return sayings


def _norm(r: Roles, results: Results, selection: Selection) -> list[_Saying]:
    norms, entry = results.norms_at(selection.stage), results.entry(selection)
    if norms is None or entry is None or results.reading is None:
        return []
    if llm_depth(selection.stage) is None:
        where = among_words(float(results.reading.percentiles[entry]))
    else:
        where = f" {ordinal(int(norms.rank[entry]) + 1)} of {len(norms.values):,} tokens"
    dim = r.style("dim")
    norm: list[Part] = [("norm ", dim), (format_number(float(norms.values[entry])), r.style())]
    return [(4, norm, norm), (5, [(where, dim)], [(where, dim)])]


def _fitting(sayings: Sequence[_Saying], cells: int, between: Part, rows: int) -> list[list[Part]]:
    """The sayings that fit together, in their order, those that are left out last first, each whole where there is the
    room; some go on from another."""
    order = sorted(range(len(sayings)), key=lambda i: sayings[i][0])
    said: dict[int, list[Part]] = {}

    def laid(trial: dict[int, list[Part]]) -> list[list[Part]]:
        return _laid([trial[i] for i in sorted(trial)], cells, between)

    def fits(trial: dict[int, list[Part]]) -> bool:
        lines = laid(trial)
        return len(lines) <= rows and all(_wide(one) <= cells for one in lines)

    for i in order:
        _, _, brief = sayings[i]
        if _goes_on(brief) and i - 1 not in said:
            continue
        # the first is said, if it must be cut; where one has no room, nothing of less weight is said in its place: the
        # line has the same form at every token
        if said and not fits({**said, i: brief}):
            break
        said[i] = brief
    for i in order:
        if i in said and fits(longer := {**said, i: sayings[i][1]}):
            said = longer
    return laid(said)


def _goes_on(said: list[Part]) -> bool:
    """Whether it goes on from what is said before it."""
    return said[0][0].startswith((" ", ",", ":"))


def _laid(sayings: Sequence[list[Part]], cells: int, between: Part) -> list[list[Part]]:
    """Sayings in lines of at most so many cells; one that is longer, or goes on beyond them, makes its line longer."""
    lines: list[list[Part]] = []
    for said in sayings:
        joined = [*lines[-1], *([] if _goes_on(said) else [between]), *said] if lines else said
        if lines and (_goes_on(said) or _wide(joined) <= cells):
            lines[-1] = joined
        else:
            lines.append(said)
    return lines


def _wide(parts: Sequence[Part]) -> int:
    return sum(width(text) for text, _ in parts)
