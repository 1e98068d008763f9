"""Footer of the words: margin, noise baseline, agreement, norm. The least important is left out first."""

from __future__ import annotations

from collections.abc import Sequence

from vlmtui.display.numbers import count, format_number, ordinal, percent
from vlmtui.display.pieces import width
from vlmtui.results.noise_baseline import NoisePercentile
from vlmtui.tui.state import early_exit
from vlmtui.tui.state.noise_baseline import metrics_agreeing, noise_percentile
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import llm_depth
from vlmtui.tui.state.word_table import WordRow
from vlmtui.tui.terminal.theme import Roles
from vlmtui.tui.widgets.lines import Part

NOTHING_PICKED = "no word was picked"
_BETWEEN = " · "

# how early it is left out, its parts, and those that say it in fewer cells
_Saying = tuple[int, list[Part], list[Part]]


def footer(
    r: Roles, results: Results, selection: Selection, words: tuple[WordRow, ...], room: int, cells: int
) -> list[Part]:
    """Of the token under the cursor, in `cells`; `room` words are shown."""
    if results.place(selection) is None:
        return []
    dim, text = r.style("dim"), r.style()
    first = _first(r, words)
    sayings: list[_Saying] = [(0, first, first)]
    standing = noise_percentile(results, selection, words)
    if standing is not None:
        sayings += _noise(r, standing)
    agreeing = metrics_agreeing(results, selection, words)
    if agreeing is not None:
        many, of = agreeing
        said = f"{many} of {of}"
        sayings.append((2, [(said, text), (" metrics agree", dim)], [(said, text), (" agree", dim)]))
    if selection.projected:
        whence: list[Part] = [(early_exit.early_exit_footer(results, selection), dim)]
        sayings.append((0, whence, whence))
    else:
        sayings += _norm(r, results, selection)
    if len(words) > room:
        more: list[Part] = [(f"{len(words) - room} more", dim)]
        sayings.append((1, more, more))
    return _fitting([saying for saying in sayings if saying[1]], cells, (_BETWEEN, dim))


def _first(r: Roles, words: tuple[WordRow, ...]) -> list[Part]:
    dim, text = r.style("dim"), r.style()
    if not words:
        return [(NOTHING_PICKED, dim)]
    if words[-1].explained is not None:
        share = percent(100 * words[-1].explained)
        return [("explained ", dim), (share, text), (f" by {count(len(words), 'word')}", dim)]
    if len(words) > 1:
        return [("margin ", dim), (format_number(words[0].score - words[1].score, 3), text)]
    return []


def _noise(r: Roles, standing: NoisePercentile) -> list[_Saying]:
    """Against the shuffled image; where there is none against random vectors."""
    dim, text = r.style("dim"), r.style()
    sayings: list[_Saying] = []
    if standing.percentile is not None:
        above: list[Part] = [("above ", dim), (percent(standing.percentile), text)]
        above.append((" of noise", dim))
        sayings.append((1, above, above))
    if standing.same is not None:
        same: list[Part] = [(", top-1 in ", dim), (percent(standing.same), text)]
        sayings.append((3, [*same, (" of it", dim)], same))
    if standing.random is not None:
        beyond: list[Part] = [("above ", dim), (percent(standing.random), text), (" of random", dim)]
        sayings.append((6 if standing.percentile is not None else 1, beyond, beyond))
    return sayings


def _norm(r: Roles, results: Results, selection: Selection) -> list[_Saying]:
    norms, entry = results.norms_at(selection.stage), results.entry(selection)
    if norms is None or entry is None or results.reading is None:
        return []
    if llm_depth(selection.stage) is None:
        where = f" above {percent(float(results.reading.percentiles[entry]))} of words"
    else:
        where = f" {ordinal(int(norms.rank[entry]) + 1)} of {len(norms.values):,} tokens"
    dim = r.style("dim")
    norm: list[Part] = [("norm ", dim), (format_number(float(norms.values[entry])), r.style())]
    return [(4, norm, norm), (5, [(where, dim)], [(where, dim)])]


def _fitting(sayings: Sequence[_Saying], cells: int, between: Part) -> list[Part]:
    """The sayings that fit together, in their order; some go on from the one before it."""
    left = list(sayings)
    while True:
        for which in (1, 2):
            parts: list[Part] = []
            for saying in left:
                said = saying[1] if which == 1 else saying[2]
                parts += [*([between] if parts and not said[0][0].startswith((" ", ",")) else []), *said]
            if sum(width(text) for text, _ in parts) <= cells or (which == 2 and len(left) < 2):
                return parts
        left.remove(max(left, key=lambda saying: saying[0]))
